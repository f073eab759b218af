from __future__ import annotations

import random

import pytest

from lkedge.media.frame import EncodedFrame
from lkedge.terms import Codec, Rid
from lkedge.worker import framing
from lkedge.worker.framing import MessageBuffer

FRAMES = [
    EncodedFrame(Codec.VP8, Rid("q"), b"data", 1, True, 320, 180),
    EncodedFrame(Codec.H264, Rid(""), bytes(300_000), 2**62, False, 65534, 2),
    EncodedFrame(Codec.OPUS, Rid(""), b"x", 0, True, 0, 0, 0, False),
]


def receive(buffer: MessageBuffer, data: bytes) -> list[tuple[int, bytes]]:
    """Feed data as a socket would."""
    found = []
    while data:
        space = buffer.space()
        part, data = data[: len(space)], data[len(space) :]
        space[: len(part)] = part
        space.release()
        buffer.commit(len(part))
        found += [(kind, bytes(body)) for kind, body in buffer.messages()]
    return found


@pytest.mark.parametrize("frame", FRAMES, ids=lambda frame: frame.codec)
def test_frame_survives(frame: EncodedFrame) -> None:
    ((kind, body),) = receive(MessageBuffer(), framing.frame_message(frame))
    assert kind == framing.FRAME
    assert framing.parse_frame(memoryview(body)) == frame


def test_snapshot_survives() -> None:
    ((kind, body),) = receive(MessageBuffer(), framing.snapshot_message(2**32 - 1, b"jpeg" * 100_000))
    assert kind == framing.SNAPSHOT
    assert framing.parse_snapshot(memoryview(body)) == (2**32 - 1, b"jpeg" * 100_000)


@pytest.mark.parametrize("body", [b"", b"\0\0\0\1"])
def test_snapshot_without_a_picture_is_refused(body: bytes) -> None:
    with pytest.raises(ValueError, match="without a picture"):
        framing.parse_snapshot(memoryview(body))


@pytest.mark.parametrize("size", [1, 2, 5, 7, 1000])
def test_messages_may_come_in_pieces(size: int) -> None:
    stream = b"".join(framing.control_message(bytes([i]) * i * 37) for i in range(20))
    buffer = MessageBuffer(16)
    found = [item for i in range(0, len(stream), size) for item in receive(buffer, stream[i : i + size])]
    assert [len(body) for _, body in found] == [i * 37 for i in range(20)]


def test_many_messages_may_come_at_once() -> None:
    stream = framing.frame_message(FRAMES[0]) * 500 + framing.control_message(b"{}")
    assert len(receive(MessageBuffer(64), stream)) == 501


@pytest.mark.parametrize(
    "head",
    [
        b"\x00\x00\x00\x01\x07",
        (framing.MAX_CONTROL_BYTES + 1).to_bytes(4, "big") + b"\x00",
        (framing.MAX_FRAME_BYTES + 1).to_bytes(4, "big") + b"\x01",
        (framing.MAX_SNAPSHOT_BYTES + 5).to_bytes(4, "big") + b"\x02",
    ],
)
def test_impossible_message_is_refused(head: bytes) -> None:
    with pytest.raises(ValueError, match="a message of kind"):
        receive(MessageBuffer(), head)


def test_random_bytes_give_a_value_error_or_nothing() -> None:
    generator = random.Random(7)
    for _ in range(300):
        body = generator.randbytes(generator.randrange(60))
        try:
            framing.parse_frame(memoryview(body))
        except ValueError:
            continue


@pytest.mark.parametrize(
    "body", [b"", b"\x00" * 16, b"\x09" + b"\x00" * 15 + b"data", b"\x00\x00\xff\x00" + b"\x00" * 12 + b"data"]
)
def test_broken_frame_is_refused(body: bytes) -> None:
    with pytest.raises(ValueError, match="encoded frame"):
        framing.parse_frame(memoryview(body))
