# lkedge: pure
"""The few requests and replies of the X11 protocol that capturing a screen takes, as bytes.

Sources: X Window System Protocol (X11R7.7), appendix B; MIT-SHM 1.2 and XFIXES 4 in
xorgproto (shmproto.h, xfixesproto.txt). Little-endian, as asked for at the connection.
"""

from __future__ import annotations

import struct
from typing import NamedTuple

from lkedge_screen.region import Region
from lkedge_screen.xauthority import COOKIE

REPLY_BYTES = 32
"""Every reply, error and event is at least so long."""

ERROR, REPLY, GENERIC_EVENT = 0, 1, 35

SETUP_HEADER = struct.Struct("<BBHHH")
SETUP_FAILED, SETUP_OK = 0, 1
_SETUP = struct.Struct("<IIIIHHBBBBBBBB4x")
_FORMAT = struct.Struct("<BBB5x")
_SCREEN = struct.Struct("<IIIIIHHHHHHIBBBB")
_DEPTH = struct.Struct("<BxH4x")
_VISUAL_BYTES = 24
_ALL_PLANES = 0xFFFFFFFF
_Z_PIXMAP = 2

ERROR_NAMES = {3: "BadWindow", 8: "BadMatch", 9: "BadDrawable", 10: "BadAccess", 11: "BadAlloc", 16: "BadLength"}


class Screen(NamedTuple):
    """root: the window that holds all others. depth, bits_per_pixel, row_padding: of its pixels, in bits."""

    root: int
    width: int
    height: int
    depth: int
    bits_per_pixel: int
    row_padding: int


class Setup(NamedTuple):
    """What the server tells at the connection. resource_base: our first own number."""

    resource_base: int
    is_little_endian: bool
    screens: tuple[Screen, ...]


class Extension(NamedTuple):
    is_present: bool
    opcode: int


class Cursor(NamedTuple):
    """left, top: of its picture on the screen. pixels: 32 bit ARGB in native order, premultiplied."""

    left: int
    top: int
    width: int
    height: int
    pixels: bytes


def setup_request(cookie: bytes) -> bytes:
    name = COOKIE if cookie else b""
    return struct.pack("<BxHHHHxx", ord("l"), 11, 0, len(name), len(cookie)) + _padded(name) + _padded(cookie)


def parse_setup(data: bytes) -> Setup:
    """What follows the header of a successful setup. Raises struct.error or IndexError when it is cut."""
    fields = _SETUP.unpack_from(data)
    base, vendor_length, screen_count, format_count, byte_order = fields[1], *(fields[i] for i in (4, 6, 7, 8))
    offset = _SETUP.size + _round_up(vendor_length)
    formats = {}
    for _ in range(format_count):
        depth, bits, padding = _FORMAT.unpack_from(data, offset)
        formats[depth] = (bits, padding)
        offset += _FORMAT.size
    screens = []
    for _ in range(screen_count):
        screen, offset = _screen(data, offset, formats)
        screens.append(screen)
    return Setup(base, byte_order == 0, tuple(screens))


def query_extension(name: bytes) -> bytes:
    return _request(98, 0, struct.pack("<Hxx", len(name)) + _padded(name))


def parse_extension(reply: bytes) -> Extension:
    return Extension(bool(reply[8]), reply[9])


def get_geometry(window: int) -> bytes:
    return _request(14, 0, struct.pack("<I", window))


def parse_geometry(reply: bytes) -> tuple[int, int]:
    """Width and height."""
    width, height = struct.unpack_from("<HH", reply, 16)
    return width, height


def get_image(window: int, region: Region) -> bytes:
    left, top, width, height = region
    return _request(73, _Z_PIXMAP, struct.pack("<IhhHHI", window, left, top, width, height, _ALL_PLANES))


def shm_query_version(opcode: int) -> bytes:
    return _request(opcode, 0)


def parse_shm_version(reply: bytes) -> tuple[int, int]:
    major, minor = struct.unpack_from("<HH", reply, 8)
    return major, minor


def shm_attach_fd(opcode: int, segment: int) -> bytes:
    """The descriptor goes along with it. Has no reply."""
    return _request(opcode, 6, struct.pack("<IB3x", segment, 0))


def shm_get_image(opcode: int, window: int, region: Region, segment: int) -> bytes:
    left, top, width, height = region
    body = struct.pack("<IhhHHIB3xII", window, left, top, width, height, _ALL_PLANES, _Z_PIXMAP, segment, 0)
    return _request(opcode, 4, body)


def xfixes_query_version(opcode: int) -> bytes:
    return _request(opcode, 0, struct.pack("<II", 4, 0))


def xfixes_get_cursor_image(opcode: int) -> bytes:
    return _request(opcode, 4)


def parse_cursor(reply: bytes) -> Cursor:
    x, y, width, height, hot_x, hot_y = struct.unpack_from("<hhHHHH", reply, 8)
    return Cursor(x - hot_x, y - hot_y, width, height, reply[REPLY_BYTES : REPLY_BYTES + 4 * width * height])


def further_bytes(head: bytes) -> int:
    """How much follows the first 32 bytes of what the server sends."""
    if head[0] in (REPLY, GENERIC_EVENT):
        length: int = struct.unpack_from("<I", head, 4)[0]
        return 4 * length
    return 0


def sequence(head: bytes) -> int:
    """The number of the request that this answers, as far as 16 bits tell."""
    number: int = struct.unpack_from("<H", head, 2)[0]
    return number


def describe_error(head: bytes) -> str:
    code = head[1]
    minor, major = struct.unpack_from("<HB", head, 8)
    return f"{ERROR_NAMES.get(code, f'error {code}')} for request {major}.{minor}"


def _screen(data: bytes, offset: int, formats: dict[int, tuple[int, int]]) -> tuple[Screen, int]:
    fields = _SCREEN.unpack_from(data, offset)
    root, width, height, depth, depth_count = (fields[i] for i in (0, 5, 6, 14, 15))
    offset += _SCREEN.size
    for _ in range(depth_count):
        _, visual_count = _DEPTH.unpack_from(data, offset)
        offset += _DEPTH.size + _VISUAL_BYTES * visual_count
    return Screen(root, width, height, depth, *formats.get(depth, (0, 32))), offset


def _request(opcode: int, data: int, body: bytes = b"") -> bytes:
    return struct.pack("<BBH", opcode, data, 1 + len(body) // 4) + body


def _padded(data: bytes) -> bytes:
    return data.ljust(_round_up(len(data)), b"\0")


def _round_up(length: int) -> int:
    return -(-length // 4) * 4
