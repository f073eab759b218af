"""The packages for arm64 on an emulated machine: installed, and pictures arrive outside. Nothing is timed."""

from __future__ import annotations

import asyncio
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.service.conftest import SUITES
from tests.service.harness.foreign import Foreign, foreign_root
from tests.service.harness.packages import find_package
from tests.sfu.harness.daemon import config_text
from tests.sfu.harness.sfu import Sfu
from tests.sfu.harness.subscriber import Subscriber

PICTURES_S = 200.0
STOP_S = 30.0
SMALL = """
[[track]]
name = "front"
source = "testsrc"
capture = { width = 320, height = 180, framerate = 5 }
"""
pytestmark = pytest.mark.timeout(900)


@pytest.fixture(scope="module", params=SUITES)
def arm64(request: pytest.FixtureRequest, lab: Path) -> Iterator[Foreign]:
    """Each release for arm64 with its package."""
    package = find_package(lab, request.param, "arm64")
    with foreign_root(lab / f"{request.param}-arm64") as root:
        root.run("sh", "-c", f"cat > /tmp/{package.name}", data=package.read_bytes()).check()
        root.run("env", "DEBIAN_FRONTEND=noninteractive", "apt-get", "-qy", "install", f"/tmp/{package.name}").check()
        yield root


def test_the_command_line_runs(arm64: Foreign) -> None:
    assert arm64.run("uname", "-m").stdout.strip() == "aarch64"
    assert arm64.run("lkedge", "--version").check().stdout.startswith("lkedge ")
    assert arm64.run("lkedgectl", "--version").check().stdout.startswith("lkedgectl ")
    listed = arm64.run("lkedge", "plugins").check().stdout.partition("\nsources:")[0]
    assert listed.count(" ready ") >= 5, listed
    assert " error " not in listed, listed


def test_compiled_modules_find_their_libraries(arm64: Foreign) -> None:
    missing = "ldd $0 | grep -H --label=$0 'not found'"
    find = ["find", "/usr/lib/lkedge", "-name", "*.so*", "-type", "f", "-exec", "sh", "-c", missing, "{}", ";"]
    assert arm64.run(*find).stdout == ""
    script = "import alsaaudio, systemd.daemon, dbus_fast, av; print(alsaaudio.PCM.polldescriptors_revents)"
    arm64.run("/usr/lib/lkedge/venv/bin/python3", "-c", script).check()


async def test_its_pictures_arrive_outside(arm64: Foreign, service_sfu: Sfu, room_name: str) -> None:
    for name, text in (
        ("lkedge.toml", config_text(service_sfu, room_name, SMALL)),
        ("key", service_sfu.server.api_key),
        ("secret", service_sfu.server.api_secret),
    ):
        arm64.run("sh", "-c", f"umask 077; cat > /tmp/{name}", data=text).check()
    arm64.run("lkedge", "check", "/tmp/lkedge.toml").check()
    daemon = subprocess.Popen(
        [*arm64.enter, "lkedge", "run", "--config", "/tmp/lkedge.toml"],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    try:
        async with Subscriber(service_sfu.url, service_sfu.token("viewer", room_name)) as viewer:
            await viewer.wait_for_frames("front", 10, PICTURES_S)
    finally:
        daemon.terminate()
        try:
            output, _ = await asyncio.to_thread(daemon.communicate, timeout=STOP_S)
        except subprocess.TimeoutExpired:
            daemon.kill()
            output, _ = daemon.communicate()
        print(output.decode(errors="replace")[-4000:])
    assert daemon.returncode == 0
