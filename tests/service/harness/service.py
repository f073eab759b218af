"""The service inside a machine, and what can be asked of it from outside."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import Any

from tests.finished import Finished, LabError
from tests.service.harness.machine import POLL_S, Machine
from tests.sfu.harness.sfu import Sfu

UNIT = "lkedge.service"
SOCKET = "lkedge.socket"
CONTROL = "/run/lkedge/control.sock"
CONFIG = "/etc/lkedge/lkedge.toml"
DROP_IN = "/run/systemd/system/lkedge.service.d/90-test.conf"
IDENTITY = "camera-box"
WAIT_S = 40.0

FRONT = """
[[track]]
name = "front"
source = "testsrc"
capture = { width = 640, height = 360, framerate = 15 }
"""

BACK = FRONT.replace("front", "back").replace("640", "320").replace("360", "180")

MICROPHONE = """
[[track]]
name = "mic"
source = "tone"
"""


class Service:
    """lkedge.service of a machine with a package installed; of one test, and stopped after it."""

    def __init__(self, machine: Machine, sfu: Sfu, room: str) -> None:
        self.machine = machine
        self.sfu = sfu
        self.room = room
        self._since = machine.shell("date +%s.%N").stdout.strip()

    def configure(self, tracks: str = FRONT, livekit: str = "", more: str = "") -> None:
        """Write the configuration, with the key and secret beside it readable by the service alone."""
        for name, text in (("key", self.sfu.server.api_key), ("secret", self.sfu.server.api_secret)):
            self.machine.write(f"/etc/lkedge/{name}", text, 0o640)
            self.machine.shell(f"chgrp lkedge /etc/lkedge/{name}")
        files = livekit or 'api_key_file = "key"\napi_secret_file = "secret"'
        head = f'[livekit]\nurl = "{self.sfu.url}"\nroom = "{self.room}"\nidentity = "{IDENTITY}"\n{files}\n'
        self.machine.write(CONFIG, head + more + tracks)

    def drop_in(self, text: str) -> None:
        """Settings for the unit, until the end of the test."""
        self.machine.write(DROP_IN, text)
        self.systemctl("daemon-reload").check()

    def systemctl(self, *words: str) -> Finished:
        return self.machine.run("systemctl", *words)

    def start(self) -> None:
        """Start it, with its socket, and wait until it says that it is ready."""
        self.systemctl("start", SOCKET, UNIT).check()

    def stop(self) -> None:
        """Stop it and forget what a test made of it."""
        self.systemctl("stop", SOCKET, UNIT)
        self.machine.shell(f"rm -rf /var/lib/lkedge/* {DROP_IN} /etc/credstore/lkedge.* /etc/lkedge/lkedge.toml.d/*")
        self.systemctl("daemon-reload")
        self.systemctl("reset-failed", UNIT)

    def show(self, name: str) -> str:
        """Of the unit, such as StatusText."""
        return self.systemctl("show", "--value", "-p", name, UNIT).check().stdout.strip()

    @property
    def pid(self) -> int:
        """Inside; 0 when it does not run."""
        return int(self.show("MainPID"))

    def journal(self, *options: str) -> str:
        """The messages of the unit in this test."""
        return self._journalctl("-o", "cat", *options)

    def records(self, *options: str) -> list[dict[str, Any]]:
        """The same with all fields."""
        return [json.loads(line) for line in self._journalctl("-o", "json", *options).splitlines()]

    def _journalctl(self, *options: str) -> str:
        command = ["journalctl", "-u", UNIT, "--no-pager", "--since", f"@{self._since}", *options]
        return self.machine.run(*command).check().stdout

    def ctl(self, *words: str, user: str = "") -> Finished:
        """Run lkedgectl."""
        return self.machine.run("lkedgectl", *words, user=user)

    def ctl_json(self, *words: str) -> Any:
        """What lkedgectl --json says. Raises LabError when it fails."""
        return json.loads(self.ctl(*words, "--json").check().stdout)

    def track(self, name: str) -> dict[str, Any]:
        """One track of `lkedgectl tracks`; {} when there is none."""
        found = self.ctl_json("tracks")
        return next((track for track in found["tracks"] if track["name"] == name), {})

    def http(self, method: str, path: str, body: object = None, user: str = "") -> tuple[int, Any]:
        """One request to the control socket with curl: the status and what the JSON says."""
        command = ["curl", "-sS", "-m", "20", "--unix-socket", CONTROL, "-X", method, "-w", "\n%{http_code}"]
        if body is not None:
            command += ["-H", "Content-Type: application/json", "-d", json.dumps(body)]
        text = self.machine.run(*command, f"http://localhost{path}", user=user).check().stdout
        answer, _, status = text.rpartition("\n")
        return int(status), json.loads(answer) if answer.strip() else None

    def busctl(self, *words: str, user: str = "") -> Finished:
        return self.machine.run("busctl", "--system", *words, user=user)

    def wait_for(self, predicate: Callable[[], object], what: str, deadline_s: float = WAIT_S) -> None:
        """Until `predicate` holds. Raises LabError with the end of the journal."""
        until = time.monotonic() + deadline_s
        while not predicate():
            if time.monotonic() > until:
                raise LabError(f"not within {deadline_s} s: {what}\n{self.journal('-n', '60')}")
            time.sleep(POLL_S)

    def wait_restarted(self, before: int, deadline_s: float = WAIT_S) -> int:
        """Until another process than `before` is ready; its number."""
        self.wait_for(lambda: self.pid not in (0, before) and self.is_active, "another process", deadline_s)
        return self.pid

    @property
    def is_active(self) -> bool:
        return self.show("ActiveState") == "active"

    def workers(self) -> list[int]:
        """The processes of the capture workers, inside."""
        done = self.machine.run("pgrep", "-P", str(self.pid), "-f", "lkedge.worker")
        return [int(word) for word in done.stdout.split()]
