"""Lets plugins choose the encoder of a track that leaves it open."""

from __future__ import annotations

from dataclasses import replace

from lkedge.config.models import AUTO, TrackConfig, VideoPublish
from lkedge.plugin.hookspecs import EncoderRequest
from lkedge.plugin.manager import PluginManager
from lkedge.terms import Codec


def with_encoder(track: TrackConfig, plugins: PluginManager) -> TrackConfig:
    """The track with the encoder that a plugin chose.

    The highest rank stays AUTO, so that the worker may fall back to the next one.
    """
    publish = track.publish
    if publish.encoder != AUTO:
        return track
    request = _request(track)
    candidates = plugins.registry.encoders_for(request.codec)
    if not candidates:
        return track
    chosen = plugins.choose_encoder(request)
    return track if chosen is candidates[0] else replace(track, publish=replace(publish, encoder=chosen.name))


def _request(track: TrackConfig) -> EncoderRequest:
    publish, capture = track.publish, track.capture
    if not isinstance(publish, VideoPublish):
        return EncoderRequest(track.name, Codec.OPUS)
    return EncoderRequest(
        track.name,
        publish.video_codec,
        capture.width,
        capture.height,
        capture.framerate,
        is_screen_share=publish.is_screen_share,
    )
