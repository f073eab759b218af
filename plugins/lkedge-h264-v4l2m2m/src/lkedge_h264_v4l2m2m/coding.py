# lkedge: pure
"""What the encoder must know of the compressed stream: key frames, and headers of their own.

Everything else speaks the stateful encoder protocol, which is the same for every codec.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from lkedge.errors import EncoderError

NAL_IDR, NAL_SPS, NAL_PPS, NAL_DELIMITER = 5, 7, 8, 9
NAL_LAST_PICTURE = 5
"""Types 1 to 5 carry a picture (H.264, table 7-1)."""

START_CODE = b"\0\0\0\1"

FWHT_FLAGS = slice(20, 24)
FWHT_I_FRAME = 1 << 10
"""V4L2_FWHT_FL_I_FRAME in the header of a frame (drivers/media/test-drivers/vicodec/codec-fwht.h)."""


class AccessUnit(NamedTuple):
    data: bytes
    is_key: bool


class CodedStream(Protocol):
    """Follows one stream from its start."""

    def accept(self, data: bytes, *, is_flagged: bool) -> AccessUnit | None:
        """What the driver delivered in one buffer; None for headers without a picture.

        is_flagged: the driver says that it is a key frame.
        """
        ...


@dataclass(frozen=True, slots=True)
class Coding:
    """fourcc: of the CAPTURE queue. needs_bitrate: useless without a bitrate control."""

    name: str
    fourcc: str
    stream: Callable[[], CodedStream]
    needs_bitrate: bool


class H264Stream:
    """Sees that every IDR picture stands behind its parameter sets.

    Drivers differ: some repeat them when told to, some send them once, in a buffer of their own
    or with the first picture. The newest are kept and put before an IDR that comes without.
    """

    def __init__(self) -> None:
        self._parameter_sets: dict[int, bytes] = {}

    def accept(self, data: bytes, *, is_flagged: bool) -> AccessUnit | None:
        """Raises EncoderError for an IDR picture when no parameter sets ever came."""
        units = leading_units(data)
        for unit in units:
            if unit.type in (NAL_SPS, NAL_PPS):
                self._parameter_sets[unit.type] = data[unit.start : unit.stop].rstrip(b"\0")
        if not units or not 1 <= units[-1].type <= NAL_LAST_PICTURE:
            return None
        if units[-1].type != NAL_IDR:
            return AccessUnit(data, False)
        return AccessUnit(self._complete(data, units), True)

    def _complete(self, data: bytes, units: list[NalUnit]) -> bytes:
        present = {unit.type for unit in units}
        missing = [kind for kind in (NAL_SPS, NAL_PPS) if kind not in present]
        if not missing:
            return data
        if any(kind not in self._parameter_sets for kind in missing):
            raise EncoderError("the driver sent a key frame without SPS and PPS, which nobody can decode")
        # In their order, before whatever was there; a delimiter must stay first (H.264, 7.4.1.2.3).
        sets = b"".join(START_CODE + self._parameter_sets[kind] for kind in (NAL_SPS, NAL_PPS))
        begin = units[1].code if units[0].type == NAL_DELIMITER and len(units) > 1 else units[0].code
        return data[:begin] + sets + data[begin:]


class NalUnit(NamedTuple):
    """code: where its start code begins; data[start:stop] is the unit."""

    type: int
    code: int
    start: int
    stop: int


def leading_units(data: bytes) -> list[NalUnit]:
    """The NAL units of an Annex-B stream up to and with the first that carries a picture."""
    units: list[NalUnit] = []
    place = data.find(b"\0\0\1")
    while 0 <= place < len(data) - 3:
        start = place + 3
        kind = data[start] & 31
        is_picture = 1 <= kind <= NAL_LAST_PICTURE
        following = -1 if is_picture else data.find(b"\0\0\1", start)
        code = place - 1 if place and data[place - 1] == 0 else place
        units.append(NalUnit(kind, code, start, following if following >= 0 else len(data)))
        if is_picture:
            break
        place = following
    return units


class FwhtStream:
    """Every frame has a header with its kind; vicodec's encoder sets no flag on the buffer."""

    def accept(self, data: bytes, *, is_flagged: bool) -> AccessUnit | None:
        is_intra = bool(int.from_bytes(data[FWHT_FLAGS], "big") & FWHT_I_FRAME)
        return AccessUnit(data, is_intra or is_flagged)


H264 = Coding("H.264", "H264", H264Stream, needs_bitrate=True)

FWHT = Coding("FWHT", "FWHT", FwhtStream, needs_bitrate=False)
"""The codec of the kernel's virtual encoder `vicodec`, for tests."""
