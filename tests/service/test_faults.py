"""What goes wrong in the field: systemd, the daemon and its workers repair it, and say what happened."""

from __future__ import annotations

import asyncio

import pytest

from tests.service.harness.service import UNIT, Service
from tests.sfu.harness.subscriber import Subscriber

PICTURES_S = 40.0
QUICK_WATCHDOG = "[Service]\nWatchdogSec=4\nRestartSec=100ms\n"
PLUGINS = "/usr/local/lib/lkedge/plugins"
METADATA = "Metadata-Version: 2.1\nName: lkedge-blocker\nVersion: 1\n"
BLOCKER = """
import os
import time

from lkedge.plugin.hookspecs import hookimpl


@hookimpl
def lkedge_track_changed(track, state):
    while os.path.exists("/etc/lkedge/block"):
        time.sleep(0.1)
"""
away = asyncio.to_thread
"""The loop of the viewer goes on while a command runs inside."""


async def started(service: Service, viewer: Subscriber) -> int:
    """Ready and seen; its process."""
    await away(service.start)
    await viewer.wait_for_frames("front", 5, PICTURES_S)
    return service.pid


def viewer_of(service: Service) -> Subscriber:
    return Subscriber(service.sfu.url, service.sfu.token("viewer", service.room))


async def test_killed_it_is_started_again(any_service: Service) -> None:
    service = any_service
    async with viewer_of(service) as viewer:
        before = await started(service, viewer)
        service.systemctl("kill", "-s", "KILL", "--kill-whom=main", UNIT).check()
        await away(service.wait_restarted, before)
        await viewer.wait_for_frames("front", 10, PICTURES_S)
    assert service.workers()
    assert service.show("NRestarts") == "1"


async def test_killed_it_leaves_no_worker_behind(service: Service) -> None:
    async with viewer_of(service) as viewer:
        before = await started(service, viewer)
        workers = service.workers()
        service.systemctl("kill", "-s", "KILL", "--kill-whom=main", UNIT).check()
        await away(service.wait_restarted, before)
    assert workers
    for worker in workers:
        assert service.machine.run("test", "-d", f"/proc/{worker}").returncode != 0


async def test_stopped_the_watchdog_ends_it(service: Service) -> None:
    service.drop_in(QUICK_WATCHDOG)
    async with viewer_of(service) as viewer:
        before = await started(service, viewer)
        service.machine.run("kill", "-STOP", str(before)).check()
        await away(service.wait_restarted, before)
        await viewer.wait_for_frames("front", 10, PICTURES_S)
    assert "watchdog timeout" in service.machine.run("journalctl", "--no-pager", "-o", "cat").stdout.lower()


async def test_a_blocked_main_loop_is_ended_and_its_stack_told(service: Service) -> None:
    """By a plugin that blocks in a hook; it is installed where the administrator would put one of others."""
    metadata = f"{PLUGINS}/lkedge_blocker-1.dist-info"
    service.machine.write(f"{metadata}/METADATA", METADATA)
    service.machine.write(f"{metadata}/entry_points.txt", "[lkedge]\nblocker = lkedge_blocker\n")
    service.machine.write(f"{PLUGINS}/lkedge_blocker.py", BLOCKER)
    service.drop_in(QUICK_WATCHDOG)
    try:
        async with viewer_of(service) as viewer:
            before = await started(service, viewer)
            service.machine.write("/etc/lkedge/block", "")
            await away(service.ctl, "mute", "front")
            await away(service.wait_for, lambda: service.pid != before, "another process")
            service.machine.shell("rm /etc/lkedge/block")
            await away(service.wait_restarted, before)
            await viewer.wait_for_frames("front", 10, PICTURES_S)
    finally:
        service.machine.shell(f"rm -rf {PLUGINS} /etc/lkedge/block")
    assert "lkedge_track_changed" in service.journal()


async def test_a_killed_worker_is_replaced_while_the_service_goes_on(service: Service) -> None:
    async with viewer_of(service) as viewer:
        before = await started(service, viewer)
        (worker,) = service.workers()
        service.machine.run("kill", "-KILL", str(worker)).check()
        await viewer.wait_for_frames("front", 30, PICTURES_S)
        assert viewer.events.count(("subscribed", "front")) == 1
    assert service.pid == before
    assert worker not in service.workers()


@pytest.mark.parametrize("number", ["SEGV", "ABRT"])
async def test_a_crash_leaves_the_stacks_of_all_threads(service: Service, number: str) -> None:
    async with viewer_of(service) as viewer:
        before = await started(service, viewer)
        service.systemctl("kill", "-s", number, "--kill-whom=main", UNIT).check()
        await away(service.wait_restarted, before)
    journal = service.journal()
    assert "Fatal Python error" in journal
    assert "Current thread" in journal


async def test_stopping_is_quick_and_leaves_nothing(any_service: Service) -> None:
    service = any_service
    async with viewer_of(service) as viewer:
        await started(service, viewer)
        workers = service.workers()
        (await away(service.systemctl, "stop", UNIT)).check()
        await viewer.wait_for_event("left", "camera-box", 5.0)
    assert service.show("Result") == "success"
    for worker in workers:
        assert service.machine.run("test", "-d", f"/proc/{worker}").returncode != 0
