"""One connection to an X server: requests and their replies, each with a deadline."""

from __future__ import annotations

import contextlib
import os
import socket
import struct
import threading
from collections.abc import Sequence
from pathlib import Path

from lkedge.errors import SourceLost, SourceUnavailable
from lkedge_screen import x11_wire as wire
from lkedge_screen.xauthority import cookie_for

REPLY_S = 3.0
"""A server answers within a millisecond, save while a program has grabbed it for itself."""

SOCKETS = "/tmp/.X11-unix/X"


class X11Connection:
    """Belongs to one thread; only `close` may come from another. Wrong replies and silence raise SourceLost."""

    def __init__(self, number: int, authority: str = "", sockets: str = SOCKETS) -> None:
        """Connect to display `:number` of this machine.

        Raises:
            SourceUnavailable: there is no such display, or it does not let us in.
        """
        self._name = f"screen: X display :{number}"
        self._closing = threading.Lock()
        self._sock = self._connected(f"{sockets}{number}")
        self._resources = 0
        self._sequence = 0
        try:
            self.setup = self._set_up(cookie_for(_authority(authority), socket.gethostname(), number))
        except BaseException:
            self._sock.close()
            raise

    def send(self, request: bytes, descriptors: Sequence[int] = ()) -> None:
        """Send a request that has no reply. The descriptors stay ours."""
        try:
            socket.send_fds(self._sock, [request], descriptors) if descriptors else self._sock.sendall(request)
            self._sequence = (self._sequence + 1) & 0xFFFF
        except OSError as error:
            raise self._lost(error) from error

    def ask(self, request: bytes) -> bytes:
        """Send a request and wait for its reply. Raises SourceLost for an error, of an earlier request too."""
        self.send(request)
        while True:
            head = self._receive(wire.REPLY_BYTES)
            message = head + self._receive(wire.further_bytes(head))
            if head[0] == wire.REPLY and wire.sequence(head) == self._sequence:
                return message
            if head[0] == wire.ERROR:
                raise SourceLost(f"{self._name}: the server refuses: {wire.describe_error(head)}")

    def extension(self, name: str) -> int:
        """The opcode of an extension; 0 when the server does not have it."""
        found = wire.parse_extension(self.ask(wire.query_extension(name.encode())))
        return found.opcode if found.is_present else 0

    def new_resource(self) -> int:
        """A number for something of ours in the server."""
        self._resources += 1
        return self.setup.resource_base + self._resources

    def close(self) -> None:
        """From any thread; ends a wait at once."""
        with self._closing, contextlib.suppress(OSError):
            self._sock.shutdown(socket.SHUT_RDWR)

    def release(self) -> None:
        """Give the descriptor back; by the thread that uses the connection, at its end."""
        with self._closing:
            self._sock.close()

    def _connected(self, path: str) -> socket.socket:
        """The abstract socket first: a service with a /tmp of its own sees only that."""
        problem: OSError = FileNotFoundError()
        for address in (f"\0{path}", path):
            sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            sock.settimeout(REPLY_S)
            try:
                sock.connect(address)
                return sock
            except OSError as error:
                sock.close()
                problem = error
        if isinstance(problem, PermissionError):
            raise SourceUnavailable(f"{self._name}: {path} may not be used by this user: check its owner and mode")
        raise SourceUnavailable(
            f"{self._name}: there is no such X server; displays here: {', '.join(displays()) or 'none'}; a Wayland "
            "session has none of its own and cannot be captured: log in to an X11 session instead"
        )

    def _set_up(self, cookie: bytes) -> wire.Setup:
        try:
            self._sock.sendall(wire.setup_request(cookie))
            status, reason_length, _, _, units = wire.SETUP_HEADER.unpack(self._receive(wire.SETUP_HEADER.size))
            data = self._receive(4 * units)
        except (SourceLost, OSError) as error:
            raise SourceUnavailable(str(error)) from error
        if status != wire.SETUP_OK:
            reason = data[:reason_length].decode(errors="replace").strip() if status == wire.SETUP_FAILED else ""
            raise SourceUnavailable(
                f"{self._name}: the server does not let us in ({reason or 'it wants another authorization'}): set "
                "`authority` to the .Xauthority of its user, or run as that user `xhost +si:localuser:USER` with "
                "the USER of lkedge"
            )
        try:
            return wire.parse_setup(data)
        except (struct.error, IndexError) as error:
            raise SourceUnavailable(f"{self._name}: what answers there is no X server: {error}") from error

    def _receive(self, count: int) -> bytes:
        data = bytearray(count)
        view = memoryview(data)
        while view:
            try:
                received = self._sock.recv_into(view)
            except OSError as error:
                raise self._lost(error) from error
            if not received:
                raise SourceLost(f"{self._name}: the server has ended")
            view = view[received:]
        return bytes(data)

    def _lost(self, error: OSError) -> SourceLost:
        if isinstance(error, TimeoutError):
            return SourceLost(f"{self._name}: the server has not answered for {REPLY_S:g} s")
        return SourceLost(f"{self._name}: the server has gone: {error.strerror or error}")


def displays(sockets: str = SOCKETS) -> list[str]:
    """The X displays of this machine that somebody serves, as far as they can be seen: [":0"]."""
    lines = []
    with contextlib.suppress(OSError):
        lines = Path("/proc/net/unix").read_text().splitlines()
    numbers = {line.rpartition(sockets)[2] for line in lines if sockets in line}
    return [f":{number}" for number in sorted(int(number) for number in numbers if number.isdigit())]


def _authority(path: str) -> bytes:
    """The content of the authority file; nothing when there is none, as the server may ask for nothing."""
    name = path or os.environ.get("XAUTHORITY") or os.path.expanduser("~/.Xauthority")
    try:
        return Path(name).read_bytes()
    except FileNotFoundError:
        if path:
            raise SourceUnavailable(f"screen: authority = {path!r}: there is no such file") from None
        return b""
    except OSError as error:
        if path:
            raise SourceUnavailable(
                f"screen: authority = {path!r} cannot be read: {error.strerror}; let the user of lkedge read it"
            ) from error
        return b""
