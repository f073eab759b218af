# lkedge: pure
"""The bytes on the link: length-prefixed messages, JSON for control, binary for encoded frames and snapshots.

A message is a length (4 bytes, of what follows the kind), a kind (1 byte) and a body. The
body of an encoded frame is a fixed header, the rid, and the payload; that of a snapshot is
the number of its request (4 bytes) and the JPEG.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable

from lkedge.media.frame import EncodedFrame
from lkedge.terms import Codec, Rid

CONTROL = 0
FRAME = 1
SNAPSHOT = 2

MAX_CONTROL_BYTES = 64 * 1024
MAX_FRAME_BYTES = 16 * 1024 * 1024
"""More than a key frame of the largest picture at the highest rate anybody sends."""

MAX_SNAPSHOT_BYTES = 8 * 1024 * 1024

PREFIX = struct.Struct("!IB")
_REQUEST = struct.Struct("!I")
_MAX_BYTES = {CONTROL: MAX_CONTROL_BYTES, FRAME: MAX_FRAME_BYTES, SNAPSHOT: MAX_SNAPSHOT_BYTES + _REQUEST.size}
_FRAME_HEADER = struct.Struct("!BBBBHHq")
_CODECS = (Codec.VP8, Codec.H264, Codec.OPUS)
_IS_KEY = 1
_HAS_VOICE = 2


def control_message(body: bytes) -> bytes:
    return PREFIX.pack(len(body), CONTROL) + body


def frame_message(frame: EncodedFrame) -> bytes:
    rid = frame.rid.encode()
    flags = _IS_KEY * frame.is_key | _HAS_VOICE * frame.has_voice
    header = _FRAME_HEADER.pack(
        _CODECS.index(frame.codec), flags, frame.audio_level, len(rid), frame.width, frame.height, frame.captured_ns
    )
    return b"".join((PREFIX.pack(len(header) + len(rid) + len(frame.data), FRAME), header, rid, frame.data))


def parse_frame(body: memoryview) -> EncodedFrame:
    """The payload is copied. Raises ValueError."""
    try:
        codec, flags, level, rid_length, width, height, captured_ns = _FRAME_HEADER.unpack_from(body)
        start = _FRAME_HEADER.size + rid_length
        rid = Rid(str(body[_FRAME_HEADER.size : start], "ascii"))
        data = bytes(body[start:])
        kind = _CODECS[codec]
    except (struct.error, IndexError, UnicodeDecodeError) as error:
        raise ValueError(f"not an encoded frame: {error}") from error
    if not data or level > 127:
        raise ValueError("an encoded frame without data or with a wrong audio level")
    is_key, has_voice = bool(flags & _IS_KEY), bool(flags & _HAS_VOICE)
    return EncodedFrame(kind, rid, data, captured_ns, is_key, width, height, level, has_voice)


def snapshot_message(request: int, jpeg: bytes) -> bytes:
    return b"".join((PREFIX.pack(_REQUEST.size + len(jpeg), SNAPSHOT), _REQUEST.pack(request), jpeg))


def parse_snapshot(body: memoryview) -> tuple[int, bytes]:
    """Request and JPEG, which is copied. Raises ValueError."""
    if len(body) <= _REQUEST.size:
        raise ValueError("a snapshot without a picture")
    return _REQUEST.unpack_from(body)[0], bytes(body[_REQUEST.size :])


class MessageBuffer:
    """Collects received bytes and cuts them into messages.

    Receive into `space()`, then `commit(count)`, then take `messages()`. The memory is
    reused; it grows to the largest message seen and is bounded by MAX_FRAME_BYTES.
    """

    def __init__(self, capacity: int = 64 * 1024) -> None:
        self._memory = bytearray(capacity)
        self._start = 0
        self._end = 0

    def space(self) -> memoryview:
        """Where the next received bytes belong; never empty."""
        if self._start == self._end:
            self._start = self._end = 0
        elif self._end == len(self._memory):
            self._make_room()
        return memoryview(self._memory)[self._end :]

    def commit(self, count: int) -> None:
        self._end += count

    def messages(self) -> Iterable[tuple[int, memoryview]]:
        """Every complete message as (kind, body); a body is valid until the next one is taken.

        Raises:
            ValueError: the stream is not ours; nothing after this can be trusted.
        """
        while (length := self._next_length()) is not None:
            begin = self._start + PREFIX.size
            kind = self._memory[begin - 1]
            self._start = begin + length
            with memoryview(self._memory) as view, view[begin : begin + length] as body:
                yield kind, body

    def _next_length(self) -> int | None:
        if self._end - self._start < PREFIX.size:
            return None
        length, kind = PREFIX.unpack_from(self._memory, self._start)
        if length > _MAX_BYTES.get(kind, -1):
            raise ValueError(f"a message of kind {kind} with {length} bytes")
        is_complete = self._end - self._start - PREFIX.size >= length
        return length if is_complete else None

    def _make_room(self) -> None:
        held = self._memory[self._start : self._end]
        wanted = PREFIX.size
        if len(held) >= PREFIX.size:
            wanted += PREFIX.unpack_from(held)[0]
        capacity = max(len(self._memory), wanted, 2 * len(held))
        self._memory = held + bytearray(capacity - len(held))
        self._start, self._end = 0, len(held)
