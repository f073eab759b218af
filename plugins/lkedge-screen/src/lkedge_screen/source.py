"""The source `screen`: paces a grabber, and is closed from any thread."""

from __future__ import annotations

import threading
import time

from lkedge.clock import SECOND_NS
from lkedge.errors import SourceClosed, SourceLost
from lkedge.media.frame import VideoFrame
from lkedge.plugin.api import VideoCaptureSettings, VideoFormat, VideoSource
from lkedge_screen.grabber import Grabber
from lkedge_screen.options import KMS_PREFIX, ScreenOptions

DEFAULT_FRAMERATE = 15.0
"""Text is read, not followed: LiveKit's presets for screens have 15, too."""


class ScreenSource(VideoSource):
    """What a screen shows, so many times a second. The size is that of the screen or the region."""

    def __init__(self, capture: VideoCaptureSettings, options: ScreenOptions) -> None:
        self._options = options
        self._framerate = capture.framerate or DEFAULT_FRAMERATE
        self._closed = threading.Event()
        self._lock = threading.Lock()
        self._grabber: Grabber | None = None
        self._is_reading = False
        self._due_ns = 0
        self._last_ns = 0

    def open(self) -> VideoFormat:
        grabber = _grabber_for(self._options)
        with self._lock:
            self._grabber = grabber
        if self._closed.is_set():
            self.close()
        self._due_ns = time.monotonic_ns()
        return VideoFormat(grabber.width, grabber.height, self._framerate)

    def read(self) -> VideoFrame:
        grabber = self._begin()
        try:
            self._wait()
            captured_ns = self._last_ns = max(time.monotonic_ns(), self._last_ns + 1)
            picture = grabber.grab()
        except SourceLost as error:
            if self._closed.is_set():
                raise SourceClosed("screen: it is closed") from error
            raise
        finally:
            self._end(grabber)
        planes = (picture.plane,)
        return VideoFrame(grabber.width, grabber.height, grabber.pixel_format, planes, captured_ns, picture.owner)

    def close(self) -> None:
        self._closed.set()
        with self._lock:
            grabber = self._grabber
            if grabber is None:
                return
            if self._is_reading:
                grabber.interrupt()
            else:
                self._release(grabber)

    def _begin(self) -> Grabber:
        with self._lock:
            if self._closed.is_set() or self._grabber is None:
                raise SourceClosed("screen: it is closed")
            self._is_reading = True
            return self._grabber

    def _end(self, grabber: Grabber) -> None:
        """Released here when it was closed meanwhile: nobody takes a descriptor from under a reader."""
        with self._lock:
            self._is_reading = False
            if self._closed.is_set() and self._grabber is not None:
                self._release(grabber)

    def _release(self, grabber: Grabber) -> None:
        self._grabber = None
        grabber.release()

    def _wait(self) -> None:
        """Until the next picture is due; one that is late moves all later ones."""
        now_ns = time.monotonic_ns()
        if self._closed.wait(max(0, self._due_ns - now_ns) / SECOND_NS):
            raise SourceClosed("screen: it is closed")
        self._due_ns = max(self._due_ns, now_ns) + round(SECOND_NS / self._framerate)


def _grabber_for(options: ScreenOptions) -> Grabber:
    if options.display.startswith(KMS_PREFIX):
        from lkedge_screen.kms_grabber import KmsGrabber

        return KmsGrabber(options)
    from lkedge_screen.x11_grabber import X11Grabber

    return X11Grabber(options)
