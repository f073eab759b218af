"""`systemctl reload`: a good file is applied and what is unchanged does not notice; a bad one is refused as a whole."""

from __future__ import annotations

import asyncio

from tests.service.harness.service import BACK, CONFIG, FRONT, UNIT, Service
from tests.sfu.harness.subscriber import Subscriber

PICTURES_S = 40.0
away = asyncio.to_thread
"""The loop of the viewer goes on while a command runs inside."""


def viewer_of(service: Service) -> Subscriber:
    return Subscriber(service.sfu.url, service.sfu.token("viewer", service.room))


async def test_tracks_come_and_go_and_the_others_do_not_notice(any_service: Service) -> None:
    service = any_service
    await away(service.start)
    async with viewer_of(service) as viewer:
        await viewer.wait_for_frames("front", 10, PICTURES_S)
        before = service.track("front")
        await away(service.configure, FRONT + BACK)
        (await away(service.systemctl, "reload", UNIT)).check()
        await viewer.wait_for_frames("back", 3, PICTURES_S)
        await away(service.configure, FRONT)
        (await away(service.systemctl, "reload", UNIT)).check()
        await viewer.wait_for_event("unpublished", "back")
        after = service.track("front")
        assert viewer.events.count(("subscribed", "front")) == 1
    assert (before["sid"], before["worker_pid"]) == (after["sid"], after["worker_pid"])
    assert service.is_active


async def test_a_changed_bitrate_is_applied_live(service: Service) -> None:
    publish = "publish = {{ simulcast = false, video_encoding = {{ max_bitrate = {} }} }}\n"
    await away(service.configure, FRONT + publish.format(800_000))
    await away(service.start)
    async with viewer_of(service) as viewer:
        await viewer.wait_for_frames("front", 10, PICTURES_S)
        before = service.track("front")
        await away(service.configure, FRONT + publish.format(200_000))
        plan = await away(service.ctl_json, "reload")
        assert "front" in plan["summary"] or any("front" in step for step in plan["steps"])
        await away(service.wait_for, lambda: service.track("front")["layers"][0]["bitrate"] <= 200_000, "the bitrate")
        assert viewer.events.count(("subscribed", "front")) == 1
    after = service.track("front")
    assert (before["sid"], before["worker_pid"]) == (after["sid"], after["worker_pid"])


async def test_the_service_manager_is_told_of_a_reload_by_control(any_service: Service) -> None:
    service = any_service
    await away(service.start)
    for ask in (("reload",), ("call", "org.lkedge1", "/org/lkedge1", "org.lkedge1.Manager", "Reload")):
        before = int(service.show("StateChangeTimestampMonotonic"))
        run = service.ctl if len(ask) == 1 else service.busctl
        await away(service.wait_for, lambda: run(*ask).returncode == 0, "a reload")  # noqa: B023
        assert int(service.show("StateChangeTimestampMonotonic")) > before
        assert service.show("ActiveState") == "active"
    assert "Reloading" not in service.show("StatusText")


async def test_a_bad_file_is_refused_with_all_its_errors(any_service: Service) -> None:
    service = any_service
    await away(service.start)
    await away(service.wait_for, lambda: service.track("front").get("sid"), "a published track")
    before = service.track("front")
    good = service.machine.read(CONFIG)
    service.machine.write(CONFIG, good.replace("framerate = 15", "framerate = -1").replace("testsrc", "testsource"))
    assert (await away(service.ctl, "reload")).returncode == 1
    assert (await away(service.systemctl, "reload", UNIT)).returncode != 0
    assert service.is_active
    journal = service.journal()
    assert "framerate" in journal
    assert "testsource" in journal
    after = service.track("front")
    assert (before["sid"], before["worker_pid"]) == (after["sid"], after["worker_pid"])
    service.machine.write(CONFIG, good)
    (await away(service.systemctl, "reload", UNIT)).check()
