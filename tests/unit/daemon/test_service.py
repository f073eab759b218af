"""A service's life: real signals, a daemon that does what the test says, a socket that stands for the manager's."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import socket
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path

import pytest

from lkedge.daemon.notify import Notifier
from lkedge.daemon.service import Service
from lkedge.errors import ConfigError, SignalLost
from lkedge.publish.state import ConnectionState, ConnectionStatus, Status
from tests.systemd_library import needs_systemd_python

pytestmark = needs_systemd_python

DEADLINE_S = 10


class FakeDaemon:
    """reload_error: what the next reloads raise."""

    def __init__(self) -> None:
        self.calls: list[str] = []
        self.reload_error: Exception | None = None
        self.room = "kitchen"
        self.may_end = asyncio.Event()
        self.may_end.set()
        self._around: Callable[[], AbstractContextManager[None]] = nullcontext

    async def start(self) -> None:
        self.calls.append("start")

    async def stop(self) -> None:
        self.calls.append("stop")

    async def reload(self) -> None:
        with self._around():
            self.calls.append("reload")
            await self.may_end.wait()
            if self.reload_error is not None:
                raise self.reload_error

    def surround_reloads(self, around: Callable[[], AbstractContextManager[None]]) -> None:
        self._around = around

    def status(self) -> Status:
        return Status(ConnectionStatus(ConnectionState.CONNECTED, room=self.room), ())

    def problems(self) -> Mapping[str, str]:
        return {}


class Manager:
    """The service manager's end of $NOTIFY_SOCKET."""

    def __init__(self, path: Path) -> None:
        self.address = str(path)
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(self.address)
        self._socket.setblocking(False)

    def heard(self) -> list[str]:
        """What else was said, by its first line, but for the watchdog and the status."""
        said = []
        with contextlib.suppress(BlockingIOError):
            while True:
                said.append(self._socket.recv(4096).decode().splitlines()[0])
        return [line for line in said if not line.startswith(("WATCHDOG", "STATUS"))]

    async def hear(self, beginning: str) -> dict[str, str]:
        """The next message that begins so; others before it are left out."""
        async with asyncio.timeout(DEADLINE_S):
            while True:
                text = (await asyncio.get_running_loop().sock_recv(self._socket, 4096)).decode()
                if text.startswith(beginning):
                    return dict(line.split("=", 1) for line in text.splitlines())

    def close(self) -> None:
        self._socket.close()


@pytest.fixture
async def manager(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Manager]:
    manager = Manager(tmp_path / "notify")
    monkeypatch.setenv("NOTIFY_SOCKET", manager.address)
    yield manager
    manager.close()


@pytest.fixture
def daemon() -> FakeDaemon:
    return FakeDaemon()


@pytest.fixture
async def running(daemon: FakeDaemon, manager: Manager) -> AsyncIterator[asyncio.Task[None]]:
    task = asyncio.create_task(Service(daemon, Notifier(), watchdog_ns=10**9).run())
    yield task
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_ready_when_started_and_stopping_at_a_signal(
    number: signal.Signals, running: asyncio.Task[None], daemon: FakeDaemon, manager: Manager
) -> None:
    ready = await manager.hear("READY=1")
    assert "room kitchen" in ready["STATUS"]
    assert daemon.calls == ["start"]
    os.kill(os.getpid(), number)
    await manager.hear("STOPPING=1")
    await running
    assert daemon.calls == ["start", "stop"]


async def test_the_watchdog_is_fed(running: asyncio.Task[None], manager: Manager) -> None:
    await manager.hear("WATCHDOG=1")
    await manager.hear("WATCHDOG=1")
    assert not running.done()


async def test_the_status_follows(running: asyncio.Task[None], daemon: FakeDaemon, manager: Manager) -> None:
    await manager.hear("READY=1")
    daemon.room = "garden"
    while "room garden" not in (await manager.hear("STATUS="))["STATUS"]:
        pass
    assert not running.done()


async def test_a_reload_is_announced_with_the_time_and_ended(
    running: asyncio.Task[None], daemon: FakeDaemon, manager: Manager
) -> None:
    await manager.hear("READY=1")
    began_us = asyncio.get_running_loop().time() * 1e6
    os.kill(os.getpid(), signal.SIGHUP)
    told = await manager.hear("RELOADING=1")
    assert began_us - 1 <= int(told["MONOTONIC_USEC"]) <= asyncio.get_running_loop().time() * 1e6
    await manager.hear("READY=1")
    assert daemon.calls == ["start", "reload"]
    assert not running.done()


async def test_a_refused_reload_ends_with_the_reason_and_the_daemon_goes_on(
    running: asyncio.Task[None], daemon: FakeDaemon, manager: Manager
) -> None:
    await manager.hear("READY=1")
    daemon.reload_error = ConfigError(["lkedge.toml:1: one", "lkedge.toml:2: two"])
    os.kill(os.getpid(), signal.SIGHUP)
    ready = await manager.hear("READY=1")
    assert ready["STATUS"].startswith("the last reload was refused: 2 problems in the configuration; connected")

    daemon.reload_error = None
    os.kill(os.getpid(), signal.SIGHUP)
    await manager.hear("RELOADING=1")
    assert "refused" not in (await manager.hear("READY=1"))["STATUS"]
    assert not running.done()


async def test_a_failed_reload_is_no_end(running: asyncio.Task[None], daemon: FakeDaemon, manager: Manager) -> None:
    await manager.hear("READY=1")
    daemon.reload_error = SignalLost("the server is gone")
    os.kill(os.getpid(), signal.SIGHUP)
    assert (await manager.hear("READY=1"))["STATUS"].startswith("the last reload failed; ")
    assert not running.done()


async def test_a_reload_of_control_looks_the_same(
    running: asyncio.Task[None], daemon: FakeDaemon, manager: Manager
) -> None:
    await manager.hear("READY=1")
    began_us = asyncio.get_running_loop().time() * 1e6
    await daemon.reload()
    assert int((await manager.hear("RELOADING=1"))["MONOTONIC_USEC"]) >= began_us - 1
    await manager.hear("READY=1")

    daemon.reload_error = ConfigError(["lkedge.toml:1: one"])
    with pytest.raises(ConfigError):
        await daemon.reload()
    ready = await manager.hear("READY=1")
    assert ready["STATUS"].startswith("the last reload was refused: 1 problem in the configuration; ")
    assert not running.done()


async def test_overlapping_reloads_end_together(
    running: asyncio.Task[None], daemon: FakeDaemon, manager: Manager
) -> None:
    await manager.hear("READY=1")
    daemon.may_end.clear()
    first = asyncio.create_task(daemon.reload())
    await manager.hear("RELOADING=1")
    os.kill(os.getpid(), signal.SIGHUP)
    await manager.hear("RELOADING=1")
    first.cancel()
    await asyncio.wait([first])
    assert manager.heard() == []
    daemon.may_end.set()
    await manager.hear("READY=1")
    assert manager.heard() == []
    assert not running.done()


async def test_a_reload_that_ends_while_the_daemon_stops_does_not_say_ready(
    running: asyncio.Task[None], daemon: FakeDaemon, manager: Manager
) -> None:
    await manager.hear("READY=1")
    daemon.may_end.clear()
    reloading = asyncio.create_task(daemon.reload())
    await manager.hear("RELOADING=1")
    os.kill(os.getpid(), signal.SIGTERM)
    await running
    daemon.may_end.set()
    await reloading
    assert manager.heard() == ["STOPPING=1"]


async def test_a_fault_in_the_service_ends_the_daemon_cleanly(daemon: FakeDaemon, manager: Manager) -> None:
    def broken() -> Mapping[str, str]:
        raise RuntimeError("unforeseen")

    daemon.problems = broken  # type: ignore[method-assign]
    with pytest.raises(RuntimeError, match="unforeseen"):
        await Service(daemon, Notifier()).run()
    await manager.hear("STOPPING=1")
    assert daemon.calls == ["start", "stop"]
