"""Runs commands that the host sends over virtio-serial; the other end is harness.py.

One JSON object per line each way. In: {"id", "argv", "input", "timeout", "env", "cwd"}; out: {"id", "returncode",
"stdout", "stderr"}. Bytes are base64. A command that takes too long is killed with its group; its returncode is null.
Standard library only: it runs on the guest's own Python.
"""

from __future__ import annotations

import base64
import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from typing import Any

PORT = "/dev/virtio-ports/lkedge.agent"
DRAIN_S = 5.0


class Port:
    """The serial port. Written by any thread, a whole line at a time."""

    def __init__(self, fd: int) -> None:
        self._fd = fd
        self._lock = threading.Lock()

    def lines(self) -> Iterator[bytes]:
        """Whole lines, for ever; nothing comes while the host is not there."""
        rest = b""
        while True:
            data = os.read(self._fd, 65536)
            if not data:
                time.sleep(0.2)
            *lines, rest = (rest + data).split(b"\n")
            yield from lines

    def send(self, reply: dict[str, Any]) -> None:
        data = json.dumps(reply).encode() + b"\n"
        with self._lock:
            while data:
                data = data[os.write(self._fd, data) :]


def carry_out(request: dict[str, Any]) -> dict[str, Any]:
    """Run one command to its end."""
    try:
        process = subprocess.Popen(
            request["argv"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=os.environ | request["env"],
            cwd=request["cwd"],
            start_new_session=True,
        )
    except OSError as error:
        return _reply(request, 127, b"", str(error).encode())
    try:
        stdout, stderr = process.communicate(base64.b64decode(request["input"]), request["timeout"])
    except subprocess.TimeoutExpired:
        return _reply(request, None, *_killed(process))
    return _reply(request, process.returncode, stdout, stderr)


def _killed(process: subprocess.Popen[bytes]) -> tuple[bytes, bytes]:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    with contextlib.suppress(subprocess.TimeoutExpired):
        return process.communicate(timeout=DRAIN_S)
    return b"", b"its output stayed open after it was killed"


def _reply(request: dict[str, Any], returncode: int | None, stdout: bytes, stderr: bytes) -> dict[str, Any]:
    texts = {"stdout": base64.b64encode(stdout).decode(), "stderr": base64.b64encode(stderr).decode()}
    return {"id": request["id"], "returncode": returncode, **texts}


def _serve(port: Port, line: bytes) -> None:
    port.send(carry_out(json.loads(line)))


def main() -> int:
    port = Port(os.open(PORT, os.O_RDWR))
    for line in port.lines():
        threading.Thread(target=_serve, args=(port, line), daemon=True).start()
    return 0


if __name__ == "__main__":
    sys.exit(main())
