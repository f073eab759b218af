"""What the journal has: fields to search by, ids with an explanation."""

from __future__ import annotations

import asyncio

from lkedge.journal import MessageId
from tests.service.harness.service import FRONT, Service

away = asyncio.to_thread


def with_id(service: Service, message_id: MessageId) -> list[dict[str, str]]:
    """The newest message of that id in this test's run of the service."""
    return service.records(f"MESSAGE_ID={message_id}", "-n", "1")


async def test_joining_is_told_with_the_room(any_service: Service) -> None:
    service = any_service
    await away(service.start)
    await away(service.wait_for, lambda: service.track("front").get("sid"), "a published track")
    (record,) = with_id(service, MessageId.JOINED)
    assert record["LKEDGE_ROOM"] == service.room
    assert record["PRIORITY"] == "6"
    explained = service.machine.run(
        "journalctl", f"MESSAGE_ID={MessageId.JOINED}", "-x", "-n", "1", "--no-pager"
    ).stdout
    assert "What to do" in explained


async def test_a_source_that_is_not_there_is_told_with_its_track(service: Service) -> None:
    clip = '[[track]]\nname = "clip"\nsource = "file"\npublish_as = "camera"\nfile = { path = "/etc/hostname" }\n'
    await away(service.configure, FRONT + clip)
    await away(service.start)
    await away(service.wait_for, lambda: with_id(service, MessageId.SOURCE_LOST), "the message")
    (record,) = with_id(service, MessageId.SOURCE_LOST)
    assert record["LKEDGE_TRACK"] == "clip"
    assert "/etc/hostname" in record["MESSAGE"]


async def test_a_killed_worker_is_told_with_its_track(service: Service) -> None:
    await away(service.start)
    await away(service.wait_for, service.workers, "a worker")
    service.machine.run("kill", "-KILL", *map(str, service.workers())).check()
    await away(service.wait_for, lambda: with_id(service, MessageId.WORKER_DIED), "the message")
    assert with_id(service, MessageId.WORKER_DIED)[0]["LKEDGE_TRACK"] == "front"
