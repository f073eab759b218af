"""The measuring side of a viewer process: commands out, events in."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from bench.publishing.contenders import Stage
from bench.publishing.sdk_publisher import TOKEN_VARIABLE

DEADLINE_S = 20.0
LONGEST_LINE = 1 << 22


class ViewerHandle:
    """A running viewer. `events` are all that it told, in order."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process
        self._changed = asyncio.Event()
        self.events: list[dict[str, Any]] = []
        self._reader = asyncio.create_task(self._read(), name="viewer")

    async def order(self, command: str) -> int:
        """Have a command carried out; the time at which it was."""
        known = len(self.events)
        self._write(command)
        done = await self._expect(known, event="done", command=command)
        return int(done["at_ns"])

    async def report(self, since_ns: int) -> dict[str, Any]:
        """What was seen since then: frames, widths, ages_ms, psnr_db and others; see viewer.py."""
        known = len(self.events)
        self._write(f"report {since_ns}")
        return await self._expect(known, event="report")

    async def expect(self, after_ns: int, *, deadline_s: float = DEADLINE_S, **fields: Any) -> int:
        """The time of the first event after `after_ns` with these fields. Raises TimeoutError."""
        found = await self._expect(0, after_ns=after_ns, deadline_s=deadline_s, **fields)
        return int(found["at_ns"])

    async def close(self) -> None:
        """Leave the room and end; a second time does nothing."""
        if self._process.returncode is None:
            self._write("quit")
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._process.wait(), 5.0)
        if self._process.returncode is None:
            self._process.kill()
            await self._process.wait()
        await self._reader

    async def _expect(
        self, begin: int, *, after_ns: int = 0, deadline_s: float = DEADLINE_S, **fields: Any
    ) -> dict[str, Any]:
        try:
            async with asyncio.timeout(deadline_s):
                while (found := self._find(begin, after_ns, fields)) is None:
                    self._changed.clear()
                    await self._changed.wait()
                return found
        except TimeoutError:
            newest = [event for event in self.events if event["event"] != "report"][-5:]
            raise TimeoutError(f"the viewer did not tell {fields} within {deadline_s:g} s, but {newest}") from None

    def _find(self, begin: int, after_ns: int, fields: dict[str, Any]) -> dict[str, Any] | None:
        for event in self.events[begin:]:
            if event["at_ns"] > after_ns and fields.items() <= event.items():
                return event
        return None

    def _write(self, command: str) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(f"{command}\n".encode())

    async def _read(self) -> None:
        assert self._process.stdout is not None
        async for line in self._process.stdout:
            self.events.append(json.loads(line))
            self._changed.set()


@asynccontextmanager
async def viewing(stage: Stage, room: str, *, identity: str = "viewer") -> AsyncIterator[ViewerHandle]:
    """A viewer in the room, which subscribes to whatever comes."""
    command = [sys.executable, "-m", "bench.publishing.viewer", stage.sfu.url]
    with (stage.folder / f"{identity}.log").open("ab") as log:
        process = await asyncio.create_subprocess_exec(
            *command,
            *(["--clip", str(stage.clip)] if stage.clip else []),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=log,
            env={**os.environ, TOKEN_VARIABLE: stage.sfu.token(identity, room, can_publish=False)},
            limit=LONGEST_LINE,
        )
    viewer = ViewerHandle(process)
    try:
        await viewer.expect(0, event="connected")
        yield viewer
    finally:
        await viewer.close()
