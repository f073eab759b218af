"""How long things take: from process start to the room and to the first picture, and from subscribing."""

from __future__ import annotations

import asyncio

from bench.publishing.contenders import CONTENDERS, Stage, publishing
from bench.publishing.cpu import PAUSED_AFTER_S, TOP_WIDTH, Say, Scene, watched
from bench.publishing.results import Row, at_most, at_most_of_sdk
from bench.publishing.viewing import ViewerHandle, viewing

REPEATS = 5
BETWEEN_S = 2.0
"""The server asks for a key frame of a layer once a second at most."""


async def measure_start(stage: Stage, rounds: int, say: Say) -> list[Row]:
    """Cold starts, which take turns, then subscriptions."""
    starts = [
        Row(f"{stage.codec}: process start to joined", "ms"),
        Row(f"{stage.codec}: process start to first picture", "ms", (at_most(1000),)),
    ]
    subscriptions = [
        Row(f"{stage.codec}: subscribe to first picture, source open", "ms", (at_most_of_sdk(1),)),
        Row(f"{stage.codec}: subscribe to first picture, source closed", "ms", (at_most(700),)),
        Row(f"{stage.codec}: LOW to HIGH, seen", "ms"),
    ]
    async with viewing(stage, f"start-{stage.codec}") as viewer:
        for number in range(rounds * REPEATS):
            for name in CONTENDERS:
                say(f"start of {name}, {number + 1} of {rounds * REPEATS}")
                await _start(name, stage, viewer, starts)
    for name in CONTENDERS:
        say(f"subscriptions to {name}")
        await _subscriptions(name, stage, subscriptions)
    return [*starts, *subscriptions]


async def _start(name: str, stage: Stage, viewer: ViewerHandle, rows: list[Row]) -> None:
    async with publishing(name, stage, f"start-{stage.codec}") as running:
        joined_ns = await viewer.expect(running.begun_ns, event="joined", identity=running.identity)
        seen_ns = await viewer.expect(running.begun_ns, event="picture")
    rows[0].add(name, (joined_ns - running.begun_ns) / 1e6)
    rows[1].add(name, (seen_ns - running.begun_ns) / 1e6)
    await viewer.expect(running.begun_ns, event="left", identity=running.identity)


async def _subscriptions(name: str, stage: Stage, rows: list[Row]) -> None:
    room = f"subscribe-{stage.codec}-{name}"
    async with watched(name, stage, room) as scene:
        async with viewing(stage, room, identity="second") as second:
            await second.expect(scene.running.begun_ns, event="picture")
            await second.order("sound off")
            for _ in range(REPEATS):
                rows[0].add(name, await _resubscribe(second, BETWEEN_S))
        await _switch(name, scene, rows[2])
        await scene.viewer.order("sound off")
        for _ in range(REPEATS):
            rows[1].add(name, await _resubscribe(scene.viewer, PAUSED_AFTER_S))


async def _resubscribe(viewer: ViewerHandle, pause_s: float) -> float:
    await viewer.order("picture off")
    await asyncio.sleep(pause_s)
    asked_ns = await viewer.order("picture on")
    seen_ns = await viewer.expect(asked_ns, event="picture")
    return (seen_ns - asked_ns) / 1e6


async def _switch(name: str, scene: Scene, row: Row) -> None:
    """Up from LOW after the upper layers were paused."""
    for _ in range(REPEATS):
        await scene.viewer.order("quality LOW")
        await asyncio.sleep(PAUSED_AFTER_S / 2)
        asked_ns = await scene.viewer.order("quality HIGH")
        seen_ns = await scene.viewer.expect(asked_ns, event="picture", width=TOP_WIDTH)
        await asyncio.sleep(BETWEEN_S)
        row.add(name, (seen_ns - asked_ns) / 1e6)
