"""Every command of lkedgectl on the running service, what comes of it in the room, and persistence."""

from __future__ import annotations

import asyncio

import pytest

from tests.service.harness.service import BACK, CONTROL, FRONT, IDENTITY, MICROPHONE, SOCKET, UNIT, Service
from tests.sfu.harness.subscriber import Subscriber

PICTURES_S = 40.0
BLANK = (8, 8)
"""What livekit-server sends last of a track that one may not see any more."""

COMMANDS = [
    ("status",), ("tracks",), ("tracks", "front"), ("layers",), ("layers", "front"), ("controls", "front"),
    ("plugins",), ("devices",), ("permissions",), ("log-level",), ("mute", "front"), ("unmute", "front"),
    ("disable", "mic"), ("enable", "mic"), ("disable", "--source", "microphone"), ("enable", "--source", "microphone"),
    ("set", "front", "q", "max_bitrate=100k"), ("set", "front", "q", "max_bitrate=none"),
    ("set", "front", "control", "speed=2"), ("set", "front", "capture.framerate=10"),
    ("snapshot", "front", "-o", "/tmp/front.jpg"), ("add", "side", "source=testsrc", "publish_as=screen_share"),
    ("remove", "side"), ("permissions", "--allow", "viewer=front"), ("permissions", "--everyone"),
    ("log-level", "debug", "--logger", "rtc"), ("log-level", "info"), ("reload",), ("reconnect",),
]  # fmt: skip
away = asyncio.to_thread
"""The loop of the viewer goes on while a command runs inside."""


def viewer_of(service: Service) -> Subscriber:
    return Subscriber(service.sfu.url, service.sfu.token("viewer", service.room))


async def test_every_command_of_lkedgectl(service: Service) -> None:
    await away(service.configure, FRONT + MICROPHONE)
    await away(service.start)
    async with viewer_of(service) as viewer:
        await viewer.wait_for_frames("front", 3, PICTURES_S)
        for command in COMMANDS:
            for shown in ((), ("--json",)) if command[0] not in ("add", "remove") else ((),):
                done = await away(service.ctl, *command, *shown)
                assert done.returncode == 0, f"{command}: {done.output}"
                assert done.stdout.strip(), command
    assert service.machine.run("head", "-c2", "/tmp/front.jpg").stdout


async def test_what_it_changes_is_seen_in_the_room(service: Service) -> None:
    await away(service.configure, FRONT + BACK)
    await away(service.start)
    async with viewer_of(service) as viewer:
        await viewer.wait_for_frames("front", 3, PICTURES_S)
        await viewer.wait_for_frames("back", 3, PICTURES_S)
        (await away(service.ctl, "mute", "front")).check()
        await viewer.wait_for_event("muted", "front")
        (await away(service.ctl, "unmute", "front")).check()
        await viewer.wait_for_event("unmuted", "front")
        (await away(service.ctl, "disable", "back")).check()
        await viewer.wait_for_event("unpublished", "back")
        assert (await away(service.track, "back"))["state"] == "disabled"
        (await away(service.ctl, "enable", "back")).check()
        await viewer.wait_for_frames("back", 3, PICTURES_S)
        (await away(service.ctl, "add", "side", "source=testsrc", "capture.width=320", "capture.height=180")).check()
        await viewer.wait_for_frames("side", 3, PICTURES_S)
        (await away(service.ctl, "remove", "side")).check()
        await viewer.wait_for_event("unpublished", "side")


async def test_only_those_allowed_see_a_track(service: Service) -> None:
    await away(service.configure, FRONT + BACK)
    await away(service.start)
    async with viewer_of(service) as viewer:
        await viewer.wait_for_frames("back", 3, PICTURES_S)
        (await away(service.ctl, "permissions", "--allow", "viewer=front")).check()
        await viewer.wait_for_size("back", BLANK, PICTURES_S)
        await viewer.wait_for_frames("front", 5, PICTURES_S)
        (await away(service.ctl, "permissions", "--everyone")).check()
        await viewer.wait_for_size("back", (320, 180), PICTURES_S)


async def test_changes_survive_a_restart_only_when_asked_to(service: Service) -> None:
    await away(service.configure, FRONT + BACK)
    await away(service.start)
    before = service.machine.shell("find /etc/lkedge -type f -exec sha256sum {} +").stdout
    (await away(service.ctl, "mute", "front", "--persist")).check()
    (await away(service.ctl, "mute", "back")).check()
    (await away(service.ctl, "add", "side", "source=testsrc", "--persist")).check()
    (await away(service.systemctl, "restart", UNIT)).check()

    tracks = {track["name"]: track["muted"] for track in (await away(service.ctl_json, "tracks"))["tracks"]}
    assert tracks == {"front": True, "back": False, "side": False}
    assert service.machine.shell("find /etc/lkedge -type f -exec sha256sum {} +").stdout == before


async def test_events_are_a_stream(service: Service) -> None:
    await away(service.start)
    events = service.machine.start("lkedgectl", "events", "--count", "3", lifetime_s=15)
    for _ in range(3):
        (await away(service.ctl, "mute", "front")).check()
        (await away(service.ctl, "unmute", "front")).check()
    output, _ = await away(events.communicate, timeout=20)
    assert events.returncode == 0
    assert b"front" in output


async def test_without_the_daemon_lkedgectl_says_what_to_do(service: Service) -> None:
    await away(service.systemctl, "stop", SOCKET, UNIT)
    done = await away(service.ctl, "status")
    assert done.returncode == 3
    assert "systemctl start lkedge" in done.stderr


async def test_calls_during_a_restart_wait(service: Service) -> None:
    """The socket belongs to systemd and outlives the daemon."""
    await away(service.start)
    before = service.pid
    restart = asyncio.create_task(away(service.systemctl, "restart", UNIT))
    results = [(await away(service.ctl, "status")) for _ in range(12)]
    (await restart).check()
    assert [done.output for done in results if done.returncode != 0] == []
    assert service.pid != before


async def test_a_call_starts_the_service(service: Service) -> None:
    service.systemctl("start", SOCKET).check()
    assert not service.is_active
    status = await away(service.ctl_json, "status")
    assert status["pid"] == service.pid
    assert service.is_active


async def test_openapi_and_metrics_are_served(service: Service) -> None:
    await away(service.start)
    status, document = service.http("GET", "/v1/openapi.json")
    assert (status, document["openapi"][:2]) == (200, "3.")
    metrics = service.machine.shell(f"curl -sS --unix-socket {CONTROL} http://localhost/metrics").stdout
    assert 'track="front"' in metrics


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "code"),
    [
        ("POST", "/v1/tracks/nobody/mute", None, 404, "not_found"),
        ("PUT", "/v1/tracks/front/layers/q", {"max_bitrate": "lots"}, 400, "invalid_argument"),
        ("POST", "/v1/tracks", {"settings": {"name": "front", "source": "testsrc"}}, 409, "conflict"),
        ("PUT", "/v1/status", {}, 405, "method_not_allowed"),
    ],
)
async def test_refusals_have_stable_codes(
    service: Service, method: str, path: str, body: object, status: int, code: str
) -> None:
    await away(service.start)
    got, answer = service.http(method, path, body)
    assert (got, answer["error"]["code"]) == (status, code)
    assert service.http("GET", "/v1/status")[0] == 200


async def test_who_is_in_the_room_is_in_the_status(service: Service) -> None:
    await away(service.start)
    await away(service.wait_for, lambda: service.track("front").get("sid"), "a published track")
    connection = service.ctl_json("status")["connection"]
    assert (connection["state"], connection["room"], connection["identity"]) == ("connected", service.room, IDENTITY)
