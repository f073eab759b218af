"""Commands and files for the machine, through the agent inside it (lab/guest/lab-agent.py)."""

from __future__ import annotations

import base64
import contextlib
import itertools
import json
import socket
import threading
import time
import warnings
from collections.abc import Mapping
from concurrent.futures import Future
from pathlib import Path
from typing import Any

from tests.device.harness.machine import Machine
from tests.finished import Finished, LabError

BOOT_DEADLINE_S = 300.0
COMMAND_DEADLINE_S = 120.0
GRACE_S = 20.0
"""How much longer than the command's own deadline its answer may take."""

POLL_S = 0.5


class Guest:
    """The booted machine. Any thread may run commands, several at once."""

    def __init__(self, image: Path) -> None:
        self._image = image
        self._numbers = itertools.count()
        self._waiting: dict[int, Future[dict[str, Any]]] = {}
        self._lock = threading.Lock()
        self._start()

    def wait_ready(self) -> None:
        """Until the agent answers and the drivers are there; a machine that does not boot gets one more chance.

        Raises:
            LabError: it did not boot, twice; with the end of the console.
        """
        try:
            self._boot()
        except LabError as error:
            warnings.warn(f"the machine of the device lab is booted once more: {error}", stacklevel=2)
            self.stop()
            self._start()
            self._boot()

    def _start(self) -> None:
        self.machine = Machine(self._image)
        self._socket = socket.socket(socket.AF_UNIX)
        self._reader = threading.Thread(target=self._read, args=(self._socket,), name="lab-agent-reader", daemon=True)

    def _boot(self) -> None:
        until = time.monotonic() + BOOT_DEADLINE_S
        self._connect(until)
        self._reader.start()
        while not self._answers():
            if not self.machine.is_running or time.monotonic() > until:
                raise LabError(f"it does not boot; its console said last:\n{self.machine.console()}")
        self.run("systemctl", "is-system-running", "--wait", timeout=BOOT_DEADLINE_S)
        self.run("udevadm", "settle").check()

    def run(
        self,
        *argv: str,
        data: bytes = b"",
        timeout: float = COMMAND_DEADLINE_S,
        env: Mapping[str, str] | None = None,
        cwd: str = "/",
    ) -> Finished:
        """Run a command inside to its end.

        data: its standard input. timeout: seconds until it is killed.

        Raises:
            LabError: the machine does not answer; a command that fails is no error.
        """
        request = {"argv": argv, "input": base64.b64encode(data).decode(), "timeout": timeout, "env": dict(env or {})}
        reply = self._ask(request | {"cwd": cwd}, timeout + GRACE_S)
        stdout, stderr = (base64.b64decode(reply[name]).decode(errors="replace") for name in ("stdout", "stderr"))
        return Finished(argv, reply["returncode"], stdout, stderr)

    def push(self, data: bytes, path: str) -> None:
        """Write a file inside, with the folders it needs."""
        self.run("sh", "-c", 'mkdir -p "$(dirname "$0")" && cat > "$0"', path, data=data).check()

    def unpack(self, tarball: bytes, folder: str) -> None:
        """Unpack a tarball inside."""
        self.run("sh", "-c", 'mkdir -p "$0" && tar -xf - -C "$0"', folder, data=tarball).check()

    def pull(self, path: str) -> str:
        """The text of a file inside. Raises LabError."""
        return self.run("cat", path).check().stdout

    def stop(self) -> None:
        """End the machine."""
        self.machine.stop()
        if self._reader.ident is not None:
            self._reader.join(5.0)
        self._socket.close()

    def _connect(self, until: float) -> None:
        while True:
            try:
                return self._socket.connect(str(self.machine.socket_path))
            except OSError:
                if not self.machine.is_running or time.monotonic() > until:
                    raise LabError(f"QEMU does not start:\n{self.machine.console()}") from None
                time.sleep(POLL_S)

    def _answers(self) -> bool:
        """One attempt. Only the first lines can be lost, before the agent has opened its port."""
        try:
            self._ask({"argv": ["true"], "input": "", "timeout": 5.0, "env": {}, "cwd": "/"}, 5.0)
        except LabError:
            return False
        return True

    def _ask(self, request: dict[str, Any], deadline_s: float) -> dict[str, Any]:
        number, answer = next(self._numbers), Future[dict[str, Any]]()
        self._waiting[number] = answer
        try:
            with self._lock:
                self._socket.sendall(json.dumps(request | {"id": number}).encode() + b"\n")
            return answer.result(deadline_s)
        except (TimeoutError, OSError) as error:
            raise LabError(f"no answer to {request['argv']}:\n{self.machine.console()}") from error
        finally:
            del self._waiting[number]

    def _read(self, connection: socket.socket) -> None:
        with contextlib.suppress(OSError), connection.makefile("rb") as lines:
            for line in lines:
                self._answered(json.loads(line))
        for answer in list(self._waiting.values()):
            if not answer.done():
                answer.set_exception(ConnectionError("the machine has ended"))

    def _answered(self, reply: dict[str, Any]) -> None:
        answer = self._waiting.get(reply["id"])
        if answer is not None and not answer.done():
            answer.set_result(reply)
