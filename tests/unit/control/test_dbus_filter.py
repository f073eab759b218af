"""Messages as dbus-fast writes them, in pieces of every size."""

from __future__ import annotations

import random
from typing import Any

import pytest
from dbus_fast import Message, MessageFlag, MessageType

from lkedge.control.dbus_filter import CUT, MAX_MESSAGE_BYTES, MessageFilter

HELLO = b"no message at all, which dbus-fast complains of"


def call(count: int, **more: Any) -> bytes:
    """With so many numbers."""
    message = Message("org.lkedge1", "/x", "org.lkedge1.X", "M", signature="au", body=[list(range(count))], **more)
    return bytes(message._marshall(False))


def passed(*messages: bytes, size: int = 1 << 20, max_bytes: int = MAX_MESSAGE_BYTES) -> bytes:
    data, messages_of = b"".join(messages), MessageFilter(max_bytes)
    return b"".join(messages_of.feed(data[start : start + size]) for start in range(0, len(data), size))


def without_arguments(message: bytes) -> bytes:
    """As the specification lays a message out: the header's fields end at a multiple of eight."""
    fields = int.from_bytes(message[12:16], "little")
    head = bytearray(message[: 16 + fields + -fields % 8])
    head[2] |= CUT
    head[4:8] = bytes(4)
    return bytes(head)


@pytest.mark.parametrize("size", [1, 7, 16, 17, 4096, 1 << 20])
def test_small_messages_pass_as_they_are_and_large_ones_without_their_arguments(size: int) -> None:
    small, large = call(3), call(MAX_MESSAGE_BYTES)
    assert passed(small, large, small, small, large, size=size) == b"".join(
        (small, without_arguments(large), small, small, without_arguments(large))
    )


def test_pieces_of_random_sizes() -> None:
    dice = random.Random(1)
    messages = [call(dice.choice((0, 5, 200))) for _ in range(300)]
    expected = b"".join(one if len(one) <= 400 else without_arguments(one) for one in messages)
    for size in (dice.randrange(1, 700) for _ in range(20)):
        assert passed(*messages, size=size, max_bytes=400) == expected


@pytest.mark.parametrize("spare", [0, 1])
def test_the_limit_is_that_of_the_whole_message(spare: int) -> None:
    message = call(10)
    is_whole = passed(message, max_bytes=len(message) - 1 + spare) == message
    assert is_whole is bool(spare)


def test_replies_and_signals_that_are_too_large_are_dropped() -> None:
    for kind, more in ((MessageType.SIGNAL, {}), (MessageType.METHOD_RETURN, {"reply_serial": 1})):
        assert passed(call(99_999, message_type=kind, **more), call(1)) == call(1)


def test_a_header_that_is_too_large_is_dropped() -> None:
    message = Message("org.lkedge1", "/" + "x" * 100_000, "org.lkedge1.X", "M")
    assert passed(bytes(message._marshall(False)), call(1)) == call(1)


def test_large_messages_are_counted() -> None:
    messages = MessageFilter()
    messages.feed(call(99_999) + call(1) + call(99_999))
    assert messages.cut == 2


def test_the_other_byte_order() -> None:
    head = b"B\1\0\1" + (1 << 20).to_bytes(4, "big") + (1).to_bytes(4, "big") + (5).to_bytes(4, "big") + b"field\0\0\0"
    assert passed(head + bytes(1 << 20), call(1)) == b"B\1\x80\1" + bytes(4) + head[8:] + call(1)


def test_a_large_call_without_any_field_holds_nothing_up() -> None:
    head = b"l\1\0\1" + (1 << 20).to_bytes(4, "little") + bytes(8)
    assert passed(head + bytes(1 << 20), call(1)) == call(1)


def test_what_is_no_message_is_left_to_its_reader() -> None:
    assert passed(HELLO, call(99_999), size=11) == HELLO + call(99_999)


def test_a_caller_may_not_want_an_answer() -> None:
    cut = passed(call(99_999, flags=MessageFlag.NO_REPLY_EXPECTED))
    assert cut[2] == CUT | MessageFlag.NO_REPLY_EXPECTED.value
