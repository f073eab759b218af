from __future__ import annotations

import asyncio

import pytest

from lkedge.errors import SourceError
from lkedge.publish import snapshots
from lkedge.publish.snapshots import MAX_WAITING, SnapshotRequests
from lkedge.worker.events import SnapshotRefused, SnapshotTaken, WorkerDied


class Worker:
    """Takes requests; the test answers."""

    def __init__(self) -> None:
        self.widths: list[int] = []

    def take_snapshot(self, width: int) -> int:
        self.widths.append(width)
        return len(self.widths)


async def asked(requests: SnapshotRequests, width: int = 0) -> asyncio.Task[bytes]:
    task = asyncio.create_task(requests.take(width))
    await asyncio.sleep(0)
    return task


async def test_each_request_gets_its_own_answer() -> None:
    worker = Worker()
    requests = SnapshotRequests("front", worker)
    first, second = await asked(requests), await asked(requests, 320)
    requests.answer(SnapshotTaken(2, b"small"))
    requests.answer(SnapshotTaken(1, b"large"))
    assert (await first, await second) == (b"large", b"small")
    assert worker.widths == [0, 320]


async def test_refusal_says_why() -> None:
    requests = SnapshotRequests("front", Worker())
    task = await asked(requests)
    requests.answer(SnapshotRefused("cam: it is unplugged", 1))
    with pytest.raises(SourceError, match=r"front: cam: it is unplugged"):
        await task


async def test_death_of_the_worker_ends_all() -> None:
    requests = SnapshotRequests("front", Worker())
    tasks = [await asked(requests) for _ in range(2)]
    requests.answer(WorkerDied("killed"))
    for task in tasks:
        with pytest.raises(SourceError, match="the worker died"):
            await task


async def test_silence_has_an_end_and_a_late_answer_is_nobodys(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(snapshots, "DEADLINE_S", 0.01)
    requests = SnapshotRequests("front", Worker())
    with pytest.raises(SourceError, match="no picture came within"):
        await requests.take()
    requests.answer(SnapshotTaken(1, b"late"))


async def test_only_a_few_may_wait() -> None:
    requests = SnapshotRequests("front", Worker())
    tasks = [await asked(requests) for _ in range(MAX_WAITING)]
    with pytest.raises(SourceError, match="try again later"):
        await requests.take()
    requests.answer(WorkerDied("killed"))
    await asyncio.gather(*tasks, return_exceptions=True)
    later = await asked(requests)
    requests.answer(SnapshotTaken(MAX_WAITING + 1, b"jpeg"))
    assert await later == b"jpeg"


@pytest.mark.parametrize("width", [-1, 1, 15, 8193, 10**9])
async def test_impossible_width_is_refused_here(width: int) -> None:
    worker = Worker()
    with pytest.raises(SourceError, match=f"front: a picture cannot be {width} pixels wide"):
        await SnapshotRequests("front", worker).take(width)
    assert worker.widths == []
