# lkedge: pure
"""Simulcast layers: what a track may send, and what it sends now.

The default ladder is the one LiveKit's SDKs choose for a capture size
(livekit-wire.md, sections 11.2 and 11.3; client-sdk-js publishUtils).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from lkedge.terms import BitsPerSecond, Rid, VideoQuality

RIDS = (Rid("q"), Rid("h"), Rid("f"))
"""Low to high. Layer i of a simulcast track has RIDS[i]: the top of two layers is "h"."""

NO_RID = Rid("")

QUALITY_OF_RID = {RIDS[0]: VideoQuality.LOW, RIDS[1]: VideoQuality.MEDIUM, RIDS[2]: VideoQuality.HIGH}


@dataclass(frozen=True, slots=True)
class VideoEncoding:
    """The limits of one encoding, as in LiveKit's `video_encoding`.

    max_bitrate: bits per second. max_framerate: frames per second.
    """

    max_bitrate: BitsPerSecond
    max_framerate: float


@dataclass(frozen=True, slots=True)
class SimulcastLayer:
    """One encoding that a track may send."""

    rid: Rid
    quality: VideoQuality
    width: int
    height: int
    encoding: VideoEncoding


@dataclass(frozen=True, slots=True)
class LayerState:
    """What one layer does now, and why.

    reason: empty while active; else "not subscribed", "muted", "limit", ...
    """

    rid: Rid
    active: bool
    width: int
    height: int
    bitrate: BitsPerSecond
    framerate: float
    reason: str = ""


@dataclass(frozen=True, slots=True)
class LayerPlan:
    """What a video track does now. The worker applies it; control shows it.

    layers: low to high; every layer of the track, active or not.
    capture: whether the source should be open. False releases the device.
    """

    layers: tuple[LayerState, ...]
    capture: bool

    @property
    def active_rids(self) -> frozenset[Rid]:
        return frozenset(state.rid for state in self.layers if state.active)


@dataclass(frozen=True, slots=True)
class Preset:
    width: int
    height: int
    encoding: VideoEncoding


def _preset(width: int, height: int, max_bitrate: int, max_framerate: float) -> Preset:
    return Preset(width, height, VideoEncoding(BitsPerSecond(max_bitrate), max_framerate))


PRESETS_16_9 = (
    _preset(160, 90, 90_000, 20),
    _preset(320, 180, 160_000, 20),
    _preset(384, 216, 180_000, 20),
    _preset(640, 360, 450_000, 20),
    _preset(960, 540, 800_000, 25),
    _preset(1280, 720, 1_700_000, 30),
    _preset(1920, 1080, 3_000_000, 30),
    _preset(2560, 1440, 5_000_000, 30),
    _preset(3840, 2160, 8_000_000, 30),
)

PRESETS_4_3 = (
    _preset(160, 120, 70_000, 20),
    _preset(240, 180, 125_000, 20),
    _preset(320, 240, 140_000, 20),
    _preset(480, 360, 330_000, 20),
    _preset(640, 480, 500_000, 20),
    _preset(720, 540, 600_000, 25),
    _preset(960, 720, 1_300_000, 30),
    _preset(1440, 1080, 2_300_000, 30),
    _preset(1920, 1440, 3_800_000, 30),
)

PRESETS_SCREEN_SHARE = (
    _preset(640, 360, 400_000, 15),
    _preset(1280, 720, 2_000_000, 30),
    _preset(1920, 1080, 2_500_000, 15),
)

SCREEN_SHARE_ORIGINAL = VideoEncoding(BitsPerSecond(7_000_000), 30)
SCREEN_SHARE_LOW_MIN_BITRATE = 150_000


def presets_for(width: int, height: int) -> tuple[Preset, ...]:
    """The preset family of the nearer aspect ratio."""
    ratio = max(width, height) / min(width, height)
    return PRESETS_16_9 if abs(ratio - 16 / 9) < abs(ratio - 4 / 3) else PRESETS_4_3


def default_encoding(width: int, height: int, *, is_screen_share: bool = False) -> VideoEncoding:
    """The encoding of the smallest preset that covers the capture size."""
    presets = PRESETS_SCREEN_SHARE if is_screen_share else presets_for(width, height)
    size = max(width, height)
    for preset in presets:
        if preset.width >= size:
            return preset.encoding
    return SCREEN_SHARE_ORIGINAL if is_screen_share else presets[-1].encoding


def single_layer(width: int, height: int, encoding: VideoEncoding) -> tuple[SimulcastLayer, ...]:
    """A track without simulcast: no rid, declared as HIGH."""
    return (SimulcastLayer(NO_RID, VideoQuality.HIGH, width, height, encoding),)


def simulcast_ladder(
    width: int,
    height: int,
    encoding: VideoEncoding,
    lower: Sequence[Preset] = (),
    *,
    is_screen_share: bool = False,
) -> tuple[SimulcastLayer, ...]:
    """The layers of a simulcast track, low to high.

    Args:
        width, height: of the capture, even.
        encoding: of the top layer, which has the size of the capture.
        lower: sizes and encodings of the lower layers, low to high; empty for the default.
            Layers not smaller than the capture are left out.

    Returns:
        One to three layers. As in LiveKit's SDKs, the longer side decides: from 960 three,
        from 480 two, below that one.
    """
    size = max(width, height)
    if not lower:
        lower = _default_lower(width, height, encoding, is_screen_share)
    room = 2 if size >= 960 else 1 if size >= 480 else 0
    smaller = [preset for preset in lower if min(preset.width, preset.height) < min(width, height)]
    chosen = smaller[:room]
    layers = [
        SimulcastLayer(
            RIDS[index],
            QUALITY_OF_RID[RIDS[index]],
            *_scaled(width, height, preset),
            VideoEncoding(preset.encoding.max_bitrate, min(preset.encoding.max_framerate, encoding.max_framerate)),
        )
        for index, preset in enumerate(chosen)
    ]
    rid = RIDS[len(layers)]
    return (*layers, SimulcastLayer(rid, QUALITY_OF_RID[rid], width, height, encoding))


def refit(layers: Sequence[SimulcastLayer], width: int, height: int) -> tuple[SimulcastLayer, ...]:
    """The same rids for a capture of another size: the top takes it, the others keep their ratio to the top."""
    top = layers[-1]
    return tuple(
        replace(layer, width=_even(width * layer.width / top.width), height=_even(height * layer.height / top.height))
        for layer in layers
    )


def _default_lower(width: int, height: int, encoding: VideoEncoding, is_screen_share: bool) -> tuple[Preset, ...]:
    if is_screen_share:
        bitrate = max(SCREEN_SHARE_LOW_MIN_BITRATE, encoding.max_bitrate // 4)
        half = VideoEncoding(BitsPerSecond(bitrate), encoding.max_framerate)
        return (Preset(width // 2, height // 2, half),)
    family = presets_for(width, height)
    return (family[1], family[3])


def _scaled(width: int, height: int, preset: Preset) -> tuple[int, int]:
    """The capture's shape at the preset's shorter side; even, for 4:2:0."""
    scale = max(1.0, min(width, height) / min(preset.width, preset.height))
    return _even(width / scale), _even(height / scale)


def _even(size: float) -> int:
    return max(2, round(size / 2) * 2)
