# lkedge: pure
"""RTP payload format for H.264, packetization mode 1 (RFC 6184)."""

from __future__ import annotations

from lkedge.rtp.packetizer import Payload, split_evenly
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

NalRange = tuple[int, int]
"""Where a NAL unit begins and ends in its access unit."""


def split_annex_b(data: bytes) -> list[NalRange]:
    """The NAL units of an Annex-B byte stream, without start codes and trailing zeros.

    A stream without any start code has none. Source: H.264, annex B.
    """
    units = []
    start = data.find(_START_CODE)
    while start >= 0:
        start += len(_START_CODE)
        following = data.find(_START_CODE, start)
        stop = _without_zeros(data, start, following if following >= 0 else len(data))
        if stop > start:
            units.append((start, stop))
        start = following
    return units


def _without_zeros(data: bytes, start: int, stop: int) -> int:
    while stop > start and data[stop - 1] == 0:
        stop -= 1
    return stop


def fragment(data: bytes, start: int, stop: int) -> list[Payload]:
    """FU-A payloads of nearly equal size; only the first has S, only the last has E.

    data[start:stop]: one NAL unit longer than MAX_PAYLOAD_BYTES. Source: RFC 6184, section 5.8.
    """
    indicator = data[start] & _NRI_MASK | NAL_FU_A
    nal_type = data[start] & _TYPE_MASK
    payloads = split_evenly(bytes((indicator, nal_type)), start + 1, stop, MAX_PAYLOAD_BYTES - 2)
    payloads[0] = (bytes((indicator, _FU_START | nal_type)), *payloads[0][1:])
    payloads[-1] = (bytes((indicator, _FU_END | nal_type)), *payloads[-1][1:])
    return payloads


def aggregate(units: list[bytes]) -> bytes:
    """One STAP-A payload of several NAL units. Source: RFC 6184, section 5.7.1."""
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

    def packetize(self, data: bytes, timestamp: int) -> list[Payload]:
        """data: one access unit in Annex-B."""
        ranges = [unit for unit in split_annex_b(data) if data[unit[0]] & _TYPE_MASK != NAL_FILLER]
        missing = self._missing_parameter_sets(data, ranges)
        return _Packing(data, missing).pack(ranges)

    def _missing_parameter_sets(self, data: bytes, ranges: list[NalRange]) -> list[bytes]:
        types = {data[start] & _TYPE_MASK: (start, stop) for start, stop in ranges}
        for nal_type in (NAL_SPS, NAL_PPS):
            if nal_type in types:
                start, stop = types[nal_type]
                self._parameter_sets[nal_type] = data[start:stop]
        if NAL_IDR not in types or NAL_SPS in types:
            return []
        lacking = [nal_type for nal_type in (NAL_SPS, NAL_PPS) if nal_type not in types]
        return [self._parameter_sets[nal_type] for nal_type in lacking if nal_type in self._parameter_sets]


class _Packing:
    """Packs the NAL units of one access unit, each behind those that wait for company."""

    def __init__(self, data: bytes, waiting: list[bytes]) -> None:
        self._data = data
        self._waiting = waiting
        self._size = 1 + sum(2 + len(unit) for unit in waiting)
        self._payloads: list[Payload] = []

    def pack(self, ranges: list[NalRange]) -> list[Payload]:
        for start, stop in ranges:
            if self._size + 2 + stop - start > MAX_PAYLOAD_BYTES:
                self._flush()
            if stop - start > MAX_PAYLOAD_BYTES:
                self._payloads += fragment(self._data, start, stop)
                continue
            self._waiting.append(self._data[start:stop])
            self._size += 2 + stop - start
        self._flush()
        return self._payloads

    def _flush(self) -> None:
        """What waits becomes one payload; a delimiter alone tells a receiver nothing and is left out."""
        units = self._waiting
        if len(units) > 1:
            self._payloads.append((aggregate(units), 0, 0))
        elif units and units[0][0] & _TYPE_MASK != NAL_ACCESS_UNIT_DELIMITER:
            self._payloads.append((units[0], 0, 0))
        self._waiting, self._size = [], 1
