"""A worker under test, and all that it delivers."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any

from lkedge.media.frame import EncodedFrame
from lkedge.terms import Isolation
from lkedge.worker.events import WorkerEvent
from lkedge.worker.host import WorkerHost
from lkedge.worker.spec import WorkerSpec

DEADLINE_S = 20.0


class WorkerRecorder:
    """Collects what a worker delivers, and waits for it. On one event loop."""

    def __init__(self) -> None:
        self.frames: list[EncodedFrame] = []
        self.events: list[WorkerEvent] = []
        self._changed = asyncio.Event()

    def take_frame(self, frame: EncodedFrame) -> None:
        self.frames.append(frame)
        self._changed.set()

    def take_event(self, event: WorkerEvent) -> None:
        self.events.append(event)
        self._changed.set()

    def of(self, kind: type[Any]) -> list[Any]:
        """The events of this kind, so far."""
        return [event for event in self.events if isinstance(event, kind)]

    def layer(self, rid: str) -> list[EncodedFrame]:
        """Its frames, so far."""
        return [frame for frame in self.frames if frame.rid == rid]

    async def until(self, condition: Callable[[], Any]) -> None:
        """Asked whenever something came. Raises TimeoutError after 20 s."""
        async with asyncio.timeout(DEADLINE_S):
            while not condition():
                self._changed.clear()
                await self._changed.wait()

    async def frames_of(self, rid: str, count: int) -> list[EncodedFrame]:
        """The next frames of this layer."""
        before = len(self.layer(rid))
        await self.until(lambda: len(self.layer(rid)) >= before + count)
        return self.layer(rid)[before:]


@asynccontextmanager
async def recorded_worker(
    spec: WorkerSpec, plugins: Sequence[str], isolation: Isolation = Isolation.PROCESS
) -> AsyncIterator[tuple[WorkerHost, WorkerRecorder]]:
    """A worker that was started, which is stopped at the end. plugins: as of `PluginManager.targets`."""
    recorder = WorkerRecorder()
    host = WorkerHost(
        spec, isolation=isolation, on_frame=recorder.take_frame, on_event=recorder.take_event, plugins=plugins
    )
    host.start()
    try:
        yield host, recorder
    finally:
        await host.stop()
