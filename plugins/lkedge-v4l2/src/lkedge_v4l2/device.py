"""One open V4L2 node: what it is, what it can do, and its negotiation."""

from __future__ import annotations

import ctypes
import errno
import getpass
from collections.abc import Iterator
from dataclasses import dataclass

from lkedge.errors import SourceUnavailable
from lkedge.plugin.api import VideoCaptureSettings
from lkedge_v4l2 import videodev2 as v4l2
from lkedge_v4l2.formats import Mode, Range, wanted_framerate, wanted_size
from lkedge_v4l2.kernel import Kernel

MAX_ENUMERATED = 256
"""A driver that never says EINVAL must not hold us for ever."""


@dataclass(frozen=True, slots=True)
class Negotiated:
    """What the driver agreed to. framerate: 0 when it does not say. stride: bytes per row of the first plane."""

    mode: Mode
    stride: int
    image_size: int


class Device:
    """Owns the file descriptor; used by one thread."""

    def __init__(self, path: str, kernel: Kernel) -> None:
        """Open a node.

        Raises:
            SourceUnavailable: it is missing, busy, may not be opened, or is no camera.
        """
        self.path = path
        self._kernel = kernel
        try:
            self.fd = kernel.open(path)
        except OSError as error:
            raise unavailable(path, error) from error
        try:
            self._capability = self._query()
        except BaseException:
            self.close()
            raise

    @property
    def card(self) -> str:
        """The name of the camera."""
        return str(self._capability.card.decode("utf-8", "replace"))

    @property
    def driver(self) -> str:
        return str(self._capability.driver.decode("utf-8", "replace"))

    @property
    def bus(self) -> str:
        return str(self._capability.bus_info.decode("utf-8", "replace"))

    def modes(self, capture: VideoCaptureSettings) -> list[Mode]:
        """All modes; of a size that is free, the one next to the wanted size."""
        return [
            Mode(code, width, height, self._best_framerate(code, width, height, wanted_framerate(capture)))
            for code in self._fourccs()
            for width, height in self._sizes(code, capture)
        ]

    def negotiate(self, mode: Mode, framerate: float) -> Negotiated:
        """Set the format, then the rate.

        Raises:
            SourceUnavailable: busy, or the driver refuses.
        """
        try:
            pix = self._set_format(mode)
            rate = self._set_framerate(min(framerate, mode.framerate or framerate))
        except OSError as error:
            raise unavailable(self.path, error) from error
        agreed = Mode(v4l2.fourcc_text(pix.pixelformat), pix.width, pix.height, rate or mode.framerate)
        if agreed.fourcc != mode.fourcc:
            raise SourceUnavailable(
                f"{self.path}: the camera offers {mode} and then insists on {agreed.fourcc}; "
                "choose another input_format"
            )
        return Negotiated(agreed, pix.bytesperline, pix.sizeimage)

    def close(self) -> None:
        """Give the node back."""
        self._kernel.close(self.fd)

    def _query(self) -> v4l2.Capability:
        capability = v4l2.Capability()
        try:
            self._kernel.ioctl(self.fd, v4l2.QUERYCAP, capability)
        except OSError as error:
            raise unavailable(self.path, error) from error
        needed = v4l2.CAP_VIDEO_CAPTURE | v4l2.CAP_STREAMING
        has_own = capability.capabilities & v4l2.CAP_DEVICE_CAPS
        flags = capability.device_caps if has_own else capability.capabilities
        if flags & needed != needed:
            raise SourceUnavailable(
                f"{self.path}: this node delivers no pictures (cameras have further nodes for metadata); "
                "`lkedge devices` lists those that do"
            )
        return capability

    def _fourccs(self) -> Iterator[str]:
        for index in range(MAX_ENUMERATED):
            entry = v4l2.FormatDescription(index=index, type=v4l2.BUF_TYPE_VIDEO_CAPTURE)
            if not self._enumerate(v4l2.ENUM_FMT, entry):
                return
            yield v4l2.fourcc_text(entry.pixelformat)

    def _sizes(self, code: str, capture: VideoCaptureSettings) -> Iterator[tuple[int, int]]:
        for index in range(MAX_ENUMERATED):
            entry = v4l2.FrameSizeEnum(index=index, pixel_format=v4l2.fourcc(code))
            if not self._enumerate(v4l2.ENUM_FRAMESIZES, entry):
                return
            if entry.type != v4l2.FRMSIZE_TYPE_DISCRETE:
                low_w, high_w, step_w, low_h, high_h, step_h = entry.values
                width, height = wanted_size(capture)
                yield Range(low_w, high_w, step_w).nearest(width), Range(low_h, high_h, step_h).nearest(height)
                return
            yield entry.values[0], entry.values[1]

    def _best_framerate(self, code: str, width: int, height: int, wanted: float) -> float:
        best = 0.0
        for index in range(MAX_ENUMERATED):
            entry = v4l2.FrameIntervalEnum(index=index, pixel_format=v4l2.fourcc(code), width=width, height=height)
            if not self._enumerate(v4l2.ENUM_FRAMEINTERVALS, entry):
                return best
            best = max(best, _rate(entry.values[0]))
            if entry.type != v4l2.FRMIVAL_TYPE_DISCRETE:
                return best
        return best

    def _enumerate(self, request: int, entry: ctypes.Structure) -> bool:
        """One step of an enumeration: EINVAL is its end, ENOTTY means there is none."""
        try:
            self._kernel.ioctl(self.fd, request, entry)
        except OSError as error:
            if error.errno in (errno.EINVAL, errno.ENOTTY):
                return False
            raise unavailable(self.path, error) from error
        return True

    def _set_format(self, mode: Mode) -> v4l2.PixFormat:
        request = v4l2.Format(type=v4l2.BUF_TYPE_VIDEO_CAPTURE)
        pix = request.fmt.pix
        pix.width, pix.height = mode.width, mode.height
        pix.pixelformat, pix.field = v4l2.fourcc(mode.fourcc), v4l2.FIELD_ANY
        self._kernel.ioctl(self.fd, v4l2.S_FMT, request)
        agreed: v4l2.PixFormat = request.fmt.pix
        return agreed

    def _set_framerate(self, framerate: float) -> float:
        """Ask for a rate; returns the one that the driver chose, 0 when it has no say in it."""
        request = v4l2.StreamParm(type=v4l2.BUF_TYPE_VIDEO_CAPTURE)
        request.parm.capture.timeperframe = v4l2.Fraction(1000, round(framerate * 1000))
        try:
            self._kernel.ioctl(self.fd, v4l2.S_PARM, request)
        except OSError as error:
            if error.errno in (errno.EINVAL, errno.ENOTTY):
                return 0.0
            raise
        return _rate(request.parm.capture.timeperframe)


def unavailable(path: str, error: OSError) -> SourceUnavailable:
    """An error of the kernel as a sentence with a remedy."""
    return SourceUnavailable(f"{path}: {_explained(path, error)}")


def _explained(path: str, error: OSError) -> str:
    if error.errno in (errno.ENOENT, errno.ENODEV, errno.ENXIO):
        return "there is no such camera; is it plugged in? `lkedge devices` lists those that are there"
    if error.errno in (errno.EACCES, errno.EPERM):
        return f"no right to open it; add the user to the group video: `sudo usermod -aG video {_user()}`"
    if error.errno == errno.EBUSY:
        return f"another program uses it; `fuser {path}` names it, close that one"
    if error.errno == errno.ENOSPC:
        return 'the USB bus has no bandwidth left; use input_format = "mjpeg", a smaller size, or another port'
    if error.errno == errno.ENOTTY:
        return "this is no V4L2 device; `lkedge devices` lists the cameras"
    return f"the driver says {error.strerror or error}; unplug it and plug it in again"


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return "USER"


def _rate(interval: v4l2.Fraction) -> float:
    return round(interval.denominator / interval.numerator, 3) if interval.numerator else 0.0
