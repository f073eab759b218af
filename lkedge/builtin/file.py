"""`file`: plays a media file as a source, paced by its time stamps on the monotonic clock."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from typing import Generic, Protocol, TypeVar

from lkedge.builtin.file_y4m import Y4mReader, is_plain_y4m
from lkedge.builtin.options import FileOptions
from lkedge.builtin.pace import Pace
from lkedge.clock import SECOND_NS
from lkedge.errors import SourceClosed, SourceUnavailable
from lkedge.media.frame import AudioFrame, EncodedFrame, VideoFrame
from lkedge.plugin.api import (
    AudioCaptureSettings,
    AudioFormat,
    AudioSource,
    VideoCaptureSettings,
    VideoFormat,
    VideoSource,
)
from lkedge.terms import TrackKind

logger = logging.getLogger(__name__)

MAX_LATE_NS = SECOND_NS // 4
"""A reader that falls so far behind goes on from now, instead of hurrying after its time stamps."""

CLOSE_WAIT_S = 0.8
FormatT = TypeVar("FormatT", covariant=True)
FrameT = TypeVar("FrameT", covariant=True)


class Reader(Protocol[FormatT, FrameT]):
    """Gives the frames of an open file as fast as they are asked for."""

    @property
    def format(self) -> FormatT: ...

    def read(self) -> tuple[int, Callable[[int], FrameT]]:
        """The running time of the next frame in nanoseconds, and what makes it of its capture time."""
        ...

    def close(self) -> None: ...


class Player(Generic[FormatT, FrameT]):
    """Paces a reader, and lets it be closed from any thread."""

    def __init__(self, open_reader: Callable[[], Reader[FormatT, FrameT]]) -> None:
        self._open_reader = open_reader
        self._reader: Reader[FormatT, FrameT] | None = None
        self._lock = threading.Lock()
        self._pace = Pace()
        self._start_ns = 0

    def open(self) -> FormatT:
        with self._lock:
            self._reader = self._open_reader()
            self._start_ns = time.monotonic_ns()
            return self._reader.format

    def read(self) -> FrameT:
        running_ns, make = self._next()
        late_ns = time.monotonic_ns() - (self._start_ns + running_ns)
        if late_ns > MAX_LATE_NS:
            self._start_ns += late_ns
        captured_ns = self._start_ns + running_ns
        self._pace.sleep_until(captured_ns)
        if self._pace.is_closed:
            raise SourceClosed("the file is closed")
        return make(captured_ns)

    def close(self) -> None:
        """Close the file, or let the reading thread do it when it is busy in there."""
        self._pace.close()
        if self._lock.acquire(timeout=CLOSE_WAIT_S):
            try:
                self._release()
            finally:
                self._lock.release()

    def _next(self) -> tuple[int, Callable[[int], FrameT]]:
        with self._lock:
            if self._reader is None or self._pace.is_closed:
                self._release()
                raise SourceClosed("the file is closed")
            return self._reader.read()

    def _release(self) -> None:
        reader, self._reader = self._reader, None
        if reader is not None:
            reader.close()


class FileVideoSource(VideoSource):
    """The pictures of a file, in its own size."""

    def __init__(self, capture: VideoCaptureSettings, options: FileOptions) -> None:
        self._capture = capture
        self._options = options
        self._player: Player[VideoFormat, VideoFrame | EncodedFrame] = Player(self._open_reader)

    def open(self) -> VideoFormat:
        return self._player.open()

    def read(self) -> VideoFrame | EncodedFrame:
        return self._player.read()

    def close(self) -> None:
        self._player.close()

    def _open_reader(self) -> Reader[VideoFormat, VideoFrame | EncodedFrame]:
        options = self._options
        check_readable(options.path)
        if is_plain_y4m(options.path) and options.passthrough != "always":
            return Y4mReader(options.path, options.loop)
        from lkedge.builtin.file_container import FileStream
        from lkedge.builtin.file_video import open_video

        file = FileStream(options.path, TrackKind.VIDEO, options.loop)
        reader, obstacle = open_video(file, self._capture.codec, options.passthrough)
        _tell(options.path, obstacle)
        return reader


class FileAudioSource(AudioSource):
    """The sound of a file, at 48 kHz."""

    def __init__(self, capture: AudioCaptureSettings, options: FileOptions) -> None:
        self._capture = capture
        self._options = options
        self._player: Player[AudioFormat, AudioFrame | EncodedFrame] = Player(self._open_reader)

    def open(self) -> AudioFormat:
        return self._player.open()

    def read(self) -> AudioFrame | EncodedFrame:
        return self._player.read()

    def close(self) -> None:
        self._player.close()

    def _open_reader(self) -> Reader[AudioFormat, AudioFrame | EncodedFrame]:
        options = self._options
        check_readable(options.path)
        from lkedge.builtin.file_audio import open_audio
        from lkedge.builtin.file_container import FileStream

        file = FileStream(options.path, TrackKind.AUDIO, options.loop)
        reader, obstacle = open_audio(file, self._capture.channels, options.passthrough)
        _tell(options.path, obstacle)
        return reader


def check_readable(path: str) -> None:
    """Raise SourceUnavailable when the file is not there or may not be read."""
    try:
        with open(path, "rb"):
            return
    except FileNotFoundError as error:
        raise SourceUnavailable(f"{path} does not exist; correct `path`, or put the file there") from error
    except IsADirectoryError as error:
        raise SourceUnavailable(f"{path} is a directory; `path` must name a media file") from error
    except PermissionError as error:
        raise SourceUnavailable(f"{path} may not be read; give the user that runs lkedge the right to") from error
    except OSError as error:
        raise SourceUnavailable(f"{path} cannot be opened: {error.strerror}; check the file system") from error


def _tell(path: str, obstacle: str) -> None:
    if obstacle:
        logger.info("%s is decoded and encoded again, not passed through: %s", path, obstacle)
