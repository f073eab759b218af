"""How quickly a publisher obeys a SubscribedQualityUpdate, from the packets on the wire."""

from __future__ import annotations

import asyncio
import time

from bench.publishing.contenders import CONTENDERS, Stage
from bench.publishing.cpu import Say, Scene, watched
from bench.publishing.results import Row, at_most
from bench.publishing.sniffer import QualityUpdate, Sniffer

REPEATS = 5
SETTLED_S = 3.0
DEADLINE_S = 8.0
HIGH = 2


async def measure_dynacast(stage: Stage, say: Say) -> list[Row]:
    """A viewer goes from HIGH to LOW and back."""
    rows = [
        Row(f"{stage.codec}: layer disabled to its last packet", "ms", (at_most(100),)),
        Row("  the slowest", "ms", (at_most(100),)),
        Row(f"{stage.codec}: layer enabled to its first packet", "ms", (at_most(100),)),
        Row("  the slowest", "ms", (at_most(100),)),
    ]
    for name in CONTENDERS:
        say(f"Dynacast of {name}")
        async with watched(name, stage, f"dynacast-{stage.codec}-{name}") as scene:
            for _ in range(REPEATS):
                await _down_and_up(name, scene, rows)
    for detail, slowest in ((rows[0], rows[1]), (rows[2], rows[3])):
        for column, values in detail.samples.items():
            slowest.add(column, max(values))
    return rows


async def _down_and_up(name: str, scene: Scene, rows: list[Row]) -> None:
    sniffer = scene.sniffer
    top = next(iter(sniffer.media_since(time.monotonic_ns() - 1_000_000_000)))
    down = await _updated(scene, "LOW", is_high=False)
    last_ns = max(packet.at_ns for packet in list(sniffer.packets) if packet.ssrc == top)
    rows[0].add(name, max(0.0, (last_ns - down.at_ns) / 1e6))
    up = await _updated(scene, "HIGH", is_high=True)
    first_ns = min(packet.at_ns for packet in list(sniffer.packets) if packet.ssrc == top and packet.at_ns > up.at_ns)
    rows[2].add(name, (first_ns - up.at_ns) / 1e6)


async def _updated(scene: Scene, quality: str, *, is_high: bool) -> QualityUpdate:
    """The update that this quality brings about; returns some time after it."""
    asked_ns = await scene.viewer.order(f"quality {quality}")
    async with asyncio.timeout(DEADLINE_S):
        while (update := _find(scene.sniffer, asked_ns, is_high)) is None:
            await asyncio.sleep(0.05)
    await asyncio.sleep(SETTLED_S)
    return update


def _find(sniffer: Sniffer, after_ns: int, is_high: bool) -> QualityUpdate | None:
    fitting = (one for one in sniffer.updates if one.at_ns > after_ns and (HIGH in one.enabled) is is_high)
    return next(fitting, None)
