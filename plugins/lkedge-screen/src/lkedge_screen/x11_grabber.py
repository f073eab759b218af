"""An X11 screen: MIT-SHM where the server has it, the socket where it has not."""

from __future__ import annotations

import ctypes
import logging
import os
import re
from functools import partial

from lkedge.errors import SourceLost, SourceUnavailable
from lkedge.media.frame import Plane
from lkedge_screen import pointer
from lkedge_screen import x11_wire as wire
from lkedge_screen.buffers import Memory, Pool
from lkedge_screen.grabber import Picture
from lkedge_screen.options import ScreenOptions
from lkedge_screen.region import region_of
from lkedge_screen.x11_connection import X11Connection, displays

logger = logging.getLogger(__name__)

DISPLAY = re.compile(r"(?:unix)?:(\d{1,5})(?:\.(\d))?")
SHM_WITH_DESCRIPTORS = (1, 2)
PIXEL_FORMATS = {(24, 32): "bgr0", (32, 32): "bgr0", (16, 16): "rgb565le"}
"""By depth and bits per pixel, of a little-endian server."""


class _Segment:
    """Memory that the server writes into."""

    def __init__(self, connection: X11Connection, opcode: int, size: int) -> None:
        self.memory = Memory(size)
        self.number = connection.new_resource()
        connection.send(wire.shm_attach_fd(opcode, self.number), [self.memory.descriptor])
        self.memory.seal()


class X11Grabber:
    """One X11 screen. Made, used and released by one thread."""

    def __init__(self, options: ScreenOptions) -> None:
        """Connect, and find out how pictures come. Raises SourceUnavailable."""
        number, screen = display_number(options.display or os.environ.get("DISPLAY", ""))
        self._name = f"screen: X display :{number}"
        self._connection = X11Connection(number, options.authority)
        try:
            self._prepare(options, screen)
        except SourceLost as error:
            self._connection.release()
            raise SourceUnavailable(str(error)) from error
        except BaseException:
            self._connection.release()
            raise

    def grab(self) -> Picture:
        geometry = wire.parse_geometry(self._connection.ask(wire.get_geometry(self._screen.root)))
        if geometry != (self._screen.width, self._screen.height):
            raise SourceLost(f"{self._name}: it is now {geometry[0]}x{geometry[1]}")
        return self._with_shm() if self._shm else self._through_the_socket()

    def interrupt(self) -> None:
        self._connection.close()

    def release(self) -> None:
        self._connection.release()

    def _prepare(self, options: ScreenOptions, screen: int) -> None:
        connection = self._connection
        self._screen = self._checked(connection.setup, screen)
        if connection.extension("XWAYLAND"):
            raise SourceUnavailable(
                f"{self._name}: this is Xwayland, which cannot see a Wayland desktop: log in to an X11 session "
                "(raspi-config, Advanced Options, Wayland)"
            )
        self._region = region_of(options.region, self._screen.width, self._screen.height)
        self.width, self.height = self._region.width, self._region.height
        bits, padding = self._screen.bits_per_pixel, self._screen.row_padding
        self._stride = -(-self.width * bits // padding) * padding // 8
        self._shm = self._shm_opcode()
        self._xfixes = self._xfixes_opcode() if options.cursor and bits == 32 else 0
        self._segments = Pool(partial(_Segment, connection, self._shm, self._stride * self.height))
        if self._shm and not self._takes_memory():
            self._shm = 0

    def _checked(self, setup: wire.Setup, number: int) -> wire.Screen:
        if number >= len(setup.screens):
            raise SourceUnavailable(
                f"{self._name}: it has no screen {number}: its last one is {len(setup.screens) - 1}"
            )
        screen = setup.screens[number]
        pixel_format = PIXEL_FORMATS.get((screen.depth, screen.bits_per_pixel))
        if pixel_format is None or not setup.is_little_endian:
            raise SourceUnavailable(
                f"{self._name}: pictures of depth {screen.depth} cannot be read: run the server with depth 24"
            )
        self.pixel_format = pixel_format
        return screen

    def _shm_opcode(self) -> int:
        """0 when the server does not take descriptors."""
        opcode = self._connection.extension("MIT-SHM")
        if opcode:
            version = wire.parse_shm_version(self._connection.ask(wire.shm_query_version(opcode)))
            if version >= SHM_WITH_DESCRIPTORS:
                return opcode
        self._note_slow("it has no MIT-SHM 1.2")
        return 0

    def _takes_memory(self) -> bool:
        """A server at the other end of a tunnel has the extension, but never sees our descriptors."""
        self._segments.take()
        try:
            self._connection.ask(wire.get_geometry(self._screen.root))
        except SourceLost as error:
            self._note_slow(str(error))
            return False
        return True

    def _note_slow(self, reason: str) -> None:
        logger.info("%s: pictures come through its socket, which costs more: %s", self._name, reason)

    def _xfixes_opcode(self) -> int:
        opcode = self._connection.extension("XFIXES")
        if opcode:
            self._connection.ask(wire.xfixes_query_version(opcode))
        else:
            logger.info("%s has no XFIXES; the mouse pointer is not shown", self._name)
        return opcode

    def _with_shm(self) -> Picture:
        lease = self._segments.take()
        segment = lease.item
        self._connection.ask(wire.shm_get_image(self._shm, self._screen.root, self._region, segment.number))
        if self._xfixes:
            self._paint_pointer(memoryview(segment.memory.map))
        return Picture(Plane(segment.memory.pointer, self._stride), lease)

    def _through_the_socket(self) -> Picture:
        reply = self._connection.ask(wire.get_image(self._screen.root, self._region))
        data = bytearray(memoryview(reply)[wire.REPLY_BYTES :])
        if len(data) < self._stride * self.height:
            raise SourceLost(f"{self._name}: the server sent a picture that is too small")
        if self._xfixes:
            self._paint_pointer(memoryview(data))
        anchor = ctypes.c_char.from_buffer(data)
        return Picture(Plane(ctypes.addressof(anchor), self._stride), anchor)

    def _paint_pointer(self, picture: memoryview) -> None:
        cursor = wire.parse_cursor(self._connection.ask(wire.xfixes_get_cursor_image(self._xfixes)))
        pointer.paint(picture, self._stride, self._region, cursor)


def display_number(text: str) -> tuple[int, int]:
    """Display and screen of ":0" or ":0.1"; of the first display when it is "".

    Raises:
        SourceUnavailable: it is none of this machine, or there is none.
    """
    if not text:
        found = displays()
        if not found:
            raise SourceUnavailable(
                "screen: there is no X display: start an X server, or set `display` to a graphics card such as "
                '"/dev/dri/card0"; a Wayland session cannot be captured, an X11 session can'
            )
        text = found[0]
    match = DISPLAY.fullmatch(text)
    if match is None:
        raise SourceUnavailable(
            f'screen: display "{text}" is none of this machine: write ":0", or "/dev/dri/card0" for a graphics card'
        )
    return int(match[1]), int(match[2] or 0)
