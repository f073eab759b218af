"""`lkedge run` as a process: signals, logs, and what is said when something is wrong."""

from __future__ import annotations

import asyncio
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from tests.sfu.harness.daemon import CAMERA, IDENTITY, MICROPHONE, config_text, write_config
from tests.sfu.harness.sfu import API_SECRET, RoomService, Sfu

pytestmark = pytest.mark.sfu

DEADLINE_S = 45.0


class Run:
    """A running command; `lines` is what it wrote to stderr so far."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.process = process
        self.lines: list[str] = []

    async def wait_for_line(self, *parts: str) -> str:
        """Until a line contains all parts. Raises TimeoutError, AssertionError at the end of the output."""
        async with asyncio.timeout(DEADLINE_S):
            while True:
                assert self.process.stderr is not None
                line = (await self.process.stderr.readline()).decode()
                assert line, "".join(self.lines)
                self.lines.append(line)
                if all(part in line for part in parts):
                    return line

    async def end(self, number: signal.Signals = signal.SIGTERM) -> int:
        self.process.send_signal(number)
        async with asyncio.timeout(DEADLINE_S):
            assert self.process.stderr is not None
            self.lines.append((await self.process.stderr.read()).decode())
            return await self.process.wait()


@asynccontextmanager
async def command(*arguments: str) -> AsyncIterator[Run]:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "lkedge", *arguments, stderr=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE
    )
    try:
        yield Run(process)
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_a_signal_leaves_the_room(
    sfu: Sfu, room_name: str, tmp_path: Path, room_service: RoomService, number: signal.Signals
) -> None:
    path = write_config(tmp_path, sfu, config_text(sfu, room_name, CAMERA + MICROPHONE))
    async with command("run", "--config", str(path)) as run:
        await run.wait_for_line("front", "published")
        assert await run.end(number) == 0
        await room_service.wait_for_participant(IDENTITY, lambda found: found is None, deadline_s=3)
    assert "Traceback" not in "".join(run.lines)
    assert not [line for line in run.lines if " warning " in line or " error " in line]


async def test_no_secret_is_ever_logged(sfu: Sfu, room_name: str, tmp_path: Path) -> None:
    path = write_config(tmp_path, sfu, config_text(sfu, room_name, CAMERA))
    async with command("run", "--config", str(path), "--log-level", "debug") as run:
        await run.wait_for_line("front", "published")
        await run.end()
    text = "".join(run.lines)
    assert API_SECRET not in text
    assert "eyJ" not in text


async def test_a_steady_run_is_quiet(sfu: Sfu, room_name: str, tmp_path: Path) -> None:
    path = write_config(tmp_path, sfu, config_text(sfu, room_name, CAMERA + MICROPHONE))
    async with command("run", "--config", str(path)) as run:
        await run.wait_for_line("front", "published")
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(4):
                await run.wait_for_line("no such line")
        assert len(run.lines) < 12
        await run.end()


async def test_nobody_listens_there(tmp_path: Path, sfu: Sfu, room_name: str) -> None:
    path = write_config(tmp_path, sfu, config_text(sfu, room_name, CAMERA, url="ws://127.0.0.1:9"))
    async with command("run", "--config", str(path)) as run:
        line = await run.wait_for_line("not connected", "127.0.0.1:9")
        assert "refuses the connection" in line
        assert await run.end() == 0


async def test_a_wrong_key_is_named(tmp_path: Path, sfu: Sfu, room_name: str) -> None:
    path = write_config(tmp_path, sfu, config_text(sfu, room_name, CAMERA))
    (tmp_path / "secret").write_text("another-secret-that-is-long-enough-0123456789")
    async with command("run", "--config", str(path)) as run:
        line = await run.wait_for_line("not connected")
        assert "401" in line or "key" in line
        assert await run.end() == 0


async def test_a_full_room_is_named_and_tried_again(start_sfu: object, tmp_path: Path, room_name: str) -> None:
    assert callable(start_sfu)
    sfu = await start_sfu(room={"auto_create": True, "max_participants": 1})
    first = write_config(tmp_path, sfu, config_text(sfu, room_name, CAMERA, identity="one"))
    (tmp_path / "two").mkdir()
    second = write_config(tmp_path / "two", sfu, config_text(sfu, room_name, CAMERA, identity="two"))
    async with command("run", "--config", str(first)) as one:
        await one.wait_for_line("front", "published")
        async with command("run", "--config", str(second)) as two:
            await two.wait_for_line("not connected", "next try")
            await one.end()
            await two.wait_for_line("front", "published")
            assert await two.end() == 0


async def test_a_wrong_configuration_ends_with_78_and_names_everything(tmp_path: Path) -> None:
    path = tmp_path / "bad.toml"
    path.write_text('[livekit]\nulr = "x"\n[[track]]\nname = "a"\nsource = "tesrc"\n')
    async with command("run", "--config", str(path)) as run:
        await run.wait_for_line("ulr", "url")
        await run.wait_for_line("tesrc", "testsrc")
        assert await run.process.wait() == 78
