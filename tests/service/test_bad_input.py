"""What a careless or hostile caller sends to the running service disturbs nobody and leaves nothing behind."""

from __future__ import annotations

import asyncio

import pytest

from tests.service.harness.service import Service
from tests.sfu.harness.subscriber import Subscriber

PYTHON = "/usr/lib/lkedge/venv/bin/python3"
PICTURES_S = 40.0
MOST_GROWTH_KIB = 16_000
HEAD = """
import socket
import time

PATH = "/run/lkedge/control.sock"
POST = b"POST /v1/tracks HTTP/1.1\\r\\nHost: x\\r\\nContent-Length: %d\\r\\n\\r\\n"
EVENTS = b"GET /v1/events HTTP/1.1\\r\\nHost: x\\r\\n\\r\\n"
STATUS = b"GET /v1/status HTTP/1.1\\r\\nHost: x\\r\\n\\r\\n"


def connected():
    one = socket.socket(socket.AF_UNIX)
    one.settimeout(15)
    one.connect(PATH)
    return one


def answer(data):
    with connected() as one:
        try:
            one.sendall(data)
        except OSError:
            pass
        try:
            return one.recv(65536)
        except OSError:
            return b""


"""
ABUSES = {
    "not http": r'print(answer(b"\0\xff" * 5000)[:60])',
    "endless header": r'print(answer(b"GET /v1/status HTTP/1.1\r\nA: " + b"a" * 1_000_000)[:60])',
    "huge body": r'print(answer(POST % 99_999_999 + b"a" * 9_000_000)[:60])',
    "malformed json": r'print(answer(POST % 3 + b"{[,")[:60])',
    "a thousand connections": "print(len([connected() for _ in range(1000)]))",
    "half a request": r'one = connected(); one.sendall(b"GET /v1/sta"); print(one.recv(100)[:60])',
    "never reads its events": r"one = connected(); one.sendall(EVENTS); time.sleep(5)",
}
away = asyncio.to_thread


def memory_kib(service: Service) -> int:
    """Resident, of the daemon itself."""
    text = service.machine.read(f"/proc/{service.pid}/status")
    return int(next(line.split()[1] for line in text.splitlines() if line.startswith("VmRSS:")))


def descriptors(service: Service) -> int:
    return len(service.machine.shell(f"ls /proc/{service.pid}/fd").stdout.split())


@pytest.mark.parametrize("name", ABUSES)
async def test_nobody_is_disturbed(service: Service, name: str) -> None:
    await away(service.start)
    async with Subscriber(service.sfu.url, service.sfu.token("viewer", service.room)) as viewer:
        await viewer.wait_for_frames("front", 10, PICTURES_S)
        service.ctl("status").check()
        pid, memory, open_before = service.pid, memory_kib(service), descriptors(service)
        script = HEAD + ABUSES[name]
        done = await away(service.machine.run, "timeout", "30", PYTHON, "-", data=script)
        assert done.returncode in (0, 1, 124), done.output
        await viewer.wait_for_frames("front", 15, PICTURES_S)
        assert viewer.events.count(("subscribed", "front")) == 1
    await away(service.wait_for, lambda: service.ctl("status").returncode == 0, "an answer")
    assert service.pid == pid
    await away(service.wait_for, lambda: descriptors(service) <= open_before + 4, "closed descriptors")
    assert memory_kib(service) - memory < MOST_GROWTH_KIB
    assert "Traceback" not in service.journal("-n", "200")


async def test_a_full_socket_says_busy_and_recovers(service: Service) -> None:
    await away(service.start)
    hold = HEAD + "held = [connected() for _ in range(64)]\nprint(answer(STATUS)[:40])"
    done = await away(service.machine.run, PYTHON, "-", data=hold)
    assert "503" in done.stdout, done.output
    await away(service.wait_for, lambda: service.ctl("status").returncode == 0, "an answer")


async def test_clients_that_stay_do_not_delay_the_end(service: Service) -> None:
    await away(service.start)
    script = HEAD + "held = [connected() for _ in range(30)]\ntime.sleep(60)"
    holder = service.machine.start(PYTHON, "-c", script, lifetime_s=15)
    await asyncio.sleep(1)
    (await away(service.systemctl, "stop", "lkedge.service")).check()
    await away(holder.communicate, timeout=30)
    assert service.show("Result") == "success"
