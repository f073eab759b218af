"""Asks plugins for their devices, each in a process of its own.

A driver or a library that hangs, even with the interpreter's lock held, or that crashes costs
its own plugin's answer and nothing else.
"""

from __future__ import annotations

import contextlib
import json
import os
import selectors
import signal
import time
from dataclasses import dataclass

from lkedge import interrupts
from lkedge.errors import PluginError
from lkedge.plugin.api import DeviceInfo
from lkedge.plugin.manager import PluginManager
from lkedge.terms import TrackKind
from lkedge.worker.jsonable import from_json, to_json
from lkedge.worker.parent import tie_to_parent

LIMIT_S = 10.0
"""Twice what a plugin may take: a slow machine that is starting is no reason to show nothing."""

LIMIT_VARIABLE = "LKEDGE_PROBE_SECONDS"

REAP_S = 1.0
CHUNK = 64 * 1024
MAX_ANSWER = 4 << 20


def usual_limit_s() -> float:
    """How long to wait for the answers: as the environment says, or 10 s."""
    try:
        return max(0.1, float(os.environ.get(LIMIT_VARIABLE, LIMIT_S)))
    except ValueError:
        return LIMIT_S


@dataclass(frozen=True, slots=True)
class Problem:
    """Why a plugin has no devices to show; a sentence."""

    plugin: str
    reason: str

    def __str__(self) -> str:
        return f"{self.plugin}: {self.reason}"


@dataclass(frozen=True, slots=True)
class _Answer:
    devices: tuple[DeviceInfo, ...] = ()
    problem: str = ""


class _Asked:
    """One plugin's process, from fork to end."""

    def __init__(self, plugins: PluginManager, name: str, kind: TrackKind | None) -> None:
        self.name = name
        self.text = b""
        self.is_complete = False
        self.fd, theirs = os.pipe()
        tie = tie_to_parent()
        with interrupts.held():
            self._pid = os.fork()
            if self._pid == 0:
                os.close(self.fd)
                tie()
                _answer(plugins, name, kind, theirs)
        os.close(theirs)

    def read(self) -> bool:
        """Take in what is there; False at the end."""
        data = os.read(self.fd, CHUNK)
        self.text += data
        self.is_complete = not data
        return bool(data) and len(self.text) < MAX_ANSWER

    def end(self) -> int | None:
        """Kill it and see how it ended: its wait status; None when the kernel holds it."""
        os.close(self.fd)
        if not self.is_complete:
            os.kill(self._pid, signal.SIGKILL)
        until = time.monotonic() + REAP_S
        while time.monotonic() < until:
            pid, status = os.waitpid(self._pid, os.WNOHANG)
            if pid:
                return status
            time.sleep(0.005)
        return None


def probe_apart(
    plugins: PluginManager, kind: TrackKind | None = None, limit_s: float | None = None
) -> tuple[list[DeviceInfo], list[Problem]]:
    """The devices of all plugins, in the order of the plugins, and why some have none to show.

    Forks, so call it from a process with one thread. limit_s: for all of them together; None takes the usual one.
    """
    until = time.monotonic() + (limit_s or usual_limit_s())
    limit_s = until - time.monotonic()
    asked = [_Asked(plugins, name, kind) for name in plugins.probing]
    try:
        _read_all(asked, until)
    finally:
        answers = [(one.name, _outcome(one, one.end(), limit_s)) for one in asked]
    devices = [device for _, answer in answers for device in answer.devices]
    return devices, [Problem(name, answer.problem) for name, answer in answers if answer.problem]


def _read_all(asked: list[_Asked], until: float) -> None:
    with selectors.DefaultSelector() as selector:
        for one in asked:
            selector.register(one.fd, selectors.EVENT_READ, one)
        while selector.get_map() and (ready := selector.select(max(0.0, until - time.monotonic()))):
            for key, _ in ready:
                if not key.data.read():
                    selector.unregister(key.fd)


def _outcome(asked: _Asked, status: int | None, limit_s: float) -> _Answer:
    if not asked.is_complete:
        return _Answer(problem=f"lkedge_probe: no answer within {limit_s:.0f} s; `--timeout` waits longer")
    try:
        return from_json(_Answer, json.loads(asked.text))
    except ValueError:
        code = os.waitstatus_to_exitcode(status) if status is not None else 0
        how = f"by signal {signal.Signals(-code).name}" if code < 0 else f"with exit code {code}"
        return _Answer(problem=f"lkedge_probe: it crashed, its process ended {how}")


def _answer(plugins: PluginManager, name: str, kind: TrackKind | None, fd: int) -> None:
    """In the child: answer and end. Its broad handler, for nothing may reach the code of the parent."""
    code = 1
    with contextlib.suppress(BaseException):
        interrupts.leave_to_parent()
        _write(fd, json.dumps(to_json(_asked(plugins, name, kind))).encode())
        code = 0
    os._exit(code)


def _asked(plugins: PluginManager, name: str, kind: TrackKind | None) -> _Answer:
    try:
        return _Answer(tuple(plugins.probe_plugin(name, kind)))
    except PluginError as error:
        return _Answer(problem=f"lkedge_probe: {error}")
    except Exception as error:
        return _Answer(problem=f"lkedge_probe: {type(error).__name__}: {error}")


def _write(fd: int, data: bytes) -> None:
    while data:
        data = data[os.write(fd, data) :]
