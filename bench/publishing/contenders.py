"""The two publishers, each in processes of its own, with the same tracks `picture` and `tone`."""

from __future__ import annotations

import asyncio
import contextlib
import os
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from bench.publishing import procfs
from bench.publishing.sdk_publisher import TOKEN_VARIABLE
from tests.sfu.harness.sfu import Sfu

LKEDGE, SDK = "lkedge", "sdk"
CONTENDERS = (LKEDGE, SDK)
STOP_DEADLINE_S = 8.0

CONFIGURATION = """\
[livekit]
url = "{url}"
token_file = "token.jwt"

[[track]]
name = "picture"
source = "{source}"
publish_as = "camera"
capture = {{ width = {width}, height = {height}, framerate = {framerate} }}
publish = {{ video_codec = "{codec}" }}
{options}
"""
SOUND = """\
[[track]]
name = "tone"
source = "tone"
publish_as = "microphone"
"""


@dataclass(frozen=True)
class Stage:
    """Where and what is published.

    clip: the y4m file; None for the pictures of `testsrc`. folder: for configuration and logs.
    sound: whether there is a tone beside the picture. width, height, framerate: of lkedge's picture.
    """

    sfu: Sfu
    codec: str
    folder: Path
    clip: Path | None
    sound: bool = True
    width: int = 1280
    height: int = 720
    framerate: int = 30


@dataclass(frozen=True)
class Running:
    """A publisher that was started. begun_ns: just before its process was."""

    name: str
    identity: str
    process: subprocess.Popen[bytes]
    begun_ns: int
    clip: Path | None
    has_sound: bool

    @property
    def pids(self) -> list[int]:
        """The process and its workers."""
        return procfs.tree(self.process.pid)

    def cpu_s(self) -> float:
        return procfs.cpu_s(self.pids)

    def cpu_by_process(self) -> dict[str, float]:
        """CPU seconds since its start of "daemon", the process itself, and of "worker:TRACK"."""
        names = {pid: procfs.name(pid).replace("lkedge:", "worker:") for pid in self.pids}
        names[self.process.pid] = "daemon"
        return {name: procfs.cpu_s([pid]) for pid, name in names.items()}

    def pss_mib(self) -> float:
        """Without the clip's own pages, which one of the two maps and the other reads."""
        return procfs.pss_mib(self.pids, without=self.clip)


@asynccontextmanager
async def publishing(name: str, stage: Stage, room: str) -> AsyncIterator[Running]:
    """Start that contender in the room; it is stopped at the end."""
    identity = f"publisher-{name}"
    token = stage.sfu.token(identity, room, can_subscribe=False)
    command, environment = _prepare(name, stage, token)
    with (stage.folder / f"{name}.log").open("ab") as log:
        begun_ns = time.monotonic_ns()
        process = subprocess.Popen(command, env=environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
    try:
        yield Running(name, identity, process, begun_ns, stage.clip, stage.sound)
    finally:
        await _stop(process)


def _prepare(name: str, stage: Stage, token: str) -> tuple[list[str], dict[str, str]]:
    if name == SDK:
        options = ["--clip", str(stage.clip)] if stage.clip else []
        options += [] if stage.sound else ["--no-sound"]
        command = ["-m", "bench.publishing.sdk_publisher", stage.sfu.url, "--codec", stage.codec, *options]
    else:
        command = ["-m", "lkedge", "run", "--config", str(_configured(stage, token))]
    return [sys.executable, *command], {**os.environ, TOKEN_VARIABLE: token}


def _configured(stage: Stage, token: str) -> Path:
    (stage.folder / "token.jwt").write_text(token)
    options = f'file = {{ path = "{stage.clip}", passthrough = "never" }}\n' if stage.clip else ""
    source = "file" if stage.clip else "testsrc"
    path = stage.folder / "lkedge.toml"
    picture = CONFIGURATION.format(
        url=stage.sfu.url,
        source=source,
        codec=stage.codec,
        options=options,
        width=stage.width,
        height=stage.height,
        framerate=stage.framerate,
    )
    path.write_text(picture + (SOUND if stage.sound else ""))
    return path


async def _stop(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(STOP_DEADLINE_S):
            while process.poll() is None:
                await asyncio.sleep(0.05)
    if process.poll() is None:
        process.kill()
        process.wait()
