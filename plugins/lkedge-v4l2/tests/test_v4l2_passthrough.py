"""A camera with H.264, against a fake kernel."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from fake_kernel import FakeCamera, FakeControl, FakeKernel
from h264_clip import h264_clip
from lkedge_v4l2 import videodev2 as v4l2
from lkedge_v4l2 import videodev2_controls
from lkedge_v4l2.options import V4l2Options
from lkedge_v4l2.source import V4l2Source
from lkedge_v4l2.uvc_h264 import H264_UNIT_GUID

from lkedge.errors import SourceUnavailable
from lkedge.media.frame import EncodedFrame, VideoFrame
from lkedge.plugin.api import VideoCaptureSettings, VideoFormat
from lkedge.terms import Codec

SECOND = 1_000_000_000


class Clock:
    def __init__(self) -> None:
        self.now_ns = 100 * SECOND

    def monotonic_ns(self) -> int:
        self.now_ns += 10_000_000
        return self.now_ns

    def wall_ns(self) -> int:
        return 0


def kernel_with(*codes: str) -> FakeKernel:
    return FakeKernel(FakeCamera({code: {(64, 48): [30]} for code in codes}))


def play(kernel: FakeKernel, pictures: list[bytes]) -> Iterator[bytes]:
    """Hand one picture to the camera before each wait."""
    left = iter(pictures)

    def next_picture() -> None:
        for data in left:
            kernel.camera.pictures.append((data, 0, v4l2.BUF_FLAG_TIMESTAMP_MONOTONIC))
            return

    kernel.on_wait = next_picture
    return left


def make(kernel: FakeKernel, codec: Codec = Codec.H264, **options: object) -> V4l2Source:
    return V4l2Source(
        VideoCaptureSettings(64, 48, 30, codec),
        V4l2Options(**options),  # type: ignore[arg-type]
        kernel=kernel,
        clock=Clock(),
    )


def test_the_cameras_own_h264_is_sent_as_it_is() -> None:
    kernel = kernel_with("YUYV", "H264")
    clip = h264_clip(4)
    play(kernel, clip)
    source = make(kernel)

    assert source.open() == VideoFormat(64, 48, 30.0, Codec.H264)
    frames = [source.read() for _ in range(4)]

    assert all(isinstance(frame, EncodedFrame) for frame in frames)
    assert [frame.data for frame in frames if isinstance(frame, EncodedFrame)] == clip
    assert [frame.is_key for frame in frames if isinstance(frame, EncodedFrame)] == [True, False, False, False]
    times = [frame.captured_ns for frame in frames]
    assert times == sorted(set(times))


def test_several_that_are_ready_all_pass() -> None:
    kernel = kernel_with("H264")
    clip = h264_clip(4)
    kernel.camera.pictures.extend((data, 0, v4l2.BUF_FLAG_TIMESTAMP_MONOTONIC) for data in clip)
    source = make(kernel)
    source.open()

    assert [source.read().data for _ in clip] == clip  # type: ignore[union-attr]


def test_after_a_loss_nothing_passes_before_a_key_frame() -> None:
    kernel = kernel_with("H264")
    button = FakeControl(videodev2_controls.CID_FORCE_KEY_FRAME, "Force Key Frame", videodev2_controls.TYPE_BUTTON)
    kernel.controls = [button]
    clip = h264_clip(8, gop=4)
    play(kernel, clip)
    source = make(kernel)
    source.open()
    source.read()
    asked = len(button.writes)
    kernel.sequence += 1

    frame = source.read()

    assert isinstance(frame, EncodedFrame)
    assert frame.is_key
    assert frame.data == clip[4]
    assert len(button.writes) == asked + 1


def test_a_damaged_picture_counts_as_a_loss() -> None:
    kernel = kernel_with("H264")
    clip = h264_clip(8, gop=4)
    flags = v4l2.BUF_FLAG_TIMESTAMP_MONOTONIC
    kernel.camera.pictures.append((clip[0], 0, flags))
    source = make(kernel)
    source.open()
    source.read()
    kernel.camera.pictures.append((clip[1], 0, flags | v4l2.BUF_FLAG_ERROR))
    kernel.camera.pictures.extend((data, 0, flags) for data in clip[2:4])
    play(kernel, clip[4:])

    assert source.read().data == clip[4]  # type: ignore[union-attr]


def test_a_key_frame_is_asked_for_through_the_extension_unit() -> None:
    kernel = kernel_with("H264")
    kernel.descriptors = bytes([26, 0x24, 6, 12]) + H264_UNIT_GUID + bytes(6)
    play(kernel, h264_clip(2))
    source = make(kernel)
    source.open()
    kernel.unit_requests.clear()

    source.request_key_frame()

    assert kernel.unit_requests == [(12, 9, b"\0\0\2\0")]


@pytest.mark.parametrize("clip", [h264_clip(3, profile="high422", pixel_format="yuv422p"), h264_clip(3)[1:]])
def test_what_receivers_could_not_play_is_left_for_raw_pictures(clip: list[bytes]) -> None:
    kernel = kernel_with("YUYV", "H264")
    play(kernel, clip)
    source = make(kernel)

    assert source.open() == VideoFormat(64, 48, 30.0)
    assert kernel.chosen == ("YUYV", 64, 48)
    assert sum(not memory.closed for memory in kernel.memory) == 4


def test_a_vp8_track_decodes_h264_where_there_is_nothing_else() -> None:
    kernel = kernel_with("H264")
    play(kernel, h264_clip(3))
    source = make(kernel, Codec.VP8)
    assert source.open() == VideoFormat(64, 48, 30.0)

    frame = source.read()

    assert isinstance(frame, VideoFrame)
    assert frame.pixel_format == "yuv420p"


def test_a_wanted_format_that_is_missing_is_named() -> None:
    with pytest.raises(SourceUnavailable, match='input_format = "h264"; it offers YUYV'):
        make(kernel_with("YUYV"), input_format="h264").open()
