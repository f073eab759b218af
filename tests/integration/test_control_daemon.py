"""The real daemon, in the room of a loop-back SFU, through both spellings of control at once."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from lkedge.config.models import ControlConfig
from lkedge.control.api import COMMAND, COMMANDS, TRACK, Access
from lkedge.control.dbus import DbusService
from lkedge.control.dbus_names import track_path
from lkedge.control.handler import Handler
from lkedge.control.peer import Rights
from lkedge.errors import ConfigError
from lkedge.publish.state import TrackState
from tests.integration.bus_client import BusClient, connected, until_served
from tests.integration.changing_daemon import FRONT, MIC, Changing, changing
from tests.integration.private_bus import PrivateBus, needs_dbus_daemon
from tests.integration.spellings import by_bus, by_http, over_http

pytestmark = needs_dbus_daemon()

SIDE = {"name": "side", "source": "testsrc", "isolation": "thread", "publish": {"simulcast": False},
        "capture": {"width": 160, "height": 90}}  # fmt: skip
MEASURED = {"uptime", "measured_bitrate", "measured_framerate", "round_trip_ms", "speaker_level", "quality", "packets",
            "bytes", "frames", "key_frames", "retransmitted", "nacked", "plis", "since"}  # fmt: skip


@dataclass(frozen=True)
class Controlled:
    """The daemon, and one caller by each spelling."""

    run: Changing
    socket: str
    client: BusClient

    async def http(self, command: str, **values: Any) -> Any:
        reply, code, message = await by_http(self.socket, COMMAND[command], values)
        assert code == "", message
        return reply

    async def bus(self, command: str, **values: Any) -> Any:
        reply, code, message = await by_bus(self.client, COMMAND[command], values)
        assert code == "", message
        return reply


@pytest.fixture
async def controlled(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Controlled]:
    bus = PrivateBus()
    bus.start()
    monkeypatch.setenv("DBUS_SYSTEM_BUS_ADDRESS", bus.address)
    try:
        async with changing(tmp_path, FRONT + MIC) as run:
            await run.published("front", "h")
            await run.published("mic")
            handler = Handler(run.target)
            service = DbusService(handler, Rights(ControlConfig()), first_retry_s=0.05, first_look_s=0)
            service.start()
            async with over_http(tmp_path, run.target) as socket, connected(bus.address) as client:
                await until_served(client)
                yield Controlled(run, socket, client)
            await service.stop()
            await handler.close()
    finally:
        bus.remove()


def settled(reply: Any) -> Any:
    """Without what changes from one moment to the next."""
    if isinstance(reply, dict):
        return {name: settled(value) for name, value in reply.items() if name not in MEASURED}
    return [settled(value) for value in reply] if isinstance(reply, list) else reply


async def test_both_read_the_same(controlled: Controlled) -> None:
    for command in (one for one in COMMANDS if one.access is Access.READ):
        values = {"track": "front"} if command.dbus[0] == TRACK else {}
        over_socket = await controlled.http(command.name, **values)
        on_bus = await controlled.bus(command.name, **values)
        if command.reply is bytes:
            assert over_socket[:2] == on_bus[:2] == b"\xff\xd8"
        else:
            assert settled(on_bus) == settled(over_socket), command.name


async def test_what_one_changes_the_other_sees(controlled: Controlled) -> None:
    run, front = controlled.run, {"track": "front"}
    await controlled.http("mute", **front)
    assert await controlled.client.get(track_path("front"), TRACK, "Muted") is True
    await controlled.bus("unmute", **front)
    assert (await controlled.http("track", **front))["muted"] is False
    await controlled.bus("set_layer", **front, rid="h", max_bitrate=200_000)
    assert run.layer("front", "h").bitrate == 200_000
    await controlled.http("set_layer", **front, rid="h")
    assert run.layer("front", "h").bitrate > 200_000
    await controlled.client.listen()
    taken = await controlled.http("set_control", **front, control="speed", value=2.0)
    assert taken["value"] == 2.0
    # The list of controls follows when the source has shown what it made of the value.
    await controlled.client.signal("ControlChanged")
    controls = {one["name"]: one["value"] for one in (await controlled.bus("controls", **front))["controls"]}
    assert controls["speed"] == 2.0


async def test_tracks_come_and_go_by_both(controlled: Controlled) -> None:
    run = controlled.run
    await controlled.client.listen()
    added = await controlled.bus("add_track", settings=SIDE)
    assert (added["name"], added["kind"]) == ("side", "video")
    await run.published("side")
    assert [body for _, _, _, body in await controlled.client.signal("TrackAdded")] == [["side", track_path("side")]]
    plan = await controlled.http("change_track", track="side", settings={"capture": {"framerate": 5}})
    assert "side" in plan["summary"]
    await controlled.http("disable", track="side")
    assert run.status("side").state is TrackState.DISABLED
    assert await controlled.client.get(track_path("side"), TRACK, "Enabled") is False
    await controlled.bus("enable", track="side")
    await run.published("side")
    assert await controlled.bus("remove_track", track="side") == {}
    await controlled.client.signal("TrackRemoved")
    assert [track["name"] for track in (await controlled.http("tracks"))["tracks"]] == ["front", "mic"]


async def test_the_rest_of_the_table(controlled: Controlled) -> None:
    """Called through both; what each does is tested where it is done."""
    one = {"all_participants_allowed": False, "participants": [{"identity": "bob", "tracks": ["front"]}]}
    for say in (controlled.http, controlled.bus):
        assert (await say("disable_kind", publish_as="microphone"))["tracks"] == ["mic"]
        assert (await say("enable_kind", publish_as="microphone"))["tracks"] == ["mic"]
        await controlled.run.published("mic")
        assert (await say("set_permissions", **one))["participants"][0]["tracks"] == ["front"]
        assert (await say("set_permissions", all_participants_allowed=True))["all_participants_allowed"] is True
        assert (await say("set_log_level", level="debug", logger="lkedge.media"))["loggers"]
        assert (await say("set_log_level", level="info"))["level"] == "info"
        assert "unchanged" in (await say("reload"))["summary"]
        assert await say("reconnect") == {}


async def test_a_bad_file_is_refused_by_both_and_told(controlled: Controlled) -> None:
    await controlled.client.listen()
    controlled.run.write(FRONT.replace("testsrc", "none"))
    _, *over_socket = await by_http(controlled.socket, COMMAND["reload"], {})
    _, *on_bus = await by_bus(controlled.client, COMMAND["reload"], {})
    assert over_socket[0] == on_bus[0] == "invalid_argument"
    assert over_socket[1] == on_bus[1]
    ((_, _, _, body), *_) = await controlled.client.signal("Reloaded")
    assert body[0] is False
    assert "none" in body[2][0]


async def test_a_reload_by_either_tells_when_it_begins_and_how_it_ends(controlled: Controlled) -> None:
    told: list[str] = []

    @contextmanager
    def around() -> Iterator[None]:
        told.append("begins")
        try:
            yield
        except ConfigError:
            told.append("refused")
            raise
        told.append("done")

    controlled.run.daemon.surround_reloads(around)
    await controlled.http("reload")
    controlled.run.write(FRONT.replace("testsrc", "none"))
    await by_bus(controlled.client, COMMAND["reload"], {})
    assert told == ["begins", "done", "begins", "refused"]
