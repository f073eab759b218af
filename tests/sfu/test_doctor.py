"""`lkedge doctor` against a real server: what it says of the way there, of the token, and of a join."""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.sfu.harness.daemon import CAMERA, IDENTITY, config_text, running_daemon, write_config
from tests.sfu.harness.sfu import RoomService, Sfu

pytestmark = pytest.mark.sfu

DEADLINE_S = 60.0


async def doctor(path: Path, *arguments: str) -> dict[str, Any]:
    """The findings by subject."""
    command = (sys.executable, "-m", "lkedge", "doctor", "--json", "--config", str(path), *arguments)
    process = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE)
    async with asyncio.timeout(DEADLINE_S):
        out, _ = await process.communicate()
    report = json.loads(out)
    assert (process.returncode == 1) == (report["level"] == "fail")
    return {finding["subject"]: finding for finding in report["findings"]}


async def test_a_server_that_takes_the_token(sfu: Sfu, room_name: str, tmp_path: Path) -> None:
    findings = await doctor(write_config(tmp_path, sfu, config_text(sfu, room_name, CAMERA)))

    assert findings["server"]["seen"] == "accepts our token for this room"
    assert findings["network"]["seen"].startswith("127.0.0.1:")
    assert "room" not in findings


async def test_a_wrong_secret_is_named(sfu: Sfu, room_name: str, tmp_path: Path) -> None:
    path = write_config(tmp_path, sfu, config_text(sfu, room_name, CAMERA))
    (tmp_path / "secret").write_text("another-secret-that-is-long-enough-0123456789")

    findings = await doctor(path)

    assert findings["server"]["level"] == "fail"
    assert "status 401" in findings["server"]["seen"]
    assert "eyJ" not in findings["server"]["seen"]


async def test_a_server_that_is_not_there(sfu: Sfu, room_name: str, tmp_path: Path) -> None:
    path = write_config(tmp_path, sfu, config_text(sfu, room_name, CAMERA, url="ws://127.0.0.1:9"))

    findings = await doctor(path)

    assert "127.0.0.1:9 cannot be reached" in findings["server"]["seen"]


async def test_a_join_shows_that_media_gets_through_and_leaves_nobody_behind(
    sfu: Sfu, room_name: str, room_service: RoomService, tmp_path: Path
) -> None:
    path = write_config(tmp_path, sfu, config_text(sfu, room_name, CAMERA))

    findings = await doctor(path, "--join")

    assert findings["room"]["level"] == "ok", findings["room"]
    assert "joined and published within" in findings["room"]["seen"]
    assert "round trip" in findings["room"]["seen"]
    await room_service.wait_for_participant(f"{IDENTITY}-doctor", lambda found: found is None, deadline_s=3)


async def test_a_join_does_not_throw_the_running_daemon_out(sfu: Sfu, room_name: str, tmp_path: Path) -> None:
    path = write_config(tmp_path, sfu, config_text(sfu, room_name, CAMERA))
    async with running_daemon(path) as daemon:
        await daemon.wait_for(lambda: daemon.track("front").sid)
        sid = daemon.status.connection.participant_sid

        assert (await doctor(path, "--join"))["room"]["level"] == "ok"

        assert daemon.status.connection.participant_sid == sid
