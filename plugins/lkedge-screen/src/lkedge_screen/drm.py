"""The kernel's mode setting (KMS), as far as reading a framebuffer takes: <drm/drm.h> and <drm/drm_mode.h>."""

from __future__ import annotations

import contextlib
import ctypes
import errno
import fcntl
import os
import struct
from collections.abc import Iterator
from ctypes import Structure, c_int32, c_uint32, c_uint64
from pathlib import Path
from typing import NamedTuple

from lkedge.errors import SourceLost, SourceUnavailable

FOLDER = Path("/dev/dri")
CAP_UNIVERSAL_PLANES = 2
LINEAR = (0, (1 << 56) - 1)
"""DRM_FORMAT_MOD_LINEAR, and DRM_FORMAT_MOD_INVALID: the driver has no others."""

FLAG_MODIFIERS = 2


class ClientCap(Structure):
    _fields_ = (("capability", c_uint64), ("value", c_uint64))


class PlaneResources(Structure):
    _fields_ = (("plane_id_ptr", c_uint64), ("count_planes", c_uint32), ("pad", c_uint32))


class PlaneInfo(Structure):
    _fields_ = (
        ("plane_id", c_uint32),
        ("crtc_id", c_uint32),
        ("fb_id", c_uint32),
        ("possible_crtcs", c_uint32),
        ("gamma_size", c_uint32),
        ("count_format_types", c_uint32),
        ("format_type_ptr", c_uint64),
    )


class FramebufferInfo(Structure):
    _fields_ = (
        ("fb_id", c_uint32),
        ("width", c_uint32),
        ("height", c_uint32),
        ("pixel_format", c_uint32),
        ("flags", c_uint32),
        ("handles", c_uint32 * 4),
        ("pitches", c_uint32 * 4),
        ("offsets", c_uint32 * 4),
        ("modifier", c_uint64 * 4),
    )


class PrimeHandle(Structure):
    _fields_ = (("handle", c_uint32), ("flags", c_uint32), ("fd", c_int32))


class GemClose(Structure):
    _fields_ = (("handle", c_uint32), ("pad", c_uint32))


def _ioctl(direction: int, number: int, structure: type[Structure], letter: str = "d") -> int:
    return direction << 30 | ctypes.sizeof(structure) << 16 | ord(letter) << 8 | number


_W, _WR = 1, 3
SET_CLIENT_CAP = _ioctl(_W, 0x0D, ClientCap)
GEM_CLOSE = _ioctl(_W, 0x09, GemClose)
PRIME_HANDLE_TO_FD = _ioctl(_WR, 0x2D, PrimeHandle)
GET_PLANE_RESOURCES = _ioctl(_WR, 0xB5, PlaneResources)
GET_PLANE = _ioctl(_WR, 0xB6, PlaneInfo)
GET_FB2 = _ioctl(_WR, 0xCE, FramebufferInfo)
DROP_MASTER = ord("d") << 8 | 0x1F
DMA_BUF_SYNC = _W << 30 | 8 << 16 | ord("b") << 8
SYNC_READ, SYNC_END = 1, 4


class Plane(NamedTuple):
    """A plane that shows a framebuffer. fourcc: its pixel format, such as "XR24"."""

    plane_id: int
    fb_id: int
    width: int
    height: int
    fourcc: str


class Framebuffer(NamedTuple):
    """One that may be mapped: `descriptor` is of its DMABUF and belongs to whoever asked."""

    width: int
    height: int
    fourcc: str
    pitch: int
    offset: int
    descriptor: int


class Card:
    """An open graphics card. For one thread."""

    def __init__(self, path: str) -> None:
        """Raises SourceUnavailable: it is missing, may not be used, or shows nothing (a render-only card)."""
        self._path = path
        try:
            self._fd = os.open(path, os.O_RDWR | os.O_CLOEXEC)
        except FileNotFoundError:
            raise SourceUnavailable(
                f"screen: there is no {path}: graphics cards here: {', '.join(cards()) or 'none'}"
            ) from None
        except OSError as error:
            raise SourceUnavailable(
                f"screen: {path} cannot be opened: {error.strerror}; put the user of lkedge into the group video"
            ) from error
        # Whoever opens a card first becomes its master, which is for programs that draw.
        with contextlib.suppress(OSError):
            fcntl.ioctl(self._fd, DROP_MASTER)
        try:
            self._call(SET_CLIENT_CAP, ClientCap(CAP_UNIVERSAL_PLANES, 1))
        except OSError as error:
            self.close()
            raise SourceUnavailable(f"screen: {path} has no screens: {error.strerror}; choose another card") from error

    def planes(self) -> Iterator[Plane]:
        """The planes that show something."""
        for plane_id in self._plane_ids():
            info = PlaneInfo(plane_id=plane_id)
            self._call(GET_PLANE, info)
            if info.crtc_id and info.fb_id:
                yield self._plane(info)

    def shown_by(self, plane_id: int) -> int:
        """The framebuffer that a plane shows now; 0 when it shows none."""
        info = PlaneInfo(plane_id=plane_id)
        self._call(GET_PLANE, info)
        return int(info.fb_id) if info.crtc_id else 0

    def export(self, fb_id: int) -> Framebuffer:
        """A framebuffer as a DMABUF.

        Raises:
            SourceUnavailable: we may not, or it is not laid out row by row.
        """
        info, fourcc = self._info(fb_id)
        handles = sorted(set(info.handles) - {0})
        if not handles:
            raise SourceUnavailable(
                f"screen: {self._path}: what it shows may only be read with CAP_SYS_ADMIN: give it to the service with "
                "`systemctl edit lkedge` and AmbientCapabilities=CAP_SYS_ADMIN, or capture the X display instead"
            )
        try:
            if info.flags & FLAG_MODIFIERS and info.modifier[0] not in LINEAR:
                raise SourceUnavailable(
                    f"screen: {self._path}: what it shows is laid out in tiles (modifier {info.modifier[0]:#x}), which "
                    "cannot be read here: capture the X display instead"
                )
            prime = PrimeHandle(handle=info.handles[0], flags=os.O_CLOEXEC)
            self._call(PRIME_HANDLE_TO_FD, prime)
        finally:
            for handle in handles:
                self._call(GEM_CLOSE, GemClose(handle=handle))
        return Framebuffer(info.width, info.height, fourcc, info.pitches[0], info.offsets[0], prime.fd)

    def close(self) -> None:
        os.close(self._fd)

    def _plane_ids(self) -> list[int]:
        count = PlaneResources()
        self._call(GET_PLANE_RESOURCES, count)
        numbers = (c_uint32 * max(1, count.count_planes))()
        filled = PlaneResources(plane_id_ptr=ctypes.addressof(numbers), count_planes=len(numbers))
        self._call(GET_PLANE_RESOURCES, filled)
        return list(numbers[: min(filled.count_planes, len(numbers))])

    def _plane(self, info: PlaneInfo) -> Plane:
        framebuffer, fourcc = self._info(info.fb_id)
        for handle in set(framebuffer.handles) - {0}:
            self._call(GEM_CLOSE, GemClose(handle=handle))
        return Plane(info.plane_id, info.fb_id, framebuffer.width, framebuffer.height, fourcc)

    def _info(self, fb_id: int) -> tuple[FramebufferInfo, str]:
        info = FramebufferInfo(fb_id=fb_id)
        self._call(GET_FB2, info)
        return info, struct.pack("<I", info.pixel_format).decode("ascii", errors="replace")

    def _call(self, request: int, structure: Structure) -> None:
        while True:
            try:
                fcntl.ioctl(self._fd, request, structure)
                return
            except InterruptedError:
                continue


def cards() -> list[str]:
    """The graphics cards of this machine, by path."""
    return sorted(str(path) for path in FOLDER.glob("card[0-9]*")) if FOLDER.is_dir() else []


def usable_planes(path: str) -> list[Plane]:
    """What a card shows, the largest first. Raises SourceUnavailable and OSError."""
    card = Card(path)
    try:
        return sorted(card.planes(), key=lambda plane: -plane.width * plane.height)
    finally:
        card.close()


def begin_read(descriptor: int) -> None:
    """The kernel makes what the hardware wrote visible. Raises SourceLost."""
    _sync(descriptor, SYNC_READ)


def end_read(descriptor: int) -> None:
    with contextlib.suppress(SourceLost):
        _sync(descriptor, SYNC_READ | SYNC_END)


def _sync(descriptor: int, flags: int) -> None:
    while True:
        try:
            fcntl.ioctl(descriptor, DMA_BUF_SYNC, struct.pack("Q", flags))
            return
        except OSError as error:
            if error.errno not in (errno.EINTR, errno.EAGAIN):
                raise SourceLost(f"screen: the framebuffer cannot be read: {error.strerror}") from error
