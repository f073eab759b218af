"""One open V4L2 node: what it is, and the negotiation of format and rate."""

from __future__ import annotations

import errno
from dataclasses import dataclass
from typing import Any

from lkedge.errors import SourceUnavailable
from lkedge_v4l2 import videodev2 as v4l2
from lkedge_v4l2.formats import Mode, rate_of
from lkedge_v4l2.kernel import Kernel
from lkedge_v4l2.refusal import unavailable


@dataclass(frozen=True, slots=True)
class Negotiated:
    """What the driver agreed to. framerate: 0 when it does not say. stride: bytes per row of the first plane."""

    mode: Mode
    stride: int
    image_size: int


class Device:
    """Owns the file descriptor; used by one thread.

    buffer_type: BUF_TYPE_VIDEO_CAPTURE, or its multi-planar counterpart.
    """

    def __init__(self, path: str, kernel: Kernel) -> None:
        """Open a node.

        Raises:
            SourceUnavailable: it is missing, busy, may not be opened, or is no camera.
        """
        self.path = path
        self._kernel = kernel
        self._is_open = True
        try:
            self.fd = kernel.open(path)
        except OSError as error:
            raise unavailable(path, error) from error
        try:
            self._capability = self._query()
            self.flags = _flags(self._capability)
            self.buffer_type = self._buffer_type()
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

    @property
    def is_multiplanar(self) -> bool:
        return self.buffer_type == v4l2.BUF_TYPE_VIDEO_CAPTURE_MPLANE

    def ioctl(self, request: int, argument: Any) -> None:
        """Raises OSError."""
        self._kernel.ioctl(self.fd, request, argument)

    def negotiate(self, mode: Mode, framerate: float) -> Negotiated:
        """Set the format, then the rate.

        Raises:
            SourceUnavailable: busy, or the driver refuses.
        """
        try:
            agreed = self._set_format(mode)
            rate = self._set_framerate(min(framerate, mode.framerate or framerate))
        except OSError as error:
            raise unavailable(self.path, error) from error
        if agreed.mode.fourcc != mode.fourcc:
            raise SourceUnavailable(
                f"{self.path}: the camera offers {mode} and then insists on {agreed.mode.fourcc}; "
                "choose another input_format"
            )
        width, height = agreed.mode.width, agreed.mode.height
        return Negotiated(Mode(mode.fourcc, width, height, rate or mode.framerate), agreed.stride, agreed.image_size)

    def close(self) -> None:
        """Give the node back. Any number of times."""
        if self._is_open:
            self._is_open = False
            self._kernel.close(self.fd)

    def _query(self) -> v4l2.Capability:
        capability = v4l2.Capability()
        try:
            self.ioctl(v4l2.QUERYCAP, capability)
        except OSError as error:
            raise unavailable(self.path, error) from error
        return capability

    def _buffer_type(self) -> int:
        if self.flags & v4l2.CAP_STREAMING and self.flags & v4l2.CAP_VIDEO_CAPTURE:
            return v4l2.BUF_TYPE_VIDEO_CAPTURE
        if self.flags & v4l2.CAP_STREAMING and self.flags & v4l2.CAP_VIDEO_CAPTURE_MPLANE:
            return v4l2.BUF_TYPE_VIDEO_CAPTURE_MPLANE
        raise SourceUnavailable(
            f"{self.path}: this node delivers no pictures (cameras have further nodes for metadata); "
            "`lkedge devices` lists those that do"
        )

    def _set_format(self, mode: Mode) -> Negotiated:
        request = v4l2.Format(type=self.buffer_type)
        pix = request.fmt.pix_mp if self.is_multiplanar else request.fmt.pix
        pix.width, pix.height = mode.width, mode.height
        pix.pixelformat, pix.field = v4l2.fourcc(mode.fourcc), v4l2.FIELD_ANY
        if self.is_multiplanar:
            pix.num_planes = 1
        self.ioctl(v4l2.S_FMT, request)
        plane = pix.plane_fmt[0] if self.is_multiplanar else pix
        agreed = Mode(v4l2.fourcc_text(pix.pixelformat), pix.width, pix.height, 0.0)
        return Negotiated(agreed, plane.bytesperline, plane.sizeimage)

    def _set_framerate(self, framerate: float) -> float:
        """Ask for a rate; returns the one that the driver chose, 0 when it has no say in it."""
        request = v4l2.StreamParm(type=self.buffer_type)
        request.parm.capture.timeperframe = v4l2.Fraction(1000, round(framerate * 1000))
        try:
            self.ioctl(v4l2.S_PARM, request)
        except OSError as error:
            if error.errno in (errno.EINVAL, errno.ENOTTY):
                return 0.0
            raise
        interval = request.parm.capture.timeperframe
        return rate_of(interval.numerator, interval.denominator)


def _flags(capability: v4l2.Capability) -> int:
    """What this node can do, where the driver tells it apart from the whole device."""
    has_own = capability.capabilities & v4l2.CAP_DEVICE_CAPS
    return int(capability.device_caps if has_own else capability.capabilities)
