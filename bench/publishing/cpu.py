"""CPU time of publishing: three layers, the lowest only, nobody; and the quality it buys."""

from __future__ import annotations

import asyncio
import math
import statistics
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from bench.publishing import procfs
from bench.publishing.bare import bare_cores
from bench.publishing.clip import Clip
from bench.publishing.contenders import CONTENDERS, LKEDGE, Running, Stage, publishing
from bench.publishing.results import BARE, Row, at_least_sdk, at_most, at_most_of_bare, at_most_of_sdk
from bench.publishing.sniffer import Sniffer
from bench.publishing.viewing import ViewerHandle, viewing

WARM_UP_S = 6.0
"""libwebrtc's bandwidth estimator needs this long to give the top layer its full rate."""

PAUSED_AFTER_S = 6.0
"""Dynacast's pause of 1 s, the source's idle time of 2 s, and some."""

LEFT_AFTER_S = 18.0
"""The server tells up to 5 s late how many are left, 6 s after a change it is believed; sound that is published
anew waits 3 s for a listener, the source 2 s more, and some."""

TOP_WIDTH, LOW_WIDTH = 1280, 320
NANO = 1_000_000_000
Say = Callable[[str], None]


@dataclass(frozen=True)
class Scene:
    """One contender with everything about it."""

    running: Running
    viewer: ViewerHandle
    sniffer: Sniffer


@asynccontextmanager
async def watched(name: str, stage: Stage, room: str) -> AsyncIterator[Scene]:
    """That contender, publishing three layers at full rate to one viewer at HIGH."""
    server = stage.sfu.server
    with Sniffer(server.signal_port, server.udp_port) as sniffer:
        async with viewing(stage, room) as viewer, publishing(name, stage, room) as running:
            await viewer.expect(running.begun_ns, event="picture", width=TOP_WIDTH)
            await asyncio.sleep(WARM_UP_S)
            yield Scene(running, viewer, sniffer)


async def spent(running: Running, seconds: float) -> float:
    """Cores used by the publisher's processes over the next seconds."""
    begin_s, begin = running.cpu_s(), time.monotonic()
    await asyncio.sleep(seconds)
    return (running.cpu_s() - begin_s) / (time.monotonic() - begin)


async def measure_cpu(stage: Stage, clip: Path, seconds: float, rounds: int, say: Say) -> list[Row]:
    """The contenders take turns, and after each turn the bare codecs.

    seconds: at least; everybody publishes the whole clip equally often, for its parts differ in work and quality.
    """
    rows, seconds = _rows(stage.codec), _whole_passes(clip, seconds)
    for number in range(rounds):
        for name in CONTENDERS:
            say(f"CPU of {name}, round {number + 1} of {rounds}")
            async with watched(name, stage, f"cpu-{stage.codec}-{number}-{name}") as scene:
                await _measure(scene, rows, seconds)
            async with watched(name, replace(stage, sound=False), f"idle-{stage.codec}-{number}-{name}") as scene:
                await _measure_nobody(scene, rows["silent"], rows["silent wakes"], seconds)
        rows["high"].add(BARE, await bare_cores(clip, stage.codec, seconds))
        rows["paced"].add(BARE, await bare_cores(clip, stage.codec, seconds, paced=True))
        rows["low"].add(BARE, await bare_cores(clip, stage.codec, seconds, layers=1))
    return list(rows.values())


def _whole_passes(path: Path, seconds: float) -> float:
    once = Clip.open(path).seconds
    return math.ceil(seconds / once) * once


def _rows(codec: str) -> dict[str, Row]:
    factor = 0.6 if codec == "vp8" else 0.5
    return {
        "high": Row(f"{codec}: CPU, three layers and sound", "cores", (at_most_of_sdk(factor), at_most_of_bare(1.25))),
        "paced": Row("  next to bare at the clip's pace", "cores"),
        "daemon": Row("  of that the daemon", "cores"),
        "worker:picture": Row("  of that the worker of the picture", "cores"),
        "worker:tone": Row("  of that the worker of the sound", "cores"),
        "psnr": Row("  luma PSNR of the top layer", "dB", (at_least_sdk(),)),
        "frames": Row("  pictures decoded", "per s", (at_least_sdk(0.5),)),
        "f": Row("  sent in layer f", "kbit/s"),
        "h": Row("  sent in layer h", "kbit/s"),
        "q": Row("  sent in layer q", "kbit/s"),
        "low": Row(f"{codec}: CPU, lowest layer and sound", "cores", (at_most_of_sdk(0.5),)),
        "silent": Row(f"{codec}: CPU, nobody subscribed, no sound", "cores", (at_most(0.01),)),
        "silent wakes": Row("  wake-ups", "per s"),
        "left": Row(f"{codec}: CPU, everybody has left, with sound", "cores", (at_most(0.01),)),
        "left wakes": Row("  wake-ups", "per s"),
        "nobody": Row(f"{codec}: CPU, a former listener still in the room: sound goes on", "cores"),
        "wakes": Row("  wake-ups", "per s"),
    }


async def _measure(scene: Scene, rows: dict[str, Row], seconds: float) -> None:
    await _measure_high(scene, rows, seconds)
    await _measure_quality(scene, rows, seconds)
    await _measure_low(scene, rows, seconds)
    await _measure_nobody(scene, rows["nobody"], rows["wakes"], seconds)
    await scene.viewer.close()
    await asyncio.sleep(LEFT_AFTER_S)
    await _measure_idle(scene, rows["left"], rows["left wakes"], seconds)


async def _measure_high(scene: Scene, rows: dict[str, Row], seconds: float) -> None:
    running = scene.running
    begin_ns, begin = time.monotonic_ns(), running.cpu_by_process()
    cores = await spent(running, seconds)
    rows["high"].add(running.name, cores)
    rows["paced"].add(running.name, cores)
    elapsed_s, end = (time.monotonic_ns() - begin_ns) / NANO, running.cpu_by_process()
    if running.name == LKEDGE:
        for process, cpu_s in end.items():
            rows[process].add(LKEDGE, (cpu_s - begin[process]) / elapsed_s)
    report = await scene.viewer.report(begin_ns)
    rows["frames"].add(running.name, report["frames"] / elapsed_s)
    for layer, packets in zip("fhq", scene.sniffer.media_since(begin_ns).values(), strict=False):
        rows[layer].add(running.name, sum(packet.size for packet in packets) * 8 / 1000 / elapsed_s)


async def _measure_quality(scene: Scene, rows: dict[str, Row], seconds: float) -> None:
    """Apart from the CPU time, for comparing keeps a core busy."""
    begin_ns = await scene.viewer.order("compare on")
    await asyncio.sleep(seconds)
    await scene.viewer.order("compare off")
    report = await scene.viewer.report(begin_ns)
    if report["psnr_db"]:
        rows["psnr"].add(scene.running.name, statistics.fmean(report["psnr_db"]))


async def _measure_low(scene: Scene, rows: dict[str, Row], seconds: float) -> None:
    asked_ns = await scene.viewer.order("quality LOW")
    await scene.viewer.expect(asked_ns, event="picture", width=LOW_WIDTH)
    await asyncio.sleep(PAUSED_AFTER_S)
    rows["low"].add(scene.running.name, await spent(scene.running, seconds))


async def _measure_nobody(scene: Scene, cores: Row, wake_ups: Row, seconds: float) -> None:
    """Nobody watches and listens; the server does not say so of sound while the viewer is there."""
    await scene.viewer.order("picture off")
    if scene.running.has_sound:
        await scene.viewer.order("sound off")
    await asyncio.sleep(PAUSED_AFTER_S)
    await _measure_idle(scene, cores, wake_ups, seconds)


async def _measure_idle(scene: Scene, cores: Row, wake_ups: Row, seconds: float) -> None:
    pids, begin, before = scene.running.pids, time.monotonic(), procfs.wake_ups(scene.running.pids)
    cores.add(scene.running.name, await spent(scene.running, seconds))
    wake_ups.add(scene.running.name, (procfs.wake_ups(pids) - before) / (time.monotonic() - begin))
