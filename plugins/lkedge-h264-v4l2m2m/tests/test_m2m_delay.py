"""Results that come late, or never: in step as long as that keeps pace, one picture behind where it does not."""

from __future__ import annotations

import pytest
from encoder_rig import RATE, Make, encoded, i420, payload, picture
from fake_codec import checksum
from fake_m2m import FakeBlock, FakeM2mKernel
from lkedge_h264_v4l2m2m.encoder import M2mEncoder
from lkedge_h264_v4l2m2m.pace import SMOOTHING, Pace

from lkedge.errors import EncoderError
from lkedge.media.frame import EncodedFrame


@pytest.mark.parametrize("held", [1, 2])
def test_a_driver_that_holds_pictures_back_delays_them_only(make: Make, held: int) -> None:
    kernel = FakeM2mKernel(FakeBlock(held=held))

    frames = encoded(make(kernel), 10)

    assert frames[:held] == [None] * held
    for index, frame in enumerate(frames[held:]):
        assert frame is not None
        assert frame.captured_ns == picture(index).captured_ns
        assert payload(frame) == checksum(i420(index))


def test_a_slow_start_does_not_leave_a_delay_behind(make: Make) -> None:
    kernel = FakeM2mKernel(FakeBlock(latency_ns=900_000_000))
    encoder = make(kernel)
    encoded(encoder, 2)
    kernel.block.latency_ns = 1_000_000
    kernel.clock.now_ns += 1_000_000_000

    frames = encoded(encoder, 5, start=2)

    assert [frame and frame.captured_ns for frame in frames] == [picture(index).captured_ns for index in range(2, 7)]


def test_garbage_of_the_firmware_at_the_start_is_left_out(make: Make) -> None:
    frames = encoded(make(FakeM2mKernel(FakeBlock(garbage_first=True))), 3)

    assert [payload(frame) for frame in frames] == [checksum(i420(index)) for index in range(3)]


def test_a_driver_without_times_is_taken_in_order(make: Make) -> None:
    frames = encoded(make(FakeM2mKernel(FakeBlock(copies_time=False))), 3)

    assert [frame and frame.captured_ns for frame in frames] == [picture(index).captured_ns for index in range(3)]


def test_a_picture_that_the_driver_dropped_is_none(make: Make) -> None:
    frames = encoded(make(FakeM2mKernel(FakeBlock(drop_at=2))), 4)

    assert [frame is None for frame in frames] == [False, False, True, False]


SLOW_NS = 25_000_000
"""Of a frame interval of 33 ms."""


class Camera:
    """Delivers pictures when they are due, and drops those for which nobody is ready, as the worker does."""

    def __init__(self, kernel: FakeM2mKernel, encoder: M2mEncoder) -> None:
        self._kernel, self._encoder = kernel, encoder
        self._origin_ns = kernel.clock.now_ns - picture(0).captured_ns
        self.index = 0
        self.dropped = 0
        self.waited_ns = 0

    def encode(self, *, key_frame: bool = False) -> EncodedFrame | None:
        clock = self._kernel.clock
        while (due_ns := self._origin_ns + picture(self.index).captured_ns) < clock.now_ns - 1_000_000:
            self.index, self.dropped = self.index + 1, self.dropped + 1
        begun_ns = clock.now_ns = max(clock.now_ns, due_ns)
        frame = self._encoder.encode(picture(self.index), key_frame=key_frame)
        self.index += 1
        self.waited_ns = clock.now_ns - begun_ns
        return frame


def behind(make: Make) -> tuple[FakeM2mKernel, M2mEncoder, Camera]:
    """An encoder that was found to be slow."""
    kernel = FakeM2mKernel(FakeBlock(latency_ns=SLOW_NS))
    encoder = make(kernel)
    camera = Camera(kernel, encoder)
    while camera.encode() is not None:
        assert camera.index < 4 * SMOOTHING
    return kernel, encoder, camera


def test_a_quick_block_is_waited_for(make: Make) -> None:
    kernel = FakeM2mKernel(FakeBlock(latency_ns=12_000_000))
    camera = Camera(kernel, make(kernel))

    frames = [camera.encode() for _ in range(30)]

    assert [frame and frame.captured_ns for frame in frames] == [picture(index).captured_ns for index in range(30)]
    assert camera.waited_ns == pytest.approx(12_000_000, abs=1000)


def test_a_slow_block_works_while_the_next_picture_is_prepared(make: Make) -> None:
    _, _, camera = behind(make)
    first = camera.index - 1

    frames = []
    for _ in range(10):
        frames.append(camera.encode())
        assert camera.waited_ns == 0

    assert [frame and frame.captured_ns for frame in frames] == [
        picture(index).captured_ns for index in range(first, first + 10)
    ]
    assert [payload(frame) for frame in frames] == [checksum(i420(index)) for index in range(first, first + 10)]


def test_no_more_pictures_are_in_the_block_than_keep_it_busy(make: Make) -> None:
    kernel, _, camera = behind(make)
    kernel.block.latency_ns = 50_000_000

    for _ in range(10):
        camera.encode()
        assert len(kernel.context.coded) <= 1, "one in work, and room for the next one"

    assert camera.dropped, "it takes longer than a frame interval: pictures are dropped before it, not queued in it"


def test_a_key_frame_is_waited_for_by_every_means(make: Make) -> None:
    _, _, camera = behind(make)

    frame = camera.encode(key_frame=True)

    assert frame is not None
    assert frame.is_key
    assert frame.captured_ns == picture(camera.index - 1).captured_ns


def test_a_slow_block_that_stalls_is_noticed(make: Make) -> None:
    kernel, encoder, camera = behind(make)
    kernel.block.stall_at = 0
    camera.encode()

    with pytest.raises(EncoderError, match="no result from bcm2835-codec-encode for 1 s"):
        encoded(encoder, 2, start=camera.index)


def test_another_frame_rate_is_another_pace(make: Make) -> None:
    _, encoder, camera = behind(make)
    encoder.set_rate(RATE, 10)
    camera.encode()

    assert camera.encode() is not None
    assert camera.waited_ns == pytest.approx(SLOW_NS, abs=1000)


def test_one_slow_picture_is_not_a_slow_pace() -> None:
    pace = Pace(0.5)
    pace.add(100_000_000, 30)
    assert not pace.is_behind
    for _ in range(SMOOTHING):
        pace.add(20_000_000, 30)
    assert pace.is_behind
