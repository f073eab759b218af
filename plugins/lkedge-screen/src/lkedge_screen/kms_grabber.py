"""What a graphics card shows, read from the framebuffer of its largest plane."""

from __future__ import annotations

import ctypes
import mmap
import os

from lkedge.errors import SourceLost, SourceUnavailable
from lkedge.media.frame import Plane
from lkedge_screen.buffers import Memory, Pool
from lkedge_screen.drm import Card, Framebuffer, begin_read, end_read
from lkedge_screen.grabber import Picture
from lkedge_screen.options import ScreenOptions
from lkedge_screen.region import region_of

PIXEL_FORMATS = {"XR24": "bgr0", "AR24": "bgra", "XB24": "rgb0", "AB24": "rgba", "RG16": "rgb565le", "RG24": "bgr24"}
BYTES_PER_PIXEL = {"RG16": 2, "RG24": 3}
KEPT_MAPPINGS = 4
"""Programs flip between two or three framebuffers."""


class _Mapping:
    """A framebuffer in our memory."""

    def __init__(self, framebuffer: Framebuffer) -> None:
        self.framebuffer = framebuffer
        size = framebuffer.offset + framebuffer.pitch * framebuffer.height
        try:
            # The system call itself: Python's mmap asks for the file's size, which some drivers do not tell.
            self.pointer = _mmap(size, framebuffer.descriptor)
        except OSError:
            os.close(framebuffer.descriptor)
            raise
        self._size = size

    def close(self) -> None:
        _libc().munmap(self.pointer, self._size)
        os.close(self.framebuffer.descriptor)


class KmsGrabber:
    """One graphics card. Made, used and released by one thread."""

    def __init__(self, options: ScreenOptions) -> None:
        """Open the card and choose the plane. Raises SourceUnavailable."""
        self._path = options.display
        self._card = Card(options.display)
        self._mappings: dict[int, _Mapping] = {}
        try:
            self._prepare(options)
        except OSError as error:
            self.release()
            raise SourceUnavailable(f"screen: {self._path} cannot be read: {error.strerror}") from error
        except BaseException:
            self.release()
            raise

    def grab(self) -> Picture:
        try:
            mapping = self._mapping(self._card.shown_by(self._plane_id))
        except (OSError, SourceUnavailable) as error:
            raise SourceLost(f"screen: {self._path} shows nothing that can be read any more: {error}") from error
        lease = self._buffers.take()
        begin_read(mapping.framebuffer.descriptor)
        try:
            self._copy(mapping, lease.item.pointer)
        finally:
            end_read(mapping.framebuffer.descriptor)
        return Picture(Plane(lease.item.pointer, self._stride), lease)

    def interrupt(self) -> None:
        """Nothing here waits."""

    def release(self) -> None:
        while self._mappings:
            self._mappings.popitem()[1].close()
        self._card.close()

    def _prepare(self, options: ScreenOptions) -> None:
        planes = sorted(self._card.planes(), key=lambda plane: -plane.width * plane.height)
        if not planes:
            raise SourceUnavailable(f"screen: {self._path} shows nothing: switch a screen on, or choose another card")
        plane = planes[0]
        if plane.fourcc not in PIXEL_FORMATS:
            raise SourceUnavailable(
                f"screen: {self._path} shows pixels of the format {plane.fourcc}, which cannot be read: choose one of "
                f"{', '.join(PIXEL_FORMATS)} in the program that draws"
            )
        self._plane_id, self._shape = plane.plane_id, (plane.width, plane.height, plane.fourcc)
        self._region = region_of(options.region, plane.width, plane.height)
        self.width, self.height = self._region.width, self._region.height
        self.pixel_format = PIXEL_FORMATS[plane.fourcc]
        self._pixel_bytes = BYTES_PER_PIXEL.get(plane.fourcc, 4)
        self._stride = self.width * self._pixel_bytes
        self._buffers = Pool(self._new_buffer)
        self._mapping(plane.fb_id)

    def _new_buffer(self) -> Memory:
        memory = Memory(self._stride * self.height)
        memory.seal()
        return memory

    def _mapping(self, fb_id: int) -> _Mapping:
        """The framebuffer by its number. Numbers are given anew when their framebuffers have gone."""
        if not fb_id:
            raise SourceUnavailable("the screen is off")
        framebuffer = self._card.export(fb_id)
        held = self._mappings.get(fb_id)
        if held is not None and _same(held.framebuffer, framebuffer):
            os.close(framebuffer.descriptor)
            return held
        if (framebuffer.width, framebuffer.height, framebuffer.fourcc) != self._shape:
            os.close(framebuffer.descriptor)
            raise SourceUnavailable(f"it is now {framebuffer.width}x{framebuffer.height} {framebuffer.fourcc}")
        self._forget(fb_id)
        self._mappings[fb_id] = _Mapping(framebuffer)
        return self._mappings[fb_id]

    def _forget(self, fb_id: int) -> None:
        oldest = next(iter(self._mappings)) if len(self._mappings) >= KEPT_MAPPINGS else fb_id
        if mapping := self._mappings.pop(oldest, None):
            mapping.close()
        if stale := self._mappings.pop(fb_id, None):
            stale.close()

    def _copy(self, mapping: _Mapping, target: int) -> None:
        """Row by row: whoever draws goes on drawing."""
        framebuffer, region = mapping.framebuffer, self._region
        start = mapping.pointer + framebuffer.offset + region.top * framebuffer.pitch + region.left * self._pixel_bytes
        if framebuffer.pitch == self._stride:
            ctypes.memmove(target, start, self._stride * self.height)
            return
        for row in range(self.height):
            ctypes.memmove(target + row * self._stride, start + row * framebuffer.pitch, self._stride)


def _same(one: Framebuffer, other: Framebuffer) -> bool:
    """Whether two descriptors are of one DMABUF, which has one inode."""
    if one._replace(descriptor=0) != other._replace(descriptor=0):
        return False
    return os.fstat(one.descriptor).st_ino == os.fstat(other.descriptor).st_ino


def _mmap(size: int, descriptor: int) -> int:
    address: int | None = _libc().mmap(None, size, mmap.PROT_READ, mmap.MAP_SHARED, descriptor, 0)
    if address is None or address == ctypes.c_void_p(-1).value:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code))
    return address


def _libc() -> ctypes.CDLL:
    library = ctypes.CDLL(None, use_errno=True)
    library.mmap.argtypes = (ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int, ctypes.c_int, ctypes.c_int, ctypes.c_long)
    library.mmap.restype = ctypes.c_void_p
    library.munmap.argtypes = (ctypes.c_void_p, ctypes.c_size_t)
    return library
