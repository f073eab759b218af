# lkedge: pure
"""What is measured, and how the results read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from lkedge.config.models import VideoPublish
from lkedge.doctor.facts import MEBIBYTE, Facts, Heat
from lkedge.terms import BitsPerSecond, Rid
from lkedge.worker.trial_values import LayerTrial, TrialLayer, TrialResult, trial_layers

SIZES = ((1920, 1080), (1280, 720), (640, 360))
FRAMERATE = 30.0

PICTURES = 60
FLOOR_PICTURES = 90
FLOOR_BITRATES = (1_000_000, 400_000, 200_000, 100_000, 50_000, 25_000)

CONTEXTS = 16
"""Opened at the same time, at most; a track has three."""

SMALL = TrialLayer(Rid(""), 160, 90, 5.0, BitsPerSecond(60_000))
MIDDLE = TrialLayer(Rid(""), 640, 360, 15.0, BitsPerSecond(400_000))

IMPORTED = TrialLayer(Rid(""), 1280, 720, 15.0, BitsPerSecond(1_000_000))
"""Both sides are multiples of 16, so that drivers agree on where the planes lie."""


@dataclass(frozen=True, slots=True)
class Camera:
    """One camera that was read. Times in milliseconds; latency: from the time of a picture to its delivery."""

    name: str
    problem: str = ""
    size: str = ""
    framerate: float = 0.0
    open_ms: float = 0.0
    first_ms: float = 0.0
    latency_ms: float = 0.0
    worst_latency_ms: float = 0.0


def ladders() -> list[tuple[TrialLayer, ...]]:
    """The layers of a camera of each size, in simulcast."""
    return [trial_layers(VideoPublish().layers(width, height, FRAMERATE)) for width, height in SIZES]


def floor_layer(bitrate: int) -> TrialLayer:
    return TrialLayer(MIDDLE.rid, MIDDLE.width, MIDDLE.height, MIDDLE.framerate, BitsPerSecond(bitrate))


def contexts() -> tuple[TrialLayer, ...]:
    return tuple(
        TrialLayer(Rid(str(number)), SMALL.width, SMALL.height, SMALL.framerate, SMALL.bitrate)
        for number in range(CONTEXTS)
    )


def machine_lines(facts: Facts, version: str, day: str) -> list[str]:
    """What the numbers belong to."""
    board, memory = facts.board, facts.memory
    cma = "" if memory.cma_total is None else f", CMA {memory.cma_total // MEBIBYTE} MB"
    return [
        f"lkedge {version}, {day}",
        f"board    {board.model or 'unknown'} ({', '.join(board.chips) or board.architecture}), {board.cores} cores",
        f"system   Linux {board.kernel}, {memory.total // MEBIBYTE} MB{cma}",
    ]


def speed_line(result: TrialResult, layers: Sequence[TrialLayer]) -> str:
    """One encoder at one size, in all layers at once."""
    name = f"{result.encoder:<14}{layers[0].size:<10}"
    if not result.is_usable:
        return f"{name} {result.reason}"
    rates = {layer.rid: layer.framerate for layer in layers}
    load = sum(layer.ms * rates[layer.rid] for layer in result.layers) / 1000
    parts = ", ".join(f"{layer.size} {_outcome(layer)}" for layer in result.layers)
    return f"{name} {result.ms:7.1f} ms a picture, busy {load:4.0%}  ({parts})"


def floor_line(encoder: str, results: Mapping[int, TrialResult]) -> str:
    """What came out for each bitrate that was asked for."""
    parts = [f"{wanted // 1000} -> {_came_out(result)}" for wanted, result in results.items()]
    return f"{encoder:<14}{MIDDLE.size} at {MIDDLE.framerate:g}/s, kbit/s: {', '.join(parts)}"


def contexts_line(result: TrialResult) -> str:
    working = sum(not layer.reason for layer in result.layers)
    if not result.layers:
        return f"{result.encoder:<14}{result.reason}"
    limit = f": {result.refused[0].reason}" if result.refused else f" (no more than {CONTEXTS} are tried)"
    return f"{result.encoder:<14}{working} at once{limit}"


def dmabuf_line(result: TrialResult) -> str:
    return f"{result.encoder:<14}{'imported' if result.is_usable else f'not imported: {result.reason}'}"


def scaling_line(steps: Sequence[str], ms: float) -> str:
    return f"{' -> '.join(steps)}: {ms:.2f} ms"


def camera_line(camera: Camera) -> str:
    if camera.problem:
        return f"{camera.name}: {camera.problem}"
    return (
        f"{camera.name}: {camera.size} at {camera.framerate:.1f}/s, opened in {camera.open_ms:.0f} ms, first picture "
        f"{camera.first_ms:.0f} ms later, latency {camera.latency_ms:.1f} ms (worst {camera.worst_latency_ms:.1f})"
    )


def heat_line(before: Heat, after: Heat) -> str:
    return f"before {_heat(before)}, after {_heat(after)}"


def _outcome(layer: LayerTrial) -> str:
    return layer.reason or f"{layer.ms:.1f} ms"


def _came_out(result: TrialResult) -> str:
    return str(result.layers[0].bitrate // 1000) if result.is_usable else "fails"


def _heat(heat: Heat) -> str:
    celsius = "unknown temperature" if heat.celsius is None else f"{heat.celsius:.0f} °C"
    return celsius if heat.throttled is None else f"{celsius} (throttled={heat.throttled:#x})"
