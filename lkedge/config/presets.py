# lkedge: pure
"""LiveKit's presets by name: "h180" to "h2160" for pictures, "telephone" to "music_high_quality_stereo" for sound.

Source: client-sdk-js, room/track/options.ts (livekit-wire.md, sections 11.1 and 11.2).
"""

from __future__ import annotations

from lkedge.media.layers import PRESETS_4_3, PRESETS_16_9, Preset, presets_for
from lkedge.terms import BitsPerSecond

AUDIO_PRESETS = {
    "telephone": BitsPerSecond(12_000),
    "speech": BitsPerSecond(24_000),
    "music": BitsPerSecond(48_000),
    "music_stereo": BitsPerSecond(64_000),
    "music_high_quality": BitsPerSecond(96_000),
    "music_high_quality_stereo": BitsPerSecond(128_000),
}


def _named(presets: tuple[Preset, ...]) -> dict[str, Preset]:
    return {f"h{preset.height}": preset for preset in presets}


_WIDE = _named(PRESETS_16_9)
_NARROW = _named(PRESETS_4_3)

VIDEO_PRESET_NAMES = tuple(sorted({**_WIDE, **_NARROW}, key=lambda name: int(name[1:])))


def video_preset(name: str, width: int = 0, height: int = 0) -> Preset:
    """The preset of this name, from the family of the capture's shape; 16:9 when that is unknown.

    Raises:
        KeyError: no family has such a preset; see VIDEO_PRESET_NAMES.
    """
    is_narrow = bool(width and height) and presets_for(width, height) is PRESETS_4_3
    families = (_NARROW, _WIDE) if is_narrow else (_WIDE, _NARROW)
    return families[0].get(name) or families[1][name]
