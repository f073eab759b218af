"""From capture to decode in the top layer, by the clock in the picture."""

from __future__ import annotations

import asyncio
import time

import numpy as np

from bench.publishing.contenders import CONTENDERS, Stage
from bench.publishing.cpu import Say, watched
from bench.publishing.results import Row, at_most_of_sdk


async def measure_latency(stage: Stage, seconds: float, rounds: int, say: Say) -> list[Row]:
    """stage: with the pictures of `testsrc`, which carry the time of their capture. The contenders take turns."""
    rows = {
        share: Row(f"{stage.codec}: capture to decode, p{share}", "ms", (at_most_of_sdk(0.8),)) for share in (50, 95)
    }
    gaps = Row("  longest gap between pictures", "ms")
    for number in range(rounds):
        for name in CONTENDERS:
            say(f"latency of {name}, round {number + 1} of {rounds}")
            async with watched(name, stage, f"latency-{stage.codec}-{number}-{name}") as scene:
                begin_ns = time.monotonic_ns()
                await asyncio.sleep(seconds)
                report = await scene.viewer.report(begin_ns)
            for share, row in rows.items():
                row.add(name, float(np.percentile(report["ages_ms"], share)))
            gaps.add(name, report["longest_gap_ms"])
    return [*rows.values(), gaps]
