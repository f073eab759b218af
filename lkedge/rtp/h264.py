# lkedge: pure
"""RTP payload format for H.264, packetization mode 1 (RFC 6184)."""

from __future__ import annotations

from lkedge.rtp.packetizer import split_evenly
from lkedge.rtp.profile import MAX_PAYLOAD_BYTES

NAL_IDR = 5
NAL_SPS = 7
NAL_PPS = 8
NAL_ACCESS_UNIT_DELIMITER = 9
NAL_FILLER = 12
NAL_STAP_A = 24
NAL_FU_A = 28

_TYPE_MASK = 0x1F
_NRI_MASK = 0x60
_FU_START = 0x80
_FU_END = 0x40
_START_CODE = b"\0\0\1"


def split_annex_b(data: bytes) -> list[bytes]:
    """The NAL units of an Annex-B byte stream, without start codes and trailing zeros.

    A stream without any start code has none. Source: H.264, annex B.
    """
    units = []
    start = data.find(_START_CODE)
    while start >= 0:
        start += 3
        following = data.find(_START_CODE, start)
        unit = data[start : following if following >= 0 else len(data)].rstrip(b"\0")
        if unit:
            units.append(unit)
        start = following
    return units


def fragment(nal: bytes) -> list[bytes]:
    """FU-A payloads of nearly equal size; only the first has S, only the last has E.

    nal: one NAL unit longer than MAX_PAYLOAD_BYTES. Source: RFC 6184, section 5.8.
    """
    indicator = nal[0] & _NRI_MASK | NAL_FU_A
    nal_type = nal[0] & _TYPE_MASK
    chunks = split_evenly(nal, MAX_PAYLOAD_BYTES - 2, start=1)
    middle = bytes((indicator, nal_type))
    payloads = [middle + chunk for chunk in chunks]
    payloads[0] = bytes((indicator, _FU_START | nal_type)) + chunks[0]
    payloads[-1] = bytes((indicator, _FU_END | nal_type)) + chunks[-1]
    return payloads


def aggregate(units: list[bytes]) -> bytes:
    """One STAP-A payload of several NAL units, or the unit itself when there is one.

    Source: RFC 6184, section 5.7.1.
    """
    if len(units) == 1:
        return units[0]
    nri = max(unit[0] & _NRI_MASK for unit in units)
    parts = [bytes((nri | NAL_STAP_A,))]
    for unit in units:
        parts += (len(unit).to_bytes(2, "big"), unit)
    return b"".join(parts)


class H264Packetizer:
    """Aggregates small NAL units in order, fragments large ones.

    Remembers the newest parameter sets and puts them before an IDR picture that comes without:
    the SFU takes nothing else for a key frame (livekit-verified.md, section 9).
    """

    def __init__(self) -> None:
        self._parameter_sets: dict[int, bytes] = {}

    def packetize(self, data: bytes, timestamp: int) -> list[bytes]:
        """data: one access unit in Annex-B."""
        units = [unit for unit in split_annex_b(data) if unit[0] & _TYPE_MASK != NAL_FILLER]
        return _pack(self._with_parameter_sets(units))

    def _with_parameter_sets(self, units: list[bytes]) -> list[bytes]:
        types = [unit[0] & _TYPE_MASK for unit in units]
        for nal_type, unit in zip(types, units, strict=True):
            if nal_type in (NAL_SPS, NAL_PPS):
                self._parameter_sets[nal_type] = unit
        if NAL_IDR not in types or NAL_SPS in types:
            return units
        missing = [self._parameter_sets[kind] for kind in (NAL_SPS, NAL_PPS) if kind in self._parameter_sets]
        return missing + units


def _pack(units: list[bytes]) -> list[bytes]:
    payloads: list[bytes] = []
    waiting: list[bytes] = []
    room = 0
    for unit in units:
        needed = 2 + len(unit)
        if waiting and needed > room:
            payloads += _flush(waiting)
        if len(unit) > MAX_PAYLOAD_BYTES:
            payloads += fragment(unit)
            continue
        room = (room if waiting else MAX_PAYLOAD_BYTES - 1) - needed
        waiting.append(unit)
    return payloads + _flush(waiting)


def _flush(waiting: list[bytes]) -> list[bytes]:
    units = waiting[:]
    waiting.clear()
    is_lone_delimiter = len(units) == 1 and units[0][0] & _TYPE_MASK == NAL_ACCESS_UNIT_DELIMITER
    return [] if is_lone_delimiter or not units else [aggregate(units)]
