"""The clock is set while pictures are sent. Only the daemon is shown another time: the machine has the host's clock."""

from __future__ import annotations

import asyncio

import pytest

from tests.service.harness.service import FRONT, MICROPHONE, Service
from tests.sfu.harness.subscriber import Subscriber

PICTURES_S = 40.0
TIME_FILE = "/etc/lkedge/faketime"
FAKE_TIME = f"""[Service]
Environment=LD_PRELOAD=/usr/lib/x86_64-linux-gnu/faketime/libfaketime.so.1
Environment=DONT_FAKE_MONOTONIC=1 FAKETIME_DONT_FAKE_MONOTONIC=1 FAKETIME_CACHE_DURATION=1 FAKETIME_DISABLE_SHM=1
Environment=FAKETIME_TIMESTAMP_FILE={TIME_FILE}
"""
away = asyncio.to_thread


@pytest.mark.parametrize("jump", ["+7200", "-86400"])
async def test_pictures_and_sound_go_on(service: Service, jump: str) -> None:
    await away(service.configure, FRONT + MICROPHONE)
    service.machine.write(TIME_FILE, "+0\n")
    service.drop_in(FAKE_TIME)
    await away(service.start)
    async with Subscriber(service.sfu.url, service.sfu.token("viewer", service.room)) as viewer:
        await viewer.wait_for_frames("front", 15, PICTURES_S)
        pid, seen = service.pid, len(viewer.events)
        before = viewer.audio["mic"].count
        # In one step: libfaketime ends the process when it finds half a line.
        service.machine.shell(f"echo {jump} > {TIME_FILE}.new; mv {TIME_FILE}.new {TIME_FILE}")
        await viewer.wait_for_frames("front", 60, PICTURES_S)
        await viewer.wait_for(lambda: viewer.audio["mic"].count > before + 100, PICTURES_S)
        assert viewer.events[seen:] == []
    assert (service.pid, service.is_active) == (pid, True)
