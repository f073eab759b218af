# lkedge: pure
"""What is different between two settings of one track, in words, and what that does to it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import fields, replace
from enum import IntEnum
from typing import Any

from lkedge.config.models import AUTO, CaptureConfig, TrackConfig, VideoPublish
from lkedge.log import redact
from lkedge.media.layers import SimulcastLayer
from lkedge.plugin.api import AudioFormat, VideoFormat
from lkedge.publish.track import CONTROLS_OPTION, needs_other_worker, track_for

_USUAL = VideoFormat(1280, 720, 30)
"""Stands for what a source delivers that may choose; enough to see whether the layers stay the same."""

_MAX_TEXT = 60

_IMPLIED = ("is_screen_share",)
_BY_LAYER = ("max_bitrate", "max_framerate", "lower_layers", "simulcast")


class Reach(IntEnum):
    """How far a change goes."""

    LIVE = 0
    """The track goes on; at most one layer begins with a key frame."""
    WORKER = 1
    """Source and encoders are opened anew; the track keeps its SID."""
    PUBLICATION = 2
    """The server has to be told anew; the track gets another SID."""


def reach(old: TrackConfig, new: TrackConfig) -> Reach:
    """How far it is from one to the other; both have the same name, and differ."""
    if old.kind is not new.kind or _announcement(old) != _announcement(new):
        return Reach.PUBLICATION
    return Reach.WORKER if needs_other_worker(old, new) else Reach.LIVE


def differences(old: TrackConfig, new: TrackConfig) -> tuple[str, ...]:
    """A few words for everything but `enabled`: "bitrate of h 450 -> 300 kbit/s"."""
    return tuple(_differences(old, new))


def change(what: str, before: object, after: object) -> str:
    """`gain 1 -> 4`, without secrets."""
    return f"{what} {_shown(before)} -> {_shown(after)}"


def _differences(old: TrackConfig, new: TrackConfig) -> Iterator[str]:
    for name in ("source", "publish_as", "isolation"):
        yield from _field(name, old, new)
    if old.source == new.source:
        yield from _options(old.source_options, new.source_options)
    yield from _capture(old.capture, new.capture)
    yield from _publish(old, new)
    if old.muted != new.muted:
        yield "muted" if new.muted else "unmuted"


def _field(name: str, old: object, new: object, what: str = "") -> Iterator[str]:
    before, after = getattr(old, name), getattr(new, name)
    if before != after:
        yield change(what or name.removesuffix("_s"), before, after)


def _options(old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[str]:
    for name in sorted(old.keys() | new.keys()):
        before, after = old.get(name), new.get(name)
        if name == CONTROLS_OPTION and isinstance(before, Mapping) and isinstance(after, Mapping):
            yield from (f"control {words}" for words in _options(before, after))
        elif before != after:
            yield change(name, before, after)


def _capture(old: CaptureConfig, new: CaptureConfig) -> Iterator[str]:
    if (old.width, old.height) != (new.width, new.height):
        yield change("capture", _size(old), _size(new))
    yield from _field("framerate", old, new, "capture frame rate")
    for field in fields(CaptureConfig):
        if field.name not in ("width", "height", "framerate"):
            yield from _field(field.name, old, new)


def _publish(old: TrackConfig, new: TrackConfig) -> Iterator[str]:
    if type(old.publish) is not type(new.publish):
        return
    layers = _layers(old), _layers(new)
    has_known_layers = bool(layers[0] and layers[1])
    for field in fields(old.publish):
        if field.name == "audio_bitrate":
            yield from _bitrate("bitrate", getattr(old.publish, field.name), getattr(new.publish, field.name))
        elif field.name == "encoder":
            yield from _encoder(old.publish.encoder, new.publish.encoder)
        elif field.name not in (_IMPLIED + _BY_LAYER if has_known_layers else _IMPLIED):
            yield from _field(field.name, old.publish, new.publish)
    if has_known_layers:
        yield from _ladder(*layers)


def _encoder(old: str, new: str) -> Iterator[str]:
    if old != new:
        yield change("encoder", old if old != AUTO else "auto", new if new != AUTO else "auto")


def _ladder(old: tuple[SimulcastLayer, ...], new: tuple[SimulcastLayer, ...]) -> Iterator[str]:
    before, after = {layer.rid: layer for layer in old}, {layer.rid: layer for layer in new}
    if before.keys() != after.keys():
        yield change("layers", _names(old), _names(new))
        return
    for rid in before:
        yield from _layer(rid or "the layer", before[rid], after[rid])


def _layer(name: str, old: SimulcastLayer, new: SimulcastLayer) -> Iterator[str]:
    if (old.width, old.height) != (new.width, new.height):
        yield f"size of {name} {old.width}x{old.height} -> {new.width}x{new.height}"
    yield from _bitrate(f"bitrate of {name}", old.encoding.max_bitrate, new.encoding.max_bitrate)
    if old.encoding.max_framerate != new.encoding.max_framerate:
        yield f"frame rate of {name} {old.encoding.max_framerate:g} -> {new.encoding.max_framerate:g}"


def _bitrate(what: str, old: int, new: int) -> Iterator[str]:
    if old != new:
        yield f"{what} {old / 1000:g} -> {new / 1000:g} kbit/s"


def _layers(config: TrackConfig) -> tuple[SimulcastLayer, ...]:
    """As far as they can be known before the source is open."""
    publish, capture = config.publish, config.capture
    if not isinstance(publish, VideoPublish) or not (capture.width and capture.height):
        return ()
    return publish.layers(capture.width, capture.height, capture.framerate)


def _announcement(config: TrackConfig) -> tuple[str, ...]:
    track = track_for(config)
    capture = config.capture
    if isinstance(config.publish, VideoPublish):
        usual = _USUAL if not capture.width else replace(_USUAL, width=capture.width, height=capture.height)
        track.set_format(usual)  # type: ignore[arg-type]
    else:
        track.set_format(AudioFormat(capture.channels))  # type: ignore[arg-type]
    return track.announcement


def _size(capture: CaptureConfig) -> str:
    return f"{capture.width}x{capture.height}" if capture.width and capture.height else "as the source likes"


def _names(layers: tuple[SimulcastLayer, ...]) -> str:
    return " ".join(layer.rid or "single" for layer in layers)


def _shown(value: object) -> str:
    if isinstance(value, bool) or value is None:
        return {True: "on", False: "off", None: "default"}[value]
    text = redact(f"{value:g}" if isinstance(value, float) else str(value))
    if isinstance(value, (tuple, list, Mapping)) or len(text) > _MAX_TEXT:
        return f"{text[: _MAX_TEXT - 3]}..." if len(text) > _MAX_TEXT else text
    return text or '""'
