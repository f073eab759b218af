"""`lkedge doctor --bench`: measures what only real hardware shows, and prints a block for a report."""

from __future__ import annotations

import datetime
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

import lkedge
from lkedge import interrupts
from lkedge.daemon.encoder_report import EncoderState, encoder_states
from lkedge.doctor import bench_plan
from lkedge.doctor.bench_plan import FLOOR_BITRATES, FLOOR_PICTURES, IMPORTED, PICTURES, SIZES, Camera
from lkedge.doctor.facts import Facts, Heat
from lkedge.doctor.files import Files
from lkedge.doctor.read_machine import read_board, read_heat, read_memory
from lkedge.plugin.api import DeviceGroup, DeviceInfo
from lkedge.plugin.manager import PluginManager
from lkedge.terms import TrackKind
from lkedge.worker.cascade import Cascade
from lkedge.worker.factories import make_scaler
from lkedge.worker.jsonable import from_json
from lkedge.worker.launch import worker_environment
from lkedge.worker.probing import probe_apart
from lkedge.worker.trial_launch import try_encoder
from lkedge.worker.trial_picture import MovingPicture
from lkedge.worker.trial_values import TrialLayer, TrialRequest, TrialResult

DEADLINE_S = 120.0
"""For one trial: 1080p in software on a Pi Zero takes a second a picture."""

CAMERA_S = 30.0
SCALED = 30
I420 = ("yuv420p",)

Tell = Callable[[str], None]
Section = tuple[str, list[str]]


def run_bench(plugins: PluginManager, *, as_json: bool, tell: Tell) -> int:
    """Measure and print; tell: says what is measured next. Returns the exit status."""
    sections = dict(measure(plugins, tell))
    if as_json:
        print(json.dumps(sections, indent=2))
    else:
        print(block(sections))
    return 0


def block(sections: dict[str, list[str]]) -> str:
    """To be pasted into a report as it is."""
    lines = [line for title, part in sections.items() for line in ("", f"{title}:", *(f"  {line}" for line in part))]
    return "\n".join(["```", *lines[1:], "```"])


def measure(plugins: PluginManager, tell: Tell) -> Iterator[Section]:
    """One section after the other; a minute or two."""
    before = read_heat(Files())
    # First of all, for it forks: what is measured below starts threads.
    devices, problems = probe_apart(plugins, TrackKind.VIDEO)
    yield "machine", _machine()
    tell("which encoders work here ...")
    usable = [state for state in encoder_states(plugins) if state.is_usable]
    yield "encoders", [f"{state.encoder.name:<14}{state.text or state.encoder.summary}" for state in usable]
    yield "speed, all layers at once", list(_speed(usable, plugins, tell))
    hardware = [state for state in usable if state.encoder.is_hardware]
    yield from _hardware(hardware, plugins, tell)
    tell("scaling ...")
    yield "scaling", [_scaling(width, height) for width, height in SIZES]
    yield "cameras", [*_cameras(devices, plugins, tell), *map(str, problems)] or ["none found"]
    yield "heat", [bench_plan.heat_line(before, _heat())]


def _machine() -> list[str]:
    files = Files()
    facts = Facts(board=read_board(files), memory=read_memory(files))
    return bench_plan.machine_lines(facts, lkedge.__version__, datetime.date.today().isoformat())


def _heat() -> Heat:
    return read_heat(Files())


def _speed(states: Sequence[EncoderState], plugins: PluginManager, tell: Tell) -> Iterator[str]:
    for state in states:
        for layers in bench_plan.ladders():
            tell(f"{state.encoder.name} at {layers[0].size} ...")
            yield bench_plan.speed_line(_tried(state, plugins, layers), layers)


def _hardware(states: Sequence[EncoderState], plugins: PluginManager, tell: Tell) -> Iterator[Section]:
    """What differs from driver to driver."""
    if not states:
        return
    tell("low bitrates, instances and DMABUF of the hardware encoders ...")
    yield "lowest bitrate", [_floor(state, plugins) for state in states]
    yield (
        "instances",
        [bench_plan.contexts_line(_tried(state, plugins, bench_plan.contexts(), pictures=4)) for state in states],
    )
    yield "DMABUF", [bench_plan.dmabuf_line(_tried(state, plugins, (IMPORTED,), dmabuf=True)) for state in states]


def _floor(state: EncoderState, plugins: PluginManager) -> str:
    results = {
        bitrate: _tried(state, plugins, (bench_plan.floor_layer(bitrate),), pictures=FLOOR_PICTURES)
        for bitrate in FLOOR_BITRATES
    }
    return bench_plan.floor_line(state.encoder.name, results)


def _tried(
    state: EncoderState,
    plugins: PluginManager,
    layers: tuple[TrialLayer, ...],
    *,
    pictures: int = PICTURES,
    dmabuf: bool = False,
) -> TrialResult:
    request = TrialRequest(state.encoder.name, state.encoder.codec, layers, plugins.targets, pictures)
    return try_encoder(replace(request, dmabuf=dmabuf), DEADLINE_S)


def _scaling(width: int, height: int) -> str:
    """From the full picture to both lower layers, each from the one above."""
    ladder = next(ladder for ladder in bench_plan.ladders() if ladder[0].size == f"{width}x{height}")
    clip, scaler = MovingPicture(width, height), make_scaler()
    times_ns = []
    for index in range(SCALED):
        cascade = Cascade(scaler, clip.at(index, bench_plan.FRAMERATE))
        begun_ns = time.perf_counter_ns()
        for layer in ladder[1:]:
            cascade.scale(layer.width, layer.height, I420)
        times_ns.append(time.perf_counter_ns() - begun_ns)
    return bench_plan.scaling_line([layer.size for layer in ladder], sum(times_ns[1:]) / (SCALED - 1) / 1e6)


def _cameras(devices: Sequence[DeviceInfo], plugins: PluginManager, tell: Tell) -> Iterator[str]:
    for device in devices:
        if device.section in (DeviceGroup.CAMERA, DeviceGroup.HDMI):
            tell(f"reading {device.name} ...")
            yield bench_plan.camera_line(read_camera(device, plugins.targets))


def read_camera(device: DeviceInfo, plugins: Sequence[str]) -> Camera:
    """Read it in a process of its own; one that hangs is killed."""
    request = json.dumps({"plugins": list(plugins), "config": device.config})
    try:
        return replace(from_json(Camera, json.loads(_answer_of(_start_reader(), request))), name=device.name)
    except subprocess.TimeoutExpired:
        return Camera(device.name, f"no answer within {CAMERA_S:g} s: it hangs")
    except (OSError, ValueError) as error:
        return Camera(device.name, f"its reader crashed: {error}")


def _start_reader() -> subprocess.Popen[bytes]:
    with interrupts.held():
        return subprocess.Popen(
            [sys.executable, "-P", "-m", "lkedge.doctor.capture_process", str(os.getpid())],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=worker_environment(),
        )


def _answer_of(process: subprocess.Popen[bytes], request: str) -> bytes:
    with process:
        try:
            answer, _ = process.communicate(request.encode(), CAMERA_S)
        finally:
            process.kill()
    return answer
