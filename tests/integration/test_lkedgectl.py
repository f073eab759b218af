"""lkedgectl against the real control socket over a fake daemon: what it prints, what it does, how it exits."""

from __future__ import annotations

import asyncio
import json
import os
import socket
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from pathlib import Path

import pytest

from lkedge.config.models import ControlConfig
from lkedge.control.handler import Handler
from lkedge.control.http_server import HttpControl
from lkedge.ctl import main
from lkedge.errors import ConfigError
from lkedge.publish.state import ConnectionState
from lkedge.terms import Rid
from lkedge.testing.fake_target import JPEG, FakeTarget

Output = pytest.CaptureFixture[str]
Ctl = Callable[..., Awaitable[int]]


@pytest.fixture
def target() -> FakeTarget:
    return FakeTarget()


@pytest.fixture
async def path(target: FakeTarget) -> AsyncIterator[Path]:
    """Of the socket that answers, in a folder that other users get into."""
    with tempfile.TemporaryDirectory(prefix="lkedge-ctl-") as folder:
        Path(folder).chmod(0o755)
        handler, path = Handler(target), Path(folder, "control.sock")
        control = HttpControl(handler, ControlConfig(socket=path))
        await control.start()
        yield path
        await control.stop()
        await handler.close()


@pytest.fixture
def ctl(path: Path) -> Ctl:
    """Runs a command beside the loop that answers it."""

    async def run(*words: str) -> int:
        async with asyncio.timeout(60):
            return await asyncio.to_thread(main, ["--socket", str(path), *words])

    return run


async def test_status_tells_everything(ctl: Ctl, capsys: Output) -> None:
    assert await ctl("status") == 0
    text = capsys.readouterr().out
    assert "connected, room yard, as pi" in text
    assert "front (camera): published, source testsrc open, vp8, vp8, TR_1" in text
    assert "1280x720" in text
    assert "/etc/lkedge/lkedge.toml" in text


async def test_json_may_stand_before_or_after_the_command(ctl: Ctl, capsys: Output) -> None:
    assert await ctl("tracks", "--json") == 0
    after = json.loads(capsys.readouterr().out)
    assert await ctl("--json", "tracks") == 0
    assert json.loads(capsys.readouterr().out) == after
    assert [track["name"] for track in after["tracks"]] == ["front", "talk"]


async def test_tracks_and_their_names(ctl: Ctl, capsys: Output) -> None:
    assert await ctl("tracks") == 0
    heading, front, talk = capsys.readouterr().out.splitlines()
    assert heading.startswith("TRACK")
    assert front.split()[:6] == ["front", "camera", "published", "testsrc", "vp8", "f+h+q"]
    assert talk.split()[5] == "single"
    assert await ctl("tracks", "--names") == 0
    assert capsys.readouterr().out == "front\ntalk\n"
    assert await ctl("tracks", "front") == 0
    assert capsys.readouterr().out.startswith("front (camera): published")


async def test_layers_tell_why_one_is_off(ctl: Ctl, target: FakeTarget, capsys: Output) -> None:
    front = target.tracks["front"]
    off = replace(front.layers[1], active=False, reason="not subscribed")
    target.tracks["front"] = replace(front, layers=(front.layers[0], off, front.layers[2]))
    assert await ctl("layers", "front") == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[1] for line in lines] == ["LAYER", "f", "h", "q"]
    assert lines[2].endswith("not subscribed")


async def test_mute_and_unmute(ctl: Ctl, target: FakeTarget, capsys: Output) -> None:
    assert await ctl("mute", "front", "talk", "--persist") == 0
    assert [call[0:4] for call in target.calls] == [
        ("set_muted", "front", True, True),
        ("set_muted", "talk", True, True),
    ]
    assert capsys.readouterr().out.count("muted") == 2
    assert await ctl("unmute", "front") == 0
    assert target.calls[-1] == ("set_muted", "front", False, False)


async def test_enable_and_disable(ctl: Ctl, target: FakeTarget, capsys: Output) -> None:
    assert await ctl("disable", "front") == 0
    assert await ctl("enable", "--source", "camera") == 0
    assert capsys.readouterr().out.endswith("enabled front\n")
    assert await ctl("enable", "--source", "camera") == 0
    assert "nothing" in capsys.readouterr().out
    assert await ctl("enable") == 2


async def test_a_track_is_added_changed_and_removed(ctl: Ctl, target: FakeTarget, capsys: Output) -> None:
    assert await ctl("add", "back", "source=testsrc", "capture.width=640", "--persist") == 0
    assert target.calls[-1] == (
        "add_track", {"name": "back", "source": "testsrc", "capture": {"width": 640}}, True,
    )  # fmt: skip
    assert await ctl("set", "back", "capture.framerate=15", "publish.simulcast=false") == 0
    assert target.calls[-1][2] == {"capture": {"framerate": 15}, "publish": {"simulcast": False}}
    assert "changed back" in capsys.readouterr().out
    assert await ctl("remove", "back") == 0
    assert "back" not in target.tracks


async def test_a_layer_is_limited(ctl: Ctl, target: FakeTarget) -> None:
    assert await ctl("set", "front", "h", "max_bitrate=300k", "max_framerate=10") == 0
    _, name, rid, limit, persist = target.calls[-1]
    assert (name, rid, limit.max_bitrate, limit.max_framerate, persist) == ("front", Rid("h"), 300_000, 10.0, False)
    assert await ctl("set", "talk", "single", "max_bitrate=none", "enabled=false") == 0
    assert target.calls[-1][3].max_bitrate is None
    assert not target.calls[-1][3].is_enabled


async def test_controls_are_listed_and_set(ctl: Ctl, target: FakeTarget, capsys: Output) -> None:
    assert await ctl("controls", "front") == 0
    lines = {line.split()[0]: line for line in capsys.readouterr().out.splitlines()}
    assert "0 to 255" in lines["brightness"]
    assert "auto, manual" in lines["focus"]
    assert lines["temperature"].endswith("read only")
    assert await ctl("set", "front", "control", "brightness=20", "focus=manual", "flip=true") == 0
    assert [call[2:4] for call in target.calls] == [("brightness", 20), ("focus", "manual"), ("flip", True)]


async def test_a_snapshot_is_saved(ctl: Ctl, tmp_path: Path, capsys: Output) -> None:
    assert await ctl("snapshot", "front", "-o", str(tmp_path / "a.jpg"), "--width", "320") == 0
    assert (tmp_path / "a.jpg").read_bytes() == JPEG + b"320"
    assert str(tmp_path / "a.jpg") in capsys.readouterr().out
    assert await ctl("snapshot", "front", "-o", str(tmp_path / "none/a.jpg")) == 1
    assert "cannot write" in capsys.readouterr().err


async def test_a_snapshot_goes_to_standard_output(path: Path) -> None:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "lkedge.ctl", "--socket", str(path), "snapshot", "front", "-o", "-",
        stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    output, _ = await process.communicate()
    assert output == JPEG + b"0"


async def test_permissions(ctl: Ctl, target: FakeTarget, capsys: Output) -> None:
    assert await ctl("permissions", "--allow", "alice", "--allow", "bob=front,talk") == 0
    assert capsys.readouterr().out.splitlines()[1:] == ["alice     all tracks", "bob       front, talk"]
    assert await ctl("permissions", "--nobody") == 0
    assert await ctl("permissions", "--everyone", "--nobody") == 2
    assert await ctl("permissions", "--everyone") == 0
    assert "all participants" in capsys.readouterr().out


async def test_reload_reconnect_plugins_devices_and_log_level(ctl: Ctl, target: FakeTarget, capsys: Output) -> None:
    expected = {
        ("reload",): "nothing has changed",
        ("reconnect",): "connecting again",
        ("plugins",): "builtin",
        ("devices",): '[[track]]\nsource = "v4l2"',
        ("log-level",): "info",
        ("log-level", "debug", "--logger", "rtc"): "rtc: debug",
    }
    for words, text in expected.items():
        assert await ctl(*words) == 0
        assert text in capsys.readouterr().out


async def test_a_refused_reload_tells_every_problem(ctl: Ctl, target: FakeTarget, capsys: Output) -> None:
    target.failure = ConfigError([f"line {number}: wrong" for number in range(6)])
    assert await ctl("reload") == 1
    text = capsys.readouterr().err
    assert all(f"line {number}: wrong" in text for number in range(6))


async def test_an_unknown_track_is_named(ctl: Ctl, capsys: Output) -> None:
    assert await ctl("mute", "fronnt") == 1
    assert "there is no track named 'fronnt'; there are: front, talk" in capsys.readouterr().err


async def test_names_are_escaped(ctl: Ctl, target: FakeTarget) -> None:
    target.tracks["a/b ü?"] = replace(target.tracks["front"], name="a/b ü?")
    assert await ctl("mute", "a/b ü?") == 0
    assert target.calls[-1][1] == "a/b ü?"


async def test_events_begin_with_the_state(ctl: Ctl, target: FakeTarget, capsys: Output) -> None:
    running = asyncio.create_task(ctl("events", "--count", "2", "--json"))
    async with asyncio.timeout(30):
        while not target.listeners:
            await asyncio.sleep(0.01)
    target.set_muted("front", True, False)
    assert await running == 0
    first, second = map(json.loads, capsys.readouterr().out.splitlines())
    assert (first["event"], second["event"]) == ("state", "track_changed")
    assert second["data"]["muted"] is True


async def test_top_draws_again_and_again(ctl: Ctl, target: FakeTarget, capsys: Output) -> None:
    target.connection = replace(target.connection, state=ConnectionState.WAITING, reason="refused")
    assert await ctl("top", "--count", "2", "--interval", "0.01") == 0
    assert capsys.readouterr().out.count("waiting, room yard, as pi, refused") == 2


@pytest.mark.parametrize(
    "words",
    [
        ("set", "front", "h"),
        ("set", "front", "x", "a=1"),
        ("set", "front", "a=1", "b"),
        ("set", "front", "a=1", "a=2"),
        ("set", "front", "a=1", "a.b=2"),
        ("add", "back", "testsrc"),
    ],
)
async def test_wrong_words_are_refused(ctl: Ctl, target: FakeTarget, capsys: Output, words: tuple[str, ...]) -> None:
    assert await ctl(*words) == 2
    assert capsys.readouterr().err.startswith("lkedgectl: ")
    assert target.calls == []


def test_without_the_daemon_it_says_what_to_do(tmp_path: Path, capsys: Output) -> None:
    assert main(["--socket", str(tmp_path / "none.sock"), "status"]) == 3
    text = capsys.readouterr().err
    assert "lkedge is not running" in text
    assert "systemctl start lkedge" in text


def test_a_socket_that_nobody_serves(tmp_path: Path, capsys: Output) -> None:
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(tmp_path / "dead.sock"))
    assert main(["--socket", str(tmp_path / "dead.sock"), "status"]) == 3
    assert "nobody listens" in capsys.readouterr().err


AS_NOBODY = """
import locale, os, sys
from lkedge.ctl import main
from lkedge.ctl.parser import build_parser
build_parser().parse_args(["status"])  # loads what nobody may not read where Python is root's own
os.setuid(65534)
sys.exit(main(["--socket", sys.argv[1], "mute", "front"]))
"""


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can be another user: run pytest with sudo")
@pytest.mark.parametrize("mode", [0o600, 0o666], ids=["by the socket", "by the daemon"])
async def test_without_rights_it_says_how_to_get_them(path: Path, target: FakeTarget, mode: int) -> None:
    path.chmod(mode)
    command = [sys.executable, "-c", AS_NOBODY, str(path)]
    result = await asyncio.to_thread(subprocess.run, command, capture_output=True, text=True, timeout=60)
    assert result.returncode == 4, result.stderr
    assert "usermod -aG lkedge" in result.stderr
    assert target.calls == []


def test_it_loads_little() -> None:
    """Of lkedge nothing but itself, and none of the slow parts of the standard library."""
    script = "import sys; from lkedge.ctl import main; print('\\n'.join(sys.modules))"
    result = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=30, check=True)
    loaded = set(result.stdout.split())
    assert {name for name in loaded if name.startswith("lkedge.") and not name.startswith("lkedge.ctl")} == set()
    assert not {"asyncio", "pydantic", "http.client", "email", "ssl", "dataclasses", "logging", "subprocess"} & loaded
