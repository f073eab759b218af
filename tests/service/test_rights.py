"""Who may do what: root and the group lkedge everything, others nothing, unless reading is opened to them."""

from __future__ import annotations

import asyncio

import pytest

from tests.service.harness.service import Service

NAME, ROOT, TRACK = "org.lkedge1", "/org/lkedge1", "/org/lkedge1/track/front"
MUTE = ("call", NAME, TRACK, f"{NAME}.Track", "Mute")
STATUS = ("call", NAME, ROOT, f"{NAME}.Manager", "Status")
MEMBER, STRANGER = "alice", "bob"
away = asyncio.to_thread


@pytest.fixture
def service(any_service: Service) -> Service:
    """Started, with one user in the group; on every release."""
    any_service.machine.shell(f"usermod -aG lkedge {MEMBER}")
    return any_service


def start(service: Service) -> None:
    service.start()
    service.wait_for(lambda: service.busctl("status", NAME).returncode == 0, "the name on the bus")


async def test_a_member_of_the_group_may_change_things(service: Service) -> None:
    await away(start, service)
    service.ctl("status", user=MEMBER).check()
    service.ctl("mute", "front", user=MEMBER).check()
    service.busctl(*MUTE, user=MEMBER).check()


async def test_a_stranger_is_refused_and_told_the_remedy(service: Service) -> None:
    await away(start, service)
    done = service.ctl("mute", "front", user=STRANGER)
    assert done.returncode == 4
    assert "usermod -aG lkedge" in done.stderr
    for command in (MUTE, STATUS):
        assert service.busctl(*command, user=STRANGER).returncode != 0
    assert service.track("front")["muted"] is False
    number = service.machine.run("id", "-u", STRANGER).stdout.strip()
    assert f"refused mute on the bus to user {STRANGER} (uid {number}, process " in service.journal()


async def test_others_may_read_where_the_configuration_says_so(service: Service) -> None:
    service.configure(more='[control]\nallow_read = "everyone"\n')
    service.machine.write("/run/systemd/system/lkedge.socket.d/open.conf", "[Socket]\nSocketMode=0666\n")
    service.systemctl("daemon-reload").check()
    try:
        await away(start, service)
        service.ctl("status", user=STRANGER).check()
        service.busctl(*STATUS, user=STRANGER).check()
        assert service.ctl("mute", "front", user=STRANGER).returncode == 4
        assert service.busctl(*MUTE, user=STRANGER).returncode != 0
    finally:
        service.machine.shell("rm -r /run/systemd/system/lkedge.socket.d; systemctl daemon-reload")
