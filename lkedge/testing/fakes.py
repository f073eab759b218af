"""Sources and encoders that behave, or misbehave, exactly as a test wants."""

from __future__ import annotations

import ctypes
import os
import threading
import time
from dataclasses import dataclass

from lkedge.builtin.blocks import BlockPool
from lkedge.builtin.pace import Pace
from lkedge.clock import SECOND_NS
from lkedge.errors import EncoderError, SourceClosed, SourceEnded, SourceLost, SourceStuck, SourceUnavailable
from lkedge.media.frame import EncodedFrame, VideoFrame
from lkedge.media.layers import NO_RID
from lkedge.plugin.api import (
    VideoCaptureSettings,
    VideoEncoder,
    VideoEncoderSettings,
    VideoFormat,
    VideoSource,
    option,
)
from lkedge.terms import BitsPerSecond, Codec

WIDTH = 320
HEIGHT = 180
FRAMERATE = 50.0
AS_IT_LIKES = VideoCaptureSettings()


@dataclass(frozen=True, slots=True)
class FlakyOptions:
    """after: frames before it happens. once_file: a path; it happens only while that does not exist."""

    fault: str = option(
        "lost",
        help="what goes wrong",
        choices=("lost", "stuck", "ends", "error", "segv", "exit", "unavailable", "backwards"),
    )
    after: int = option(5, help="frames that come before")
    once_file: str = option("", help="made when it goes wrong; it goes right while the file exists", is_path=True)


class PatternSource(VideoSource):
    """Grey pictures of 320x180 at 50 per second, or as asked for; the first luma byte counts."""

    def __init__(self, capture: VideoCaptureSettings = AS_IT_LIKES, options: object = None) -> None:
        self._width = capture.width or WIDTH
        self._height = capture.height or HEIGHT
        self._framerate = capture.framerate or FRAMERATE
        self._pool = BlockPool(self._width, self._height, bytes([128]) * (self._width * self._height * 3 // 2))
        self._pace = Pace()
        self._is_open = False
        self._due_ns = 0
        self.count = 0

    def open(self) -> VideoFormat:
        self._is_open = True
        self._due_ns = time.monotonic_ns()
        return VideoFormat(self._width, self._height, self._framerate)

    def read(self) -> VideoFrame | EncodedFrame:
        self._pace.sleep_until(self._due_ns)
        if self._pace.is_closed or not self._is_open:
            raise SourceClosed("pattern: it is closed")
        captured_ns = self._due_ns
        self._due_ns = max(self._due_ns + round(SECOND_NS / self._framerate), time.monotonic_ns())
        self.count += 1
        return self._make(captured_ns)

    def close(self) -> None:
        self._pace.close()

    def _make(self, captured_ns: int) -> VideoFrame | EncodedFrame:
        block = self._pool.take()
        block.memory[0] = self.count % 256
        return self._pool.frame(block, captured_ns)


class FlakySource(PatternSource):
    """Goes wrong in the way its options say."""

    def __init__(self, capture: VideoCaptureSettings, options: FlakyOptions) -> None:
        super().__init__(capture, options)
        self._options = options

    def open(self) -> VideoFormat:
        if self._options.fault == "unavailable" and self._is_time():
            raise SourceUnavailable("flaky: the device is missing; plug it in")
        return super().open()

    def read(self) -> VideoFrame | EncodedFrame:
        if self.count >= self._options.after and self._is_time():
            self._go_wrong()
        return super().read()

    def _is_time(self) -> bool:
        """Whether it happens; makes the file that keeps it from happening again."""
        once_file = self._options.once_file
        if once_file and os.path.exists(once_file):
            return False
        if once_file:
            os.close(os.open(once_file, os.O_CREAT | os.O_WRONLY))
        return True

    def _go_wrong(self) -> None:
        match self._options.fault:
            case "lost":
                raise SourceLost("flaky: the device is gone")
            case "stuck":
                raise SourceStuck("flaky: its library hangs")
            case "ends":
                raise SourceEnded("flaky: that was all")
            case "error":
                raise KeyError("plane 3")
            case "segv":
                ctypes.string_at(0)
            case "exit":
                os._exit(3)
            case "backwards":
                self._due_ns -= 10 * SECOND_NS


class HangingSource(PatternSource):
    """Delivers five frames, then hangs in `read` and does not notice `close`; `open` hangs for framerate 1."""

    def open(self) -> VideoFormat:
        if self._framerate == 1:
            threading.Event().wait()
        return super().open()

    def read(self) -> VideoFrame | EncodedFrame:
        if self.count == 5:
            threading.Event().wait()
        return super().read()


class EncodedSource(PatternSource):
    """Yields H.264-shaped frames, a key frame every 25 and whenever one is asked for."""

    INTERVAL = 25

    def __init__(self, capture: VideoCaptureSettings = AS_IT_LIKES, options: object = None) -> None:
        super().__init__(capture, options)
        self.requests = 0
        self._wants_key_frame = True

    def open(self) -> VideoFormat:
        announced = super().open()
        return VideoFormat(announced.width, announced.height, announced.framerate, Codec.H264)

    def request_key_frame(self) -> None:
        self.requests += 1
        self._wants_key_frame = True

    def _make(self, captured_ns: int) -> EncodedFrame:
        is_key = self._wants_key_frame or self.count % self.INTERVAL == 0
        self._wants_key_frame = False
        data = b"\x00\x00\x00\x01" + (b"\x65" if is_key else b"\x41") + self.count.to_bytes(4, "big")
        return EncodedFrame(Codec.H264, NO_RID, data, captured_ns, is_key, self._width, self._height)


class FakeEncoder(VideoEncoder):
    """Makes frames of a few bytes that say what was encoded, and remembers what it was told."""

    def __init__(self, settings: VideoEncoderSettings) -> None:
        self.settings = settings
        self.rates: list[tuple[BitsPerSecond, float]] = []
        self.encoded = 0
        self.is_closed = False

    def encode(self, frame: VideoFrame, *, key_frame: bool) -> EncodedFrame | None:
        settings = self.settings
        if (frame.width, frame.height) != (settings.width, settings.height):
            raise EncoderError(f"a picture of {frame.width}x{frame.height} came")
        is_key = key_frame or self.encoded == 0
        self.encoded += 1
        rate = self.rates[-1][0] if self.rates else settings.bitrate
        data = f"{settings.rid}:{self.encoded}:{rate}".encode()
        return EncodedFrame(
            settings.codec, settings.rid, data, frame.captured_ns, is_key, settings.width, settings.height
        )

    def set_rate(self, bitrate: BitsPerSecond, framerate: float) -> None:
        self.rates.append((bitrate, framerate))

    def close(self) -> None:
        self.is_closed = True


class BrokenEncoder(FakeEncoder):
    """Encodes ten frames, then fails; layer "h" fails at once."""

    def encode(self, frame: VideoFrame, *, key_frame: bool) -> EncodedFrame | None:
        if self.encoded == 10 or self.settings.rid == "h":
            raise EncoderError("broken-vp8: the hardware says no")
        return super().encode(frame, key_frame=key_frame)
