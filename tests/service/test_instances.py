"""Several daemons, and a daemon that cannot start while somebody calls it. On every release."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest

from tests.service.harness.service import CONFIG, SOCKET, UNIT, Service

INSTANCE = "lkedge@yard.service"
INSTANCE_SOCKET = "lkedge@yard.socket"
INSTANCE_CONFIG = "/etc/lkedge/instances/yard.toml"
INSTANCE_ROOM = "the-yard"
NAMES = ["org.lkedge1", "org.lkedge1.yard"]
FRONT = "/org/lkedge1/track/front"
STRANGER = "bob"
away = asyncio.to_thread


@pytest.fixture
def yard(any_service: Service) -> Iterator[Service]:
    """The service with an instance beside it: the same track in another room, a token of its own."""
    service = any_service
    text = service.machine.read(CONFIG).replace(service.room, INSTANCE_ROOM)
    text = text.replace(
        'api_key_file = "key"\napi_secret_file = "secret"', 'token_file = "credential:lkedge.yard.token"'
    )
    service.machine.write(INSTANCE_CONFIG, text)
    service.machine.write("/etc/credstore/lkedge.yard.token", service.sfu.token("yard-box", INSTANCE_ROOM), 0o600)
    yield service
    service.systemctl("stop", INSTANCE_SOCKET, INSTANCE)
    service.machine.shell("rm -rf /etc/lkedge/instances /var/lib/lkedge/yard")


async def test_an_instance_has_its_own_room_socket_state_and_token(yard: Service) -> None:
    await away(yard.start)
    (await away(yard.systemctl, "start", INSTANCE)).check()

    def joined() -> bool:
        return INSTANCE_ROOM in yard.systemctl("show", "--value", "-p", "StatusText", INSTANCE).stdout

    await away(yard.wait_for, joined, "the instance in its room")
    await away(yard.wait_for, lambda: yard.room in yard.show("StatusText"), "the service in its room")
    told = yard.machine.run("lkedgectl", "--instance", "yard", "status", "--json").check().stdout
    assert INSTANCE_ROOM in told
    assert yard.room not in told
    yard.machine.shell("test -d /var/lib/lkedge/yard && test -S /run/lkedge/yard/control.sock")
    assert yard.machine.shell("stat -c %U:%a /var/cache/lkedge").stdout == "lkedge:750\n"
    yard.systemctl("stop", INSTANCE_SOCKET, INSTANCE).check()
    assert yard.ctl("status").returncode == 0


async def test_an_instance_has_its_own_name_on_the_bus(yard: Service) -> None:
    await away(yard.start)
    (await away(yard.systemctl, "start", INSTANCE)).check()
    for name in NAMES:
        await away(yard.wait_for, lambda: yard.busctl("status", name).returncode == 0, "the name on the bus")  # noqa: B023
    mute = ("call", NAMES[1], FRONT, "org.lkedge1.Track", "Mute")
    assert yard.busctl(*mute, user=STRANGER).returncode != 0
    yard.busctl(*mute).check()
    muted = {name: yard.busctl("get-property", name, FRONT, "org.lkedge1.Track", "Muted").output for name in NAMES}
    assert muted == {NAMES[0]: "b false\n", NAMES[1]: "b true\n"}


async def test_callers_of_a_daemon_that_cannot_start_hear_why_and_do_not_start_it_for_ever(
    any_service: Service,
) -> None:
    service = any_service
    service.machine.shell(f"sed -i 's|^url = .*|url = \"nowhere\"|' {CONFIG}")
    (await away(service.systemctl, "start", SOCKET)).check()
    for _ in range(2):
        done = await away(service.ctl, "status")
        assert done.returncode != 0
        assert "lkedge check" in done.output
    await away(service.wait_for, lambda: service.show("ActiveState") == "failed", "the end")
    assert service.show("ExecMainStatus") == "78"
    assert service.show("NRestarts") == "0"
    assert service.systemctl("is-active", SOCKET).stdout.strip() == "active"
    assert service.journal().count("Starting ") <= 3
    assert service.systemctl("start", UNIT).returncode != 0
