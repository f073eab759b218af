"""What every source must do. A plugin's test file subclasses one of these and makes its source.

    class TestMySource(VideoSourceContract):
        capabilities = frozenset({"two_at_once"})

        def make_source(self, tmp_path):
            return MySource(VideoCaptureSettings(640, 480, 30.0), MyOptions("/dev/video0"))

A test whose capability is not declared is skipped and says so:

    two_at_once     two sources of the same settings may be open together
    missing         `make_missing_source` makes one whose device is not there
    vanishes        `vanish(source)` takes the device away while it is open
    ends            `make_ending_source` makes one that comes to its natural end

Live controls are proved for every source; see lkedge.testing.control_contract.
"""

from __future__ import annotations

import ctypes
import gc
import os
import statistics
import threading
import time
from itertools import pairwise
from pathlib import Path
from typing import Any, ClassVar

import pytest

from lkedge.clock import MILLISECOND_NS
from lkedge.errors import SourceClosed, SourceEnded, SourceLost, SourceUnavailable
from lkedge.media.frame import AudioFrame, EncodedFrame, VideoFrame
from lkedge.plugin.api import AudioFormat, AudioSource, VideoFormat, VideoSource
from lkedge.terms import TrackKind
from lkedge.testing.control_contract import ControlContract

CLOSE_DEADLINE_S = 1.0
VANISH_DEADLINE_S = 2.0
MAX_AGE_MS = 50
FRAME_NS = 20 * MILLISECOND_NS
AUDIO_FRAME_BYTES_PER_CHANNEL = 960 * 2

PLANES = {"yuv420p": 3, "yuvj420p": 3, "nv12": 2, "yuyv422": 1, "uyvy422": 1, "rgb24": 1, "bgr24": 1}


class SourceContract(ControlContract):
    """What sources of pictures and of sound have in common."""

    capabilities: ClassVar[frozenset[str]] = frozenset()
    opens = 20
    """How often the leak test opens the source; fewer for slow hardware."""

    def make_missing_source(self, tmp_path: Path) -> VideoSource | AudioSource:
        raise NotImplementedError

    def make_ending_source(self, tmp_path: Path) -> VideoSource | AudioSource:
        raise NotImplementedError

    def vanish(self, source: Any) -> None:
        raise NotImplementedError

    def test_opens_and_closes_without_leaking(self, tmp_path: Path) -> None:
        self._open_and_close(tmp_path)
        before = _resources()
        for _ in range(self.opens):
            self._open_and_close(tmp_path)
        gc.collect()
        assert _settled(before), f"descriptors and threads grew from {before} to {_resources()}"

    def test_close_ends_a_blocked_read(self, tmp_path: Path) -> None:
        source = self.make_source(tmp_path)
        source.open()
        reader = ReadingThread(source)
        reader.first_frame.wait(5)
        source.close()
        reader.join(CLOSE_DEADLINE_S)
        assert not reader.is_alive(), "`read` went on for more than 1 s after `close`"
        assert isinstance(reader.error, SourceClosed), f"`read` ended with {reader.error!r}, not SourceClosed"

    def test_read_after_close_raises_source_closed(self, tmp_path: Path) -> None:
        with self._opened(tmp_path) as source:
            source.read()
            source.close()
            with pytest.raises(SourceClosed):
                source.read()

    def test_may_be_closed_any_number_of_times(self, tmp_path: Path) -> None:
        never_opened = self.make_source(tmp_path)
        never_opened.close()
        with self._opened(tmp_path) as source:
            source.close()
            source.close()

    def test_capture_times_rise_strictly(self, tmp_path: Path) -> None:
        with self._opened(tmp_path) as source:
            times = [source.read().captured_ns for _ in range(10)]
        assert times == sorted(set(times)), f"capture times do not rise: {times}"

    def test_capture_times_are_of_the_monotonic_clock(self, tmp_path: Path) -> None:
        with self._opened(tmp_path) as source:
            ages_ms = [self._age_ms(source.read()) for _ in range(10)]
        assert min(ages_ms) >= 0, f"a frame was captured {-min(ages_ms):.1f} ms after it was read"
        assert statistics.median(ages_ms) < MAX_AGE_MS, f"frames are {statistics.median(ages_ms):.0f} ms old"

    def test_two_at_once(self, tmp_path: Path) -> None:
        self._needs("two_at_once")
        with self._opened(tmp_path) as one, self._opened(tmp_path) as other:
            assert one.read() is not other.read()

    def test_missing_device_is_unavailable(self, tmp_path: Path) -> None:
        self._needs("missing")
        source = self.make_missing_source(tmp_path)
        with pytest.raises(SourceUnavailable) as caught:
            source.open()
        source.close()
        assert len(str(caught.value).split()) > 3, "the message must name the thing, the reason and the remedy"

    def test_vanished_device_is_lost(self, tmp_path: Path) -> None:
        self._needs("vanishes")
        with self._opened(tmp_path) as source:
            source.read()
            self.vanish(source)
            reader = ReadingThread(source)
            reader.join(VANISH_DEADLINE_S)
        assert isinstance(reader.error, SourceLost), f"`read` gave {reader.error!r}, not SourceLost, within 2 s"

    def test_natural_end_raises_source_ended(self, tmp_path: Path) -> None:
        self._needs("ends")
        source = self.make_ending_source(tmp_path)
        source.open()
        reader = ReadingThread(source)
        reader.join(10)
        source.close()
        assert isinstance(reader.error, SourceEnded), f"`read` gave {reader.error!r}, not SourceEnded"

    def _open_and_close(self, tmp_path: Path) -> None:
        with self._opened(tmp_path) as source:
            source.read()

    def _needs(self, capability: str) -> None:
        if capability not in self.capabilities:
            pytest.skip(f"not proved: the capability {capability!r} is not declared")

    @staticmethod
    def _age_ms(frame: VideoFrame | AudioFrame | EncodedFrame) -> float:
        return (time.monotonic_ns() - frame.captured_ns) / MILLISECOND_NS


class VideoSourceContract(SourceContract):
    """For a source of pictures."""

    def test_frames_are_as_announced(self, tmp_path: Path) -> None:
        source = self.make_source(tmp_path)
        announced = source.open()
        assert isinstance(announced, VideoFormat)
        frames = [source.read() for _ in range(5)]
        source.close()
        for frame in frames:
            _check_picture(frame, announced)

    def test_a_frame_is_not_written_after_hand_over(self, tmp_path: Path) -> None:
        with self._opened(tmp_path) as source:
            frame = source.read()
            before = _content(frame)
            later = [source.read() for _ in range(8)]
            assert _content(frame) == before, "the source wrote into a picture that somebody still holds"
            del later


class AudioSourceContract(SourceContract):
    """For a source of sound."""

    def test_frames_are_as_announced(self, tmp_path: Path) -> None:
        source = self.make_source(tmp_path)
        announced = source.open()
        assert isinstance(announced, AudioFormat)
        assert announced.channels in (1, 2)
        frames = [source.read() for _ in range(5)]
        source.close()
        for frame in frames:
            _check_sound(frame, announced)

    def test_frames_are_exactly_20_ms_apart(self, tmp_path: Path) -> None:
        with self._opened(tmp_path) as source:
            times = [source.read().captured_ns for _ in range(20)]
        steps = [later - earlier for earlier, later in pairwise(times)]
        assert min(steps) == FRAME_NS, f"steps of {sorted(set(steps))} ns"
        assert all(step >= FRAME_NS for step in steps)


class ReadingThread(threading.Thread):
    """Reads until an exception ends it, and keeps that."""

    def __init__(self, source: VideoSource | AudioSource) -> None:
        super().__init__(name="contract-reader", daemon=True)
        self.first_frame = threading.Event()
        self.error: BaseException | None = None
        self._source = source
        self.start()

    def run(self) -> None:
        try:
            while True:
                self._source.read()
                self.first_frame.set()
        except BaseException as error:
            self.error = error


def _check_picture(frame: object, announced: VideoFormat) -> None:
    assert isinstance(frame, VideoFrame | EncodedFrame), f"`read` gave {type(frame).__name__}"
    assert (frame.width, frame.height) == (announced.width, announced.height)
    if isinstance(frame, EncodedFrame):
        assert frame.codec is announced.codec
        assert frame.rid == ""
        assert frame.data
        return
    assert announced.codec is None
    assert frame.width % 2 == frame.height % 2 == 0
    assert len(frame.planes) == PLANES.get(frame.pixel_format, len(frame.planes))
    assert all(plane.pointer and plane.stride >= frame.width // 2 for plane in frame.planes)
    assert frame.planes[0].stride >= frame.width
    for rendition in frame.renditions:
        _check_rendition(rendition, frame)


def _check_rendition(rendition: VideoFrame, frame: VideoFrame) -> None:
    what = f"a rendition of {rendition.width}x{rendition.height}"
    assert rendition.width % 2 == rendition.height % 2 == 0, what
    assert rendition.width <= frame.width, what
    assert rendition.height <= frame.height, what
    assert rendition.captured_ns == frame.captured_ns, f"{what} is of another moment than its picture"
    assert len(rendition.planes) == PLANES.get(rendition.pixel_format, len(rendition.planes)), what
    assert all(plane.pointer and plane.stride for plane in rendition.planes), what


def _check_sound(frame: object, announced: AudioFormat) -> None:
    assert isinstance(frame, AudioFrame | EncodedFrame), f"`read` gave {type(frame).__name__}"
    if isinstance(frame, EncodedFrame):
        assert frame.codec is announced.codec
        assert frame.codec.kind is TrackKind.AUDIO
        return
    assert announced.codec is None
    assert frame.channels == announced.channels
    assert len(frame.samples) == AUDIO_FRAME_BYTES_PER_CHANNEL * frame.channels


def _content(frame: VideoFrame | EncodedFrame) -> list[bytes]:
    if isinstance(frame, EncodedFrame):
        return [bytes(frame.data)]
    heights = [frame.height] + [frame.height // 2] * (len(frame.planes) - 1)
    return [
        ctypes.string_at(plane.pointer, plane.stride * (rows - 1) + 1)
        for plane, rows in zip(frame.planes, heights, strict=True)
    ]


def _resources() -> tuple[int, int]:
    return len(os.listdir("/proc/self/fd")), threading.active_count()


def _settled(before: tuple[int, int]) -> bool:
    """Threads and descriptors may take a moment to go."""
    deadline = time.monotonic() + 2
    while time.monotonic() < deadline:
        now = _resources()
        if now[0] <= before[0] and now[1] <= before[1]:
            return True
        time.sleep(0.01)
    return False
