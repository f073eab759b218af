from __future__ import annotations

from lkedge.media.frame import VideoFrame
from lkedge.worker.cascade import Cascade


def picture(width: int, height: int) -> VideoFrame:
    return VideoFrame(width, height, "yuv420p", (), 7, None)


class FakeScaler:
    def __init__(self) -> None:
        self.steps: list[tuple[int, int]] = []

    def scale(self, frame: VideoFrame, width: int, height: int, pixel_formats: tuple[str, ...]) -> VideoFrame:
        if (frame.width, frame.height) == (width, height):
            return frame
        self.steps.append((frame.width, width))
        return picture(width, height)


def test_small_layer_is_made_from_the_middle_one() -> None:
    scaler = FakeScaler()
    cascade = Cascade(scaler, picture(1280, 720))
    for width, height in ((1280, 720), (640, 360), (320, 180)):
        cascade.scale(width, height, ("yuv420p",))
    assert scaler.steps == [(1280, 640), (640, 320)]


def test_small_layer_alone_is_made_from_the_source() -> None:
    scaler = FakeScaler()
    Cascade(scaler, picture(1280, 720)).scale(320, 180, ("yuv420p",))
    assert scaler.steps == [(1280, 320)]


def test_layer_larger_than_the_source_is_made_from_the_source() -> None:
    scaler = FakeScaler()
    cascade = Cascade(scaler, picture(640, 360))
    cascade.scale(320, 180, ("yuv420p",))
    assert cascade.scale(1280, 720, ("yuv420p",)).width == 1280
    assert scaler.steps == [(640, 320), (640, 1280)]


def rendered(*renditions: VideoFrame) -> VideoFrame:
    return VideoFrame(1280, 720, "nv12", (), 7, None, renditions)


def test_rendition_of_the_wanted_size_is_not_scaled() -> None:
    scaler = FakeScaler()
    small = picture(320, 180)
    assert Cascade(scaler, rendered(picture(640, 360), small)).scale(320, 180, ("yuv420p",)) is small
    assert scaler.steps == []


def test_smallest_rendition_that_is_large_enough_is_scaled() -> None:
    scaler = FakeScaler()
    Cascade(scaler, rendered(picture(960, 540), picture(640, 360), picture(640, 170))).scale(320, 180, ("yuv420p",))
    assert scaler.steps == [(640, 320)]


def test_rendition_in_another_pixel_format_is_used_too() -> None:
    taken = []

    class Converter(FakeScaler):
        def scale(self, frame: VideoFrame, width: int, height: int, pixel_formats: tuple[str, ...]) -> VideoFrame:
            taken.append((frame.width, frame.pixel_format))
            return picture(width, height)

    odd = VideoFrame(320, 180, "rgb24", (), 7, None)
    cascade = Cascade(Converter(), rendered(odd))
    cascade.scale(320, 180, ("yuv420p",))
    cascade.scale(160, 90, ("yuv420p",))
    assert taken == [(320, "rgb24"), (320, "yuv420p")]


def test_layer_larger_than_every_rendition_is_made_from_the_picture() -> None:
    scaler = FakeScaler()
    Cascade(scaler, rendered(picture(320, 180))).scale(640, 360, ("yuv420p",))
    assert scaler.steps == [(1280, 640)]


class HardwareScaler:
    """Makes pictures of one size; takes I420 only."""

    def __init__(self, width: int, height: int) -> None:
        self.size = width, height
        self.taken: list[int] = []

    def __call__(self, frame: VideoFrame) -> VideoFrame | None:
        if frame.pixel_format != "yuv420p":
            return None
        self.taken.append(frame.width)
        return picture(*self.size)


def test_what_hardware_scales_is_not_scaled_again() -> None:
    scaler, half = FakeScaler(), HardwareScaler(640, 360)
    assert Cascade(scaler, picture(1280, 720)).scale(640, 360, ("yuv420p",), half).width == 640
    assert (scaler.steps, half.taken) == ([], [1280])


def test_hardware_goes_on_from_what_hardware_made() -> None:
    half, quarter = HardwareScaler(640, 360), HardwareScaler(320, 180)
    cascade = Cascade(FakeScaler(), picture(1280, 720))
    cascade.scale(640, 360, ("yuv420p",), half)
    assert cascade.scale(320, 180, ("yuv420p",), quarter).width == 320
    assert quarter.taken == [640]


def test_the_processor_never_reads_what_hardware_made() -> None:
    scaler = FakeScaler()
    cascade = Cascade(scaler, picture(1280, 720))
    cascade.scale(640, 360, ("yuv420p",), HardwareScaler(640, 360))
    cascade.scale(320, 180, ("yuv420p",))
    assert scaler.steps == [(1280, 320)]


def test_a_picture_that_hardware_does_not_take_is_left_to_the_processor() -> None:
    scaler, half = FakeScaler(), HardwareScaler(640, 360)
    assert Cascade(scaler, rendered()).scale(640, 360, ("yuv420p",), half).width == 640
    assert (scaler.steps, half.taken) == ([(1280, 640)], [])


def test_a_picture_that_fits_already_goes_to_nobody() -> None:
    fitting, full = picture(1280, 720), HardwareScaler(1280, 720)
    assert Cascade(FakeScaler(), fitting).scale(1280, 720, ("yuv420p",), full) is fitting
    assert full.taken == []
