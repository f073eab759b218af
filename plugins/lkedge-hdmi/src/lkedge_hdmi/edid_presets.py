# lkedge: pure
"""EDIDs made for a picture size and rate, with stereo sound at 48 kHz.

Source: VESA E-EDID 1.3 (base block), CTA-861-G, sections 7.5 (extension) and 4 (timings), HDMI 1.4b, section 8.3.2.
"""

from __future__ import annotations

from dataclasses import dataclass

from lkedge_hdmi.edid import BLOCK_BYTES, HEADER, checksum

NAME = "lkedge"
_SRGB = bytes.fromhex("ee91a3544c99260f5054")
_PREFERS_FIRST_SRGB = 0x0E
_UNDERSCAN_AUDIO_YCBCR_ONE_NATIVE = 0xF1
_LPCM_STEREO_48KHZ_16BIT = bytes.fromhex("090401")
_UNDERSCANNED_RANGE_SELECTABLE = bytes((0, 0xCA))
_HDMI_OUI = bytes.fromhex("030c00")
_ADDRESS_1_0_0_0 = bytes.fromhex("1000")


@dataclass(frozen=True, slots=True)
class Timing:
    """A picture with its blanking. clock_khz: pixels. front, sync, back: porches and sync, of a row and of a picture.

    vic: its number in CTA-861. others: numbers of what may be sent too.
    """

    clock_khz: int
    width: int
    row: tuple[int, int, int]
    height: int
    picture: tuple[int, int, int]
    vic: int
    others: tuple[int, ...]

    @property
    def framerate(self) -> float:
        return self.clock_khz * 1000 / ((self.width + sum(self.row)) * (self.height + sum(self.picture)))


PRESETS = {
    "720p60": Timing(74_250, 1280, (110, 40, 220), 720, (5, 5, 20), 4, (1,)),
    "1080p30": Timing(74_250, 1920, (88, 44, 148), 1080, (4, 5, 36), 34, (4, 1)),
    "1080p50": Timing(148_500, 1920, (528, 44, 148), 1080, (4, 5, 36), 31, (34, 19, 4, 1)),
    "1080p60": Timing(148_500, 1920, (88, 44, 148), 1080, (4, 5, 36), 16, (34, 4, 1)),
}
"""By the value of the option `edid`. Two CSI lanes carry at most 1080p50."""


def preset(name: str) -> bytes:
    """The EDID of a preset, two blocks."""
    timing = PRESETS[name]
    return _base_block(timing) + _extension_block(timing)


def _base_block(timing: Timing) -> bytes:
    product = _manufacturer("LKE") + (1).to_bytes(2, "little") + (1).to_bytes(4, "little")
    made_and_version = bytes((1, 2026 - 1990, 1, 3))
    digital_80_by_45_cm = bytes((0x80, 80, 45, 120, _PREFERS_FIRST_SRGB))
    vga_only = bytes((0x20, 0, 0)) + b"\1\1" * 8
    descriptors = _detailed(timing) + _range_limits(timing) + _text(0xFC, NAME) + _text(0x10, "")
    return _block(HEADER + product + made_and_version + digital_80_by_45_cm + _SRGB + vga_only + descriptors + b"\1")


def _extension_block(timing: Timing) -> bytes:
    blocks = (
        _data_block(2, bytes((timing.vic, *timing.others)))
        + _data_block(1, _LPCM_STEREO_48KHZ_16BIT)
        + _data_block(4, bytes((1, 0, 0)))
        + _data_block(7, _UNDERSCANNED_RANGE_SELECTABLE)
        + _data_block(3, _HDMI_OUI + _ADDRESS_1_0_0_0 + bytes((0, timing.clock_khz // 5000 + 1)))
    )
    header = bytes((2, 3, 4 + len(blocks), _UNDERSCAN_AUDIO_YCBCR_ONE_NATIVE))
    return _block(header + blocks)


def _block(body: bytes) -> bytes:
    padded = body.ljust(BLOCK_BYTES - 1, b"\0")
    return padded + bytes((checksum(padded),))


def _data_block(tag: int, body: bytes) -> bytes:
    return bytes((tag << 5 | len(body),)) + body


def _manufacturer(letters: str) -> bytes:
    number = 0
    for letter in letters:
        number = number << 5 | ord(letter) - ord("A") + 1
    return number.to_bytes(2, "big")


def _detailed(timing: Timing) -> bytes:
    """A detailed timing descriptor: 18 bytes, both syncs positive."""
    (h_front, h_sync, _), (v_front, v_sync, _) = timing.row, timing.picture
    h_blank, v_blank = sum(timing.row), sum(timing.picture)
    size_mm = (800, 450)
    return (timing.clock_khz // 10).to_bytes(2, "little") + bytes(
        (
            timing.width & 0xFF,
            h_blank & 0xFF,
            timing.width >> 8 << 4 | h_blank >> 8,
            timing.height & 0xFF,
            v_blank & 0xFF,
            timing.height >> 8 << 4 | v_blank >> 8,
            h_front & 0xFF,
            h_sync & 0xFF,
            (v_front & 0xF) << 4 | v_sync & 0xF,
            h_front >> 8 << 6 | h_sync >> 8 << 4 | v_front >> 4 << 2 | v_sync >> 4,
            size_mm[0] & 0xFF,
            size_mm[1] & 0xFF,
            size_mm[0] >> 8 << 4 | size_mm[1] >> 8,
            0,
            0,
            0x1E,
        )
    )


def _range_limits(timing: Timing) -> bytes:
    """Rates in Hz and kHz, and the clock in units of 10 MHz."""
    return bytes((0, 0, 0, 0xFD, 0, 23, 61, 15, 68, -(-timing.clock_khz // 10_000), 0)) + b"\n" + b" " * 6


def _text(tag: int, text: str) -> bytes:
    ended = text.encode("ascii") + b"\n" if text else b""
    return bytes((0, 0, 0, tag, 0)) + ended.ljust(13, b" " if text else b"\0")
