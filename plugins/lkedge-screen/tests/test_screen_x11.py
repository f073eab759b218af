"""What is seen of a real X server, and what is said when it cannot be seen."""

from __future__ import annotations

import ctypes
import os
import secrets
import signal
import socket
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from lkedge_screen import x11_connection, x11_wire
from lkedge_screen.options import ScreenOptions
from lkedge_screen.probe import probe
from lkedge_screen.source import ScreenSource
from lkedge_screen.x11_grabber import display_number
from xvfb import Painter, Xvfb

from lkedge.errors import SourceClosed, SourceLost, SourceUnavailable
from lkedge.media.frame import VideoFrame
from lkedge.plugin.api import VideoCaptureSettings

RED, BLUE, WHITE = 0xFF0000, 0x0000FF, 0xFFFFFF


@contextmanager
def opened(server: Xvfb, framerate: float = 100.0, **options: object) -> Iterator[ScreenSource]:
    capture = VideoCaptureSettings(framerate=framerate)
    source = ScreenSource(capture, ScreenOptions(display=server.display, **options))  # type: ignore[arg-type]
    source.open()
    try:
        yield source
    finally:
        source.close()


def pixel(frame: VideoFrame, x: int, y: int) -> int:
    """As 0xRRGGBB."""
    plane = frame.planes[0]
    return int.from_bytes(ctypes.string_at(plane.pointer + y * plane.stride + 4 * x, 3), "little")


def test_moving_picture_is_seen_where_it_is(server: Xvfb, painter: Painter) -> None:
    with opened(server, cursor=False) as source:
        for left in (0, 100, 300, 600):
            painter.fill(0, 0, 0, 641, 363)
            painter.fill(RED, left, 50, 20, 20)
            frame = source.read()
            assert [pixel(frame, x, 60) for x in (left + 10, (left + 310) % 640)] == [RED, 0]


@pytest.mark.parametrize("name", ["server", "plain_server"])
def test_region_begins_and_ends_where_it_says(name: str, request: pytest.FixtureRequest) -> None:
    server: Xvfb = request.getfixturevalue(name)
    painter = Painter(server.number)
    painter.fill(0, 0, 0, 640, 360)
    painter.fill(BLUE, 100, 50, 200, 100)
    with opened(server, region="201x101+100+50", cursor=False) as source:
        frame = source.read()
    painter.end()
    assert (frame.width, frame.height) == (200, 100)
    assert {pixel(frame, x, y) for x in (0, 199) for y in (0, 99)} == {BLUE}


def test_server_that_refuses_our_memory_sends_pictures_through_the_socket(
    server: Xvfb, painter: Painter, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(x11_wire, "shm_attach_fd", lambda opcode, segment: struct.pack("<BBH", opcode, 99, 1))
    painter.fill(RED, 0, 0, 641, 363)
    with opened(server, cursor=False) as source:
        frames = [source.read() for _ in range(3)]
    assert {pixel(frame, 5, 5) for frame in frames} == {RED}


def test_odd_screen_is_captured_without_its_last_row_and_column(server: Xvfb) -> None:
    with opened(server) as source:
        frame = source.read()
    assert (frame.width, frame.height) == (640, 362)


@pytest.mark.parametrize("name", ["server", "plain_server"])
def test_pointer_is_shown_only_when_it_is_wanted(name: str, request: pytest.FixtureRequest) -> None:
    server: Xvfb = request.getfixturevalue(name)
    painter = Painter(server.number)
    painter.fill(WHITE, 0, 0, 640, 360)
    painter.move_pointer(300, 200)
    shown = {}
    for cursor in (True, False):
        with opened(server, cursor=cursor) as source:
            frame = source.read()
        shown[cursor] = {(x, y) for x in range(640) for y in range(360) if pixel(frame, x, y) != WHITE}
    painter.end()
    assert shown[False] == set()
    assert shown[True]
    assert all(abs(x - 300) < 32 and abs(y - 200) < 32 for x, y in shown[True])


def test_pointer_at_the_edge_is_cut(server: Xvfb, painter: Painter) -> None:
    with opened(server) as source:
        for x, y in ((0, 0), (640, 362)):
            painter.move_pointer(x, y)
            source.read()


def test_screen_of_depth_16() -> None:
    server = Xvfb("320x200x16")
    try:
        painter = Painter(server.number)
        painter.fill(0xF800, 0, 0, 320, 200)
        with opened(server) as source:
            frame = source.read()
        painter.end()
    finally:
        server.end()
    assert frame.pixel_format == "rgb565le"
    assert ctypes.string_at(frame.planes[0].pointer, 2) == b"\x00\xf8"


def test_other_size_is_a_loss_and_the_next_opening_has_it() -> None:
    server = Xvfb("640x480x24")
    try:
        with opened(server) as source:
            source.read()
            painter = Painter(server.number)
            painter.resize(320, 240)
            with pytest.raises(SourceLost, match="it is now 320x240"):
                source.read()
            painter.end()
        with opened(server) as source:
            assert (source.read().width, source.read().height) == (320, 240)
    finally:
        server.end()


def test_end_of_the_server_is_a_loss_and_its_return_is_found() -> None:
    server = Xvfb()
    try:
        with opened(server) as source:
            source.read()
            server.end()
            with pytest.raises(SourceLost, match="the server has"):
                source.read()
        with opened(server) as source:
            source.read()
    finally:
        server.end()


def test_server_that_hangs_is_a_loss(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(x11_connection, "REPLY_S", 0.2)
    server = Xvfb()
    try:
        with opened(server) as source:
            source.read()
            os.kill(server.pid, signal.SIGSTOP)
            with pytest.raises(SourceLost, match=r"the server has not answered for 0\.2 s"):
                source.read()
        with pytest.raises(SourceUnavailable, match="has not answered"), opened(server):
            pass
    finally:
        server.end()


def authority(path: Path, number: int, cookie: bytes) -> str:
    fields = (socket.gethostname().encode(), str(number).encode(), b"MIT-MAGIC-COOKIE-1", cookie)
    path.write_bytes(b"\x01\x00" + b"".join(struct.pack(">H", len(field)) + field for field in fields))
    return str(path)


def test_server_lets_in_only_who_has_the_cookie(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XAUTHORITY", str(tmp_path / "none"))
    cookie, number = secrets.token_bytes(16), 90 + os.getpid() % 900
    right, wrong = authority(tmp_path / "right", number, cookie), authority(tmp_path / "wrong", number, bytes(16))
    server = Xvfb(arguments=["-auth", right, f":{number}"])
    try:
        for refused in ("", wrong):
            with (
                pytest.raises(SourceUnavailable, match=r"does not let us in .*xhost"),
                opened(server, authority=refused),
            ):
                pass
        with opened(server, authority=right) as source:
            source.read()
        monkeypatch.setenv("XAUTHORITY", right)
        with opened(server) as source:
            source.read()
    finally:
        server.end()


def test_authority_that_is_not_there_is_named(server: Xvfb) -> None:
    with pytest.raises(SourceUnavailable, match="there is no such file"), opened(server, authority="/no/such/file"):
        pass


@pytest.mark.parametrize("region", ["640x400", "640x360+10+0", "8x8", "all", "1x1+1", "-1x2+0+0"])
def test_impossible_region_is_refused(region: str, server: Xvfb) -> None:
    with pytest.raises(SourceUnavailable, match="region"), opened(server, region=region):
        pass


@pytest.mark.parametrize("display", ["example.org:0", "0", ":", "localhost:10.0", ":0.0.0", ":1000000"])
def test_display_that_is_none_of_this_machine_is_refused(display: str) -> None:
    with pytest.raises(SourceUnavailable, match="is none of this machine"):
        display_number(display)


@pytest.mark.parametrize(("display", "number"), [(":0", (0, 0)), ("unix:7.1", (7, 1)), (":12", (12, 0))])
def test_display_number(display: str, number: tuple[int, int]) -> None:
    assert display_number(display) == number


def test_screen_that_the_display_does_not_have_is_refused(server: Xvfb) -> None:
    source = ScreenSource(VideoCaptureSettings(), ScreenOptions(display=f"{server.display}.3"))
    with pytest.raises(SourceUnavailable, match="has no screen 3: its last one is 0"):
        source.open()


def test_display_of_the_environment_is_used(server: Xvfb, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DISPLAY", server.display)
    source = ScreenSource(VideoCaptureSettings(), ScreenOptions())
    assert source.open().framerate == 15
    source.close()


def test_no_display_names_the_remedies(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DISPLAY", raising=False)
    monkeypatch.setattr("lkedge_screen.x11_grabber.displays", list)
    with pytest.raises(SourceUnavailable, match=r"there is no X display.*/dev/dri/card0.*Wayland"):
        ScreenSource(VideoCaptureSettings(), ScreenOptions()).open()


def test_closed_before_it_was_opened(server: Xvfb) -> None:
    source = ScreenSource(VideoCaptureSettings(), ScreenOptions(display=server.display))
    source.close()
    source.open()
    with pytest.raises(SourceClosed):
        source.read()


def test_probe_lists_it_with_its_size(server: Xvfb) -> None:
    (device,) = [device for device in probe() if device.name == f"X11 {server.display}"]
    assert device.details["size"] == "640x362"
    assert f'display = "{server.display}"' in device.config


def test_only_displays_that_somebody_serves_are_listed() -> None:
    server = Xvfb()
    display = server.display
    assert display in x11_connection.displays()
    os.kill(server.pid, signal.SIGKILL)
    server.end()
    left_behind = Path(f"{x11_connection.SOCKETS}{display[1:]}")
    assert left_behind.exists()
    assert display not in x11_connection.displays()
    left_behind.unlink()
    Path(f"/tmp/.X{display[1:]}-lock").unlink(missing_ok=True)
