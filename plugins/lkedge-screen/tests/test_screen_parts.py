"""The parts that need no server: regions, cookies, the pointer, the protocol's bytes."""

from __future__ import annotations

import gc
import random
import struct

import pytest
from lkedge_screen import x11_wire as wire
from lkedge_screen.buffers import Memory, Pool
from lkedge_screen.pointer import paint
from lkedge_screen.region import Region, region_of
from lkedge_screen.x11_wire import Cursor
from lkedge_screen.xauthority import cookie_for


@pytest.mark.parametrize(
    ("text", "region"),
    [
        ("", Region(0, 0, 1366, 768)),
        ("640x480", Region(0, 0, 640, 480)),
        ("641x481+1+3", Region(1, 3, 640, 480)),
        ("1367x769", Region(0, 0, 1366, 768)),
    ],
)
def test_region_is_even_and_within(text: str, region: Region) -> None:
    assert region_of(text, 1367, 769) == region


def entry(family: int, address: bytes, number: bytes, data: bytes, name: bytes = b"MIT-MAGIC-COOKIE-1") -> bytes:
    fields = (address, number, name, data)
    return struct.pack(">H", family) + b"".join(struct.pack(">H", len(field)) + field for field in fields)


AUTHORITY = (
    entry(256, b"other", b"0", b"other host")
    + entry(256, b"pi", b"1", b"other display")
    + entry(256, b"pi", b"0", b"not a cookie", b"XDM-AUTHORIZATION-1")
    + entry(256, b"pi", b"0", b"right")
)


def test_cookie_is_that_of_host_and_display() -> None:
    assert cookie_for(AUTHORITY, "pi", 0) == b"right"
    assert cookie_for(AUTHORITY, "pi", 1) == b"other display"
    assert cookie_for(AUTHORITY, "pi", 2) == b""
    assert cookie_for(entry(65535, b"", b"", b"wild"), "pi", 2) == b"wild"


def test_cookie_of_an_earlier_host_name_is_better_than_none() -> None:
    assert cookie_for(AUTHORITY, "renamed", 1) == b"other display"


def test_torn_authority_is_read_as_far_as_it_goes() -> None:
    whole = len(AUTHORITY) - len(entry(256, b"pi", b"0", b"right"))
    found = [cookie_for(AUTHORITY[:length], "pi", 0) for length in range(len(AUTHORITY))]
    assert found[whole] == b"other host"
    assert found[0] == b""


def test_pointer_is_blended_and_cut() -> None:
    region = Region(10, 10, 4, 2)
    picture = bytearray([100] * 4 * 8)
    pixels = struct.pack("<4I", 0xFF0000FF, 0x80000080, 0, 0xFFFFFFFF)
    paint(memoryview(picture), 16, region, Cursor(12, 11, 2, 2, pixels))
    assert picture[:24] == bytes([100] * 24)
    assert list(picture[24:27]) == [255, 0, 0]
    assert list(picture[28:31]) == [128 + 49, 49, 49]


@pytest.mark.parametrize(("left", "top"), [(-50, -50), (-1, -1), (3, 1), (100, 100)])
def test_pointer_never_writes_beside_the_picture(left: int, top: int) -> None:
    region = Region(0, 0, 4, 2)
    around = bytearray(4 * 8 + 8)
    paint(memoryview(around)[4:-4], 16, region, Cursor(left, top, 3, 3, b"\xff" * 36))
    assert around[:4] == around[-4:] == bytes(4)


def test_setup_is_read_with_its_screens_and_formats() -> None:
    vendor = b"The X.Org Foundation"
    head = struct.pack("<IIIIHHBBBBBBBB4x", 1, 0x200000, 0x1FFFFF, 0, len(vendor), 65535, 2, 2, 0, 0, 32, 32, 8, 255)
    formats = struct.pack("<BBB5x", 1, 1, 32) + struct.pack("<BBB5x", 24, 32, 32)
    depths = struct.pack("<BxH4x", 24, 2) + bytes(48) + struct.pack("<BxH4x", 1, 0)
    screens = b""
    for root, width, height in ((0x51, 800, 600), (0x52, 1920, 1080)):
        screens += (
            struct.pack("<IIIIIHHHHHHIBBBB", root, 0, 0, 0, 0, width, height, 1, 1, 1, 1, 0, 0, 0, 24, 2) + depths
        )
    setup = wire.parse_setup(head + vendor + formats + screens)
    assert setup.resource_base == 0x200000
    assert setup.screens == (wire.Screen(0x51, 800, 600, 24, 32, 32), wire.Screen(0x52, 1920, 1080, 24, 32, 32))


def test_garbage_instead_of_a_setup_ends_in_an_error_that_is_expected() -> None:
    source = random.Random(7)
    for _ in range(300):
        data = source.randbytes(source.randrange(200))
        try:
            wire.parse_setup(data)
        except (struct.error, IndexError):
            continue


@pytest.mark.parametrize(
    "request_bytes",
    [
        wire.setup_request(b"x" * 16)[12:],
        wire.query_extension(b"MIT-SHM"),
        wire.shm_get_image(130, 1, Region(0, 0, 2, 2), 3),
        wire.shm_attach_fd(130, 3),
        wire.get_image(1, Region(0, 0, 2, 2)),
        wire.xfixes_query_version(138),
    ],
)
def test_requests_are_whole_words(request_bytes: bytes) -> None:
    assert len(request_bytes) % 4 == 0


@pytest.mark.parametrize("make", [wire.query_extension, lambda name: wire.get_geometry(5)])
def test_requests_tell_their_length(make: object) -> None:
    data: bytes = make(b"XFIXES")  # type: ignore[operator]
    assert struct.unpack_from("<H", data, 2)[0] * 4 == len(data)


def test_memory_is_used_again_only_after_it_was_dropped() -> None:
    made: list[Memory] = []

    def make() -> Memory:
        made.append(Memory(64))
        return made[-1]

    pool = Pool(make)
    held = [pool.take() for _ in range(3)]
    assert len({lease.item.pointer for lease in held}) == 3
    kept = held[0].item.pointer
    del held[1:]
    gc.collect()
    again = [pool.take() for _ in range(3)]
    assert kept not in {lease.item.pointer for lease in again}
    assert len(made) == 4
