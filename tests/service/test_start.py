"""Enabled and started, pictures arrive outside, and systemd knows what goes on. On every release."""

from __future__ import annotations

import asyncio

from tests.service.harness.service import BACK, FRONT, IDENTITY, MICROPHONE, SOCKET, UNIT, Service
from tests.sfu.harness.subscriber import Subscriber

PICTURES_S = 40.0
away = asyncio.to_thread
"""The loop of the viewer goes on while a command runs inside."""


def viewer_of(service: Service) -> Subscriber:
    return Subscriber(service.sfu.url, service.sfu.token("viewer", service.room))


async def test_enabled_and_started_its_pictures_are_seen(any_service: Service) -> None:
    service = any_service
    await away(service.configure, FRONT + BACK + MICROPHONE)
    done = await away(service.systemctl, "enable", "--now", UNIT)
    assert done.returncode == 0, service.journal()
    async with viewer_of(service) as viewer:
        await viewer.wait_for_frames("front", 10, PICTURES_S)
        await viewer.wait_for_frames("back", 5, PICTURES_S)
        await viewer.wait_for(lambda: "mic" in viewer.audio and viewer.audio["mic"].count > 10, PICTURES_S)
        await away(service.wait_for, lambda: "publishing front 640x360" in service.show("StatusText"), "a status line")
        assert service.room in service.show("StatusText")
        (await away(service.systemctl, "disable", "--now", UNIT, SOCKET)).check()
        await viewer.wait_for_event("left", IDENTITY)
    assert service.show("Result") == "success"


async def test_ready_without_a_server(any_service: Service) -> None:
    """Ready means that it can be controlled, not that there is a room."""
    service = any_service
    service.machine.shell("sed -i 's|^url = .*|url = \"ws://127.0.0.1:9\"|' /etc/lkedge/lkedge.toml")
    await away(service.start)
    assert service.is_active
    assert service.show("NRestarts") == "0"


async def test_a_steady_state_is_quiet(service: Service) -> None:
    await away(service.start)
    async with viewer_of(service) as viewer:
        await viewer.wait_for_frames("front", 30, PICTURES_S)
        since = service.machine.shell("date +'%F %T'").stdout.strip()
        await viewer.wait_for_frames("front", 75, PICTURES_S)
    told = service.journal("--since", since)
    assert len(told.splitlines()) <= 2, told


async def test_nothing_secret_is_told(service: Service) -> None:
    secret = service.sfu.server.api_secret
    await away(service.start)
    async with viewer_of(service) as viewer:
        await viewer.wait_for_frames("front", 5, PICTURES_S)
    journal = service.machine.run("journalctl", "--no-pager", "-o", "json").check().stdout
    shown = service.machine.run("systemctl", "show", UNIT).check().stdout
    numbers = [service.pid, *service.workers()]
    environments = service.machine.shell(f"cat {' '.join(f'/proc/{number}/environ' for number in numbers)}")
    for text in (journal, shown, environments.stdout):
        assert secret not in text
        assert "eyJ" not in text
