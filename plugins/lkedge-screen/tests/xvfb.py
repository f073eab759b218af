"""A real X server without hardware, and a program that draws on it."""

from __future__ import annotations

import os
import shutil
import signal
import struct
import subprocess
from collections.abc import Sequence

import pytest
from lkedge_screen.x11_connection import X11Connection

START_S = 15
NEEDS = "Xvfb is not installed: run tools/setup-xvfb.sh, or apt-get install xvfb"


class Xvfb:
    """One server at a time; started when its display is asked for."""

    def __init__(self, screen: str = "640x360x24", arguments: Sequence[str] = ()) -> None:
        if shutil.which("Xvfb") is None:
            pytest.skip(NEEDS)
        self._command = ["Xvfb", "-screen", "0", screen, "-nolisten", "tcp", "-noreset", *arguments]
        self._process: subprocess.Popen[bytes] | None = None
        self._number = -1

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    @property
    def number(self) -> int:
        if self._process is None:
            self._start()
        return self._number

    @property
    def display(self) -> str:
        return f":{self.number}"

    def end(self) -> None:
        """As when the X session is over; it takes its files along."""
        process, self._process = self._process, None
        if process is None:
            return
        process.terminate()
        process.send_signal(signal.SIGCONT)
        try:
            process.wait(START_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(START_S)

    def _start(self) -> None:
        """The server chooses a free number, and tells it when it takes connections."""
        ours, theirs = os.pipe()
        command = [*self._command, "-displayfd", str(theirs)]
        self._process = subprocess.Popen(
            command, pass_fds=(theirs,), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        os.close(theirs)
        with os.fdopen(ours) as told:
            self._number = int(told.readline())


class Painter:
    """Draws on the root window, and moves the pointer."""

    def __init__(self, number: int, authority: str = "") -> None:
        self._connection = X11Connection(number, authority)
        self._root = self._connection.setup.screens[0].root
        self._context = self._connection.new_resource()
        self._request(55, struct.pack("<III", self._context, self._root, 0))

    def fill(self, colour: int, left: int, top: int, width: int, height: int) -> None:
        """A rectangle in 0xRRGGBB."""
        self._request(56, struct.pack("<III", self._context, 4, colour))
        self._request(70, struct.pack("<IIhhHH", self._root, self._context, left, top, width, height))
        self._settle()

    def move_pointer(self, x: int, y: int) -> None:
        self._request(41, struct.pack("<IIhhHHhh", 0, self._root, 0, 0, 0, 0, x, y))
        self._settle()

    def resize(self, width: int, height: int) -> None:
        """RANDR's RRSetScreenSize, which needs the CRTC off (RRSetCrtcConfig without a mode)."""
        ask, opcode = self._connection.ask, self._connection.extension("RANDR")
        ask(struct.pack("<BBHII", opcode, 0, 3, 1, 3))
        resources = ask(struct.pack("<BBHI", opcode, 8, 2, self._root))
        (stamp,), (crtc,) = struct.unpack_from("<I", resources, 12), struct.unpack_from("<I", resources, 32)
        ask(struct.pack("<BBHIIIhhIHxx", opcode, 21, 7, crtc, 0, stamp, 0, 0, 0, 1))
        self._request(7, struct.pack("<IHHII", self._root, width, height, width, height), opcode=opcode)
        self._settle()

    def end(self) -> None:
        self._connection.release()

    def _request(self, number: int, body: bytes, opcode: int = 0) -> None:
        head = (opcode, number) if opcode else (number, 0)
        self._connection.send(struct.pack("<BBH", *head, 1 + len(body) // 4) + body)

    def _settle(self) -> None:
        """Whatever was asked is done when this is answered."""
        self._connection.ask(struct.pack("<BBHI", 14, 0, 2, self._root))
