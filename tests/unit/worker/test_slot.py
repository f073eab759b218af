from __future__ import annotations

import threading

from lkedge.media.frame import VideoFrame
from lkedge.worker.slot import FrameSlot


def picture(captured_ns: int) -> VideoFrame:
    return VideoFrame(2, 2, "yuv420p", (), captured_ns, None)


def test_newest_wins_and_losses_are_counted() -> None:
    slot = FrameSlot()
    for captured_ns in (1, 2, 3):
        slot.put(picture(captured_ns))
    taken = slot.take()
    assert taken is not None
    assert taken.captured_ns == 3
    assert slot.dropped == 2


def test_wake_returns_without_a_picture_once() -> None:
    slot = FrameSlot()
    slot.wake()
    assert slot.take(5) is None
    slot.put(picture(1))
    assert slot.take(5) is not None


def test_time_out_gives_nothing() -> None:
    assert FrameSlot().take(0.001) is None


def test_close_ends_a_waiting_take() -> None:
    slot = FrameSlot()
    taken: list[VideoFrame | None] = []
    thread = threading.Thread(target=lambda: taken.append(slot.take()))
    thread.start()
    slot.close()
    thread.join(5)
    assert taken == [None]
    assert slot.is_closed
