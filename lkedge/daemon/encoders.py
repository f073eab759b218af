"""Which encoder a track gets: what the configuration names, what a plugin chooses, or the best that works here.

Software works anywhere. Hardware is only trusted after a trial with real pictures
(`lkedge.worker.trial`), whose result is remembered. So a first start encodes in software at
once, tries the hardware beside that, and goes over to it when it proves good; every later
start has the answer. The worker's own chain of fall-backs stays behind whatever is chosen here.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

from lkedge.config.models import AUTO, TrackConfig, VideoPublish
from lkedge.plugin.hookspecs import EncoderRequest
from lkedge.plugin.manager import PluginManager
from lkedge.terms import Codec

if TYPE_CHECKING:
    from lkedge.daemon.encoder_trials import EncoderTrials

UseEncoder = Callable[[TrackConfig, TrackConfig], None]
"""Is given a track as it was begun, and the same with a better encoder; called on the event loop."""


class Encoders:
    """Owned by the event loop.

    use: None keeps every track with the encoder it began with; the next start knows better.
    """

    def __init__(
        self, plugins: PluginManager, use: UseEncoder | None = None, *, trials: EncoderTrials | None = None
    ) -> None:
        self._plugins = plugins
        self._use = use
        self._trials = trials

    def with_encoder(self, track: TrackConfig) -> TrackConfig:
        """The track with its encoder, at once. What has to be tried is noted for `start`.

        The highest rank stays AUTO, so that the worker goes by rank.
        """
        candidates = self._plugins.registry.encoders_for(_codec(track))
        if track.publish.encoder != AUTO or not candidates:
            return track
        chosen = self._plugins.choose_encoder(_request(track))
        if chosen is not candidates[0]:
            return _with(track, chosen.name)
        if not chosen.is_hardware or not isinstance(track.publish, VideoPublish):
            return track
        best = self._tried().best(track, track.publish, candidates)
        return track if best is candidates[0] else _with(track, best.name)

    def start(self) -> None:
        """Begin to try what `with_encoder` noted, in the background; nothing happens when there is nothing."""
        if self._trials is not None:
            self._trials.start(self._tried_out)

    async def stop(self) -> None:
        """End the trials."""
        if self._trials is not None:
            await self._trials.stop()

    def _tried(self) -> EncoderTrials:
        if self._trials is None:
            # Only machines with a plugin for hardware pay for it.
            from lkedge.daemon.encoder_trials import EncoderTrials

            self._trials = EncoderTrials(self._plugins)
        return self._trials

    def _tried_out(self, track: TrackConfig, before: str) -> None:
        """The trials for this track are done. before: the encoder that it has."""
        if self._use is None:
            return
        chosen = self.with_encoder(track)
        self.start()
        highest = self._plugins.registry.encoders_for(_codec(track))[0].name
        began = track if before == highest else _with(track, before)
        if chosen != began:
            self._use(began, chosen)


def _with(track: TrackConfig, encoder: str) -> TrackConfig:
    return replace(track, publish=replace(track.publish, encoder=encoder))


def _codec(track: TrackConfig) -> Codec:
    return track.publish.video_codec if isinstance(track.publish, VideoPublish) else Codec.OPUS


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
