import io
import json
import os
import signal
from collections.abc import Mapping

import pytest

from lkedge.config.models import Config
from lkedge.demo.room import DemoRoom
from lkedge.demo.run import DemoOptions, demo
from lkedge.publish.state import Status, TrackState
from tests.unit.demo.statuses import layer, status, track

TOKEN = "a-token-that-nobody-must-see"


class FakePlace:
    def __init__(self, log: list[str]) -> None:
        self._log = log

    async def open(self) -> DemoRoom:
        async def close() -> None:
            self._log.append("room closed")

        livekit = {"url": "ws://127.0.0.1:1", "token_file": "token"}
        return DemoRoom("ws://127.0.0.1:1", "yard", "a fake", livekit, {"token": TOKEN}, self._viewer, close)

    def _viewer(self) -> Mapping[str, str]:
        return {"token": TOKEN}


class FakeDaemon:
    def __init__(self, log: list[str], *statuses: Status) -> None:
        self._log, self._statuses = log, list(statuses)

    def __call__(self, config: Config) -> "FakeDaemon":
        return self

    async def start(self) -> None:
        self._log.append("daemon started")

    async def stop(self) -> None:
        self._log.append("daemon stopped")

    def status(self) -> Status:
        return self._statuses.pop(0) if len(self._statuses) > 1 else self._statuses[0]


PUBLISHED = status(track(TrackState.PUBLISHED, layer("q", bitrate=150_000, framerate=20.0)))


async def run(daemon: FakeDaemon, log: list[str], options: DemoOptions) -> tuple[int, str, str]:
    stdout, stderr = io.StringIO(), io.StringIO()
    code = await demo(options, FakePlace(log), daemon, stdout=stdout, stderr=stderr)
    return code, stdout.getvalue(), stderr.getvalue()


async def test_json_is_the_only_thing_on_standard_output_and_everything_ends_in_order() -> None:
    log: list[str] = []
    daemon = FakeDaemon(log, status(track(TrackState.STARTING)), PUBLISHED)

    code, stdout, stderr = await run(daemon, log, DemoOptions(seconds=0.2, as_json=True, has_page=False))

    result = json.loads(stdout)
    assert code == 0
    assert (result["published"], result["url"], result["stand_in"]) == (True, "ws://127.0.0.1:1", False)
    assert "room    yard on a fake" in stderr
    assert TOKEN not in stdout + stderr
    assert log == ["daemon started", "daemon stopped", "room closed"]


async def test_exit_status_is_1_when_a_track_is_not_published_at_the_end() -> None:
    log: list[str] = []

    code, stdout, _ = await run(
        FakeDaemon(log, status(track(TrackState.FAILED, reason="no camera"))), log, DemoOptions(0.05, has_page=False)
    )

    assert code == 1
    assert "picture failed (no camera)" in stdout


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
async def test_a_signal_leaves_cleanly(number: signal.Signals) -> None:
    log: list[str] = []

    class SignalledDaemon(FakeDaemon):
        def status(self) -> Status:
            os.kill(os.getpid(), number)
            return super().status()

    code, _, _ = await run(SignalledDaemon(log, PUBLISHED), log, DemoOptions(has_page=False))

    assert (code, log[-2:]) == (0, ["daemon stopped", "room closed"])


async def test_a_room_that_fails_to_start_its_daemon_is_closed() -> None:
    log: list[str] = []

    class BrokenDaemon(FakeDaemon):
        async def start(self) -> None:
            raise RuntimeError("no")

    with pytest.raises(RuntimeError):
        await run(BrokenDaemon(log, PUBLISHED), log, DemoOptions(has_page=False))

    assert log == ["room closed"]
