# lkedge: pure
"""What is needed to know of a camera's H.264 before it is sent on as it is.

Source: H.264, sections 7.3.2.1.1 (sequence parameter set), 7.3.3 (slice header), annex B.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

NAL_SLICE = 1
NAL_IDR = 5
NAL_SPS = 7
NAL_PPS = 8

PROFILES = {66: "Baseline", 77: "Main", 100: "High"}
"""Profiles that every browser decodes, by profile_idc."""

_WITH_CHROMA_FORMAT = frozenset({100, 110, 122, 244, 44, 83, 86, 118, 128})
_START_CODE = b"\0\0\1"
_B_SLICES = (1, 6)


@dataclass(frozen=True, slots=True)
class AccessUnit:
    """One coded picture. data: in Annex-B, with SPS and PPS before an IDR."""

    data: bytes
    is_key: bool


class AccessUnits:
    """Keeps the newest parameter sets, and puts them before an IDR that comes without.

    obstacle: why receivers could not play the stream, "" as long as nothing was seen.
    """

    def __init__(self) -> None:
        self._parameter_sets: dict[int, bytes] = {}
        self.obstacle = ""

    def take(self, data: bytes) -> AccessUnit | None:
        """The next access unit of the camera; None for one without a picture or without parameter sets."""
        units = list(nal_units(data))
        for unit in units:
            self._examine(unit)
        types = {unit[0] & 0x1F for unit in units}
        if not types & {NAL_SLICE, NAL_IDR} or len(self._parameter_sets) < 2:
            return None
        if NAL_IDR not in types:
            return AccessUnit(data, False)
        missing = [self._parameter_sets[kind] for kind in (NAL_SPS, NAL_PPS) if kind not in types]
        return AccessUnit(b"".join(b"\0" + _START_CODE + unit for unit in missing) + data, True)

    def _examine(self, unit: bytes) -> None:
        kind = unit[0] & 0x1F
        if kind in (NAL_SPS, NAL_PPS):
            self._parameter_sets[kind] = unit
        if kind == NAL_SPS:
            self.obstacle = self.obstacle or sps_obstacle(unit)
        if kind == NAL_SLICE and _slice_type(unit) in _B_SLICES:
            self.obstacle = self.obstacle or "it has B-frames"


def nal_units(data: bytes) -> Iterator[bytes]:
    """The NAL units of an Annex-B byte stream, without start codes; none without a start code."""
    begin = data.find(_START_CODE)
    while begin >= 0:
        following = data.find(_START_CODE, begin + 3)
        unit = data[begin + 3 : following if following >= 0 else len(data)].rstrip(b"\0")
        if unit:
            yield unit
        begin = following


def sps_obstacle(unit: bytes) -> str:
    """Why browsers could not play a stream with this sequence parameter set; "" when they can."""
    try:
        return _sps_obstacle(unit)
    except IndexError:
        return "its sequence parameter set is cut off"


def _sps_obstacle(unit: bytes) -> str:
    profile = unit[1]
    if profile not in PROFILES:
        return f"its profile {profile} is not {', '.join(PROFILES.values())}"
    bits = Bits(unit[4:])
    bits.unsigned()
    if profile in _WITH_CHROMA_FORMAT:
        chroma, depths = bits.unsigned(), (bits.unsigned(), bits.unsigned())
        if chroma != 1 or any(depths):
            return "its pictures are not 4:2:0 with 8 bits"
        bits.read(1)
        _skip_scaling_matrix(bits)
    _skip_order_count(bits)
    bits.unsigned()
    bits.read(1)
    bits.unsigned()
    bits.unsigned()
    return "" if bits.read(1) else "it is interlaced"


def _skip_scaling_matrix(bits: Bits) -> None:
    if not bits.read(1):
        return
    for index in range(8):
        if bits.read(1):
            _skip_scaling_list(bits, 16 if index < 6 else 64)


def _skip_scaling_list(bits: Bits, size: int) -> None:
    last = following = 8
    for _ in range(size):
        if following:
            following = (last + bits.signed()) % 256
        last = following or last


def _skip_order_count(bits: Bits) -> None:
    """log2_max_frame_num and the picture order count."""
    bits.unsigned()
    kind = bits.unsigned()
    if kind == 0:
        bits.unsigned()
    if kind == 1:
        bits.read(1)
        bits.signed()
        bits.signed()
        for _ in range(bits.unsigned()):
            bits.signed()


def _slice_type(unit: bytes) -> int:
    bits = Bits(unit[1:16])
    try:
        bits.unsigned()
        return bits.unsigned()
    except IndexError:
        return -1


class Bits:
    """Reads numbers from a NAL unit's payload. Raises IndexError at its end."""

    def __init__(self, payload: bytes) -> None:
        self._data = payload.replace(b"\0\0\3", b"\0\0")
        self._position = 0

    def read(self, count: int) -> int:
        value = 0
        for _ in range(count):
            value = value << 1 | self._data[self._position >> 3] >> (7 - self._position % 8) & 1
            self._position += 1
        return value

    def unsigned(self) -> int:
        """ue(v), section 9.1."""
        zeros = 0
        while not self.read(1):
            zeros += 1
        return (1 << zeros) - 1 + self.read(zeros)

    def signed(self) -> int:
        """se(v), section 9.1.1."""
        code = self.unsigned()
        return (code + 1) // 2 if code % 2 else -(code // 2)
