"""One open camera. Everything that touches picamera2's own objects, and nobody else does.

Two of its habits would hang us, and are avoided. An exception in a callback ends its event
loop, after which `stop` waits for ever: ours raises nothing. A job whose caller gave up stays
at the head of its queue, and `stop` waits behind it: we make no jobs, cancel those there are,
and stop with a deadline.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Mapping
from typing import Any

from lkedge.errors import SourceStuck, SourceUnavailable
from lkedge_picamera2.cameras import CameraInfo
from lkedge_picamera2.closing import Closing
from lkedge_picamera2.pictures import PIXEL_FORMATS, Stream
from lkedge_picamera2.refusal import unavailable
from lkedge_picamera2.wishes import SECOND_US, Wishes, within

logger = logging.getLogger(__name__)

BUFFERS = 6
STOP_DEADLINE_S = 2.0
CLOSE_DEADLINE_S = 4.0
"""Stopping takes up to one exposure, and everything else less than a second."""

FRAME_DURATIONS = "FrameDurationLimits"


class Camera:
    """Claimed from its making to `close`, which any thread may call; the rest belongs to the reading thread.

    info: which one. library: the module picamera2. tuning_file: as for `library.load`.
    """

    def __init__(self, library: Any, info: CameraInfo, tuning_file: str = "") -> None:
        """Raises SourceUnavailable."""
        self.info = info
        self._library = library
        self._deliver: Callable[[Any], None] | None = None
        self._closing: Closing | None = None
        self._lock = threading.Lock()
        try:
            self._device = library.Picamera2(info.index, tuning=tuning_file or None)
        except Exception as error:
            raise unavailable(f"camera {info}", error) from error

    @property
    def controls(self) -> Mapping[str, tuple[Any, Any]]:
        """libcamera's ControlId and ControlInfo by name, as advertised; some ranges change in `configure`."""
        controls: Mapping[str, tuple[Any, Any]] = self._device.camera_ctrl_info
        return controls

    @property
    def model(self) -> str:
        return self.info.model or self.info.id

    @property
    def buffers(self) -> int:
        """How many pictures it has memory for, once configured."""
        return min(len(self._device.allocator.buffers(stream)) for stream in self._device.streams)

    def configure(self, wishes: Wishes) -> tuple[Stream, ...]:
        """Agree on the streams: the picture, and the smaller one where the camera makes two.

        Raises:
            SourceUnavailable: the camera cannot do it.
        """
        lores = wishes.lores if wishes.lores and self._makes_two() else None
        try:
            self._device.configure(self._configuration(wishes, lores))
            agreed = self._device.camera_configuration()
        except Exception as error:
            raise unavailable(f"camera {self.info}", error) from error
        self._check_turned(wishes, agreed["transform"])
        return tuple(self._stream(name, agreed[name]) for name in ("main", "lores") if agreed.get(name))

    def durations_us(self, wishes: Wishes) -> tuple[int, int]:
        """The wanted frame durations, as far as the camera can do them; known better once configured."""
        info = self.controls.get(FRAME_DURATIONS)
        return within(wishes.durations_us, info[1].min, info[1].max) if info else wishes.durations_us

    def start(self, deliver: Callable[[Any], None]) -> None:
        """Let pictures flow: `deliver` takes each completed request, in picamera2's thread, and must not fail.

        A request belongs to the taker until `release`.

        Raises:
            SourceUnavailable: the camera does not start.
        """
        self._deliver = deliver
        self._device.pre_callback = self._take
        try:
            self._device.start()
        except Exception as error:
            raise unavailable(f"camera {self.info}", error) from error

    def set_controls(self, values: Mapping[str, Any]) -> None:
        """Have libcamera's controls set with the next request. Raises RuntimeError for one that is not advertised."""
        # Taken by every request that goes back, which replaces the set of waiting controls.
        with self._device.request_lock:
            self._device.set_controls(dict(values))

    def address(self, request: Any, stream: str) -> int:
        """Where the memory of a stream is mapped; it stays there as long as the request is not released."""
        with self._library.MappedArray(request, stream, reshape=False, write=False) as mapped:
            return int(mapped.array.ctypes.data)

    def close(self) -> None:
        """Stop and release it. From any thread, any number of times; takes CLOSE_DEADLINE_S at most.

        Raises:
            SourceStuck: it is not closed within that time.
        """
        self._deliver = None
        deadline = time.monotonic() + CLOSE_DEADLINE_S
        with self._lock:
            if self._closing is None:
                self._closing = Closing(f"camera {self.model}", self._release)
        if not self._closing.wait(deadline):
            raise SourceStuck(f"camera {self.info} could not be closed within {CLOSE_DEADLINE_S:g} s")

    def _take(self, request: Any) -> None:
        """In picamera2's thread, which dies of an exception."""
        deliver = self._deliver
        if deliver is None:
            return
        try:
            request.acquire()
            deliver(request)
        except Exception as error:
            logger.error("a picture of %s is lost: %s", self.model, error)

    def _release(self) -> None:
        """In a thread of its own, since each of these may hang."""
        if self._device.started:
            self._stop()
        self._device.close()

    def _stop(self) -> None:
        self._device.cancel_all_and_flush()
        try:
            self._device.dispatch_functions([self._device.stop_], wait=STOP_DEADLINE_S, immediate=True)
        except TimeoutError:
            logger.warning("picamera2's loop does not stop the camera %s; it is closed without it", self.model)

    def _makes_two(self) -> bool:
        """Asked of libcamera itself: picamera2 would write beyond the end of what it gives."""
        viewfinder = self._library.libcamera.StreamRole.Viewfinder
        try:
            return len(self._device.camera.generate_configuration([viewfinder, viewfinder])) > 1
        except Exception as error:
            logger.debug("%s does not say how many streams it has: %s", self.model, error)
            return False

    def _configuration(self, wishes: Wishes, lores: tuple[int, int] | None) -> dict[str, Any]:
        transform = self._library.libcamera.Transform(hflip=int(wishes.hflip), vflip=int(wishes.vflip))
        configuration: dict[str, Any] = self._device.create_video_configuration(
            main={"size": wishes.size, "format": "YUV420"},
            lores={"size": lores, "format": "YUV420"} if lores else None,
            raw=None,
            transform=transform,
            buffer_count=BUFFERS,
            controls={FRAME_DURATIONS: self.durations_us(wishes)} if FRAME_DURATIONS in self.controls else {},
            display=None,
            encode=None,
            queue=False,
        )
        return configuration

    def _check_turned(self, wishes: Wishes, agreed: Any) -> None:
        if (bool(agreed.hflip), bool(agreed.vflip)) != (wishes.hflip, wishes.vflip):
            raise SourceUnavailable(
                f"camera {self.info} cannot turn or mirror its picture; remove rotation, hflip and vflip"
            )

    def _stream(self, name: str, agreed: Mapping[str, Any]) -> Stream:
        pixel_format = PIXEL_FORMATS.get(agreed["format"])
        if pixel_format is None:
            raise SourceUnavailable(
                f"camera {self.info} delivers {agreed['format']} only; a webcam is for the source v4l2"
            )
        width, height = agreed["size"]
        return Stream(name, width, height, pixel_format, agreed["stride"])


def rate(durations_us: tuple[int, int]) -> float:
    """Frames per second at the shortest duration."""
    return round(SECOND_US / durations_us[0], 3)
