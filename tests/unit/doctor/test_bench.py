"""How measurements read, and the measuring of a camera in its process."""

from __future__ import annotations

from pathlib import Path

import pytest

from lkedge.doctor import bench_plan
from lkedge.doctor.bench import block, read_camera
from lkedge.doctor.bench_plan import Camera
from lkedge.doctor.capture_process import measured
from lkedge.doctor.facts import Heat
from lkedge.plugin.api import DeviceInfo
from lkedge.terms import Rid, TrackKind
from lkedge.worker.trial_values import LayerTrial, TrialResult
from tests.unit.doctor.machines import PI_4

LAYERS = bench_plan.ladders()[1]

CONFIG = '[[track]]\nname = "wall"\nsource = "{}"\ncapture = {{ width = 160, height = 90, framerate = 60 }}\n'

PLUGIN = """
import threading
from lkedge.plugin.api import SourceRegistration
from lkedge.plugin.hookspecs import hookimpl
from lkedge.terms import TrackKind

def hang(capture, options):
    threading.Event().wait()

@hookimpl
def lkedge_register_sources(register):
    register(SourceRegistration("hanging", frozenset({TrackKind.VIDEO}), "", video=hang))
"""


def device(source: str) -> DeviceInfo:
    return DeviceInfo("builtin", "Wall camera", TrackKind.VIDEO, CONFIG.format(source))


def test_the_machine() -> None:
    assert bench_plan.machine_lines(PI_4, "0.1.0", "2026-11-22") == [
        "lkedge 0.1.0, 2026-11-22",
        "board    Raspberry Pi 4 Model B Rev 1.4 (raspberrypi,4-model-b, brcm,bcm2711), 4 cores",
        "system   Linux 6.12.34+rpt-rpi-v8, 3794 MB, CMA 512 MB",
    ]


def test_the_speed_counts_each_layer_at_its_own_rate() -> None:
    times = zip(LAYERS, (12.0, 4.0, 2.0), strict=True)
    result = TrialResult(
        "m2m", "", tuple(LayerTrial(layer.rid, layer.width, layer.height, "", ms) for layer, ms in times)
    )

    line = bench_plan.speed_line(result, LAYERS)

    assert "18.0 ms a picture, busy  48%" in line
    assert "(1280x720 12.0 ms, 640x360 4.0 ms, 320x180 2.0 ms)" in line


def test_an_encoder_that_cannot_do_a_size_says_why() -> None:
    assert bench_plan.speed_line(TrialResult("m2m", "too large"), LAYERS).endswith("too large")


def test_the_lowest_bitrate() -> None:
    def came_out(bitrate: int) -> TrialResult:
        return TrialResult("m2m", "", (LayerTrial(Rid(""), 640, 360, "", 3.0, bitrate),))

    results = {400_000: came_out(391_000), 50_000: came_out(121_000), 25_000: TrialResult("m2m", "refused")}

    assert bench_plan.floor_line("m2m", results).endswith("400 -> 391, 50 -> 121, 25 -> fails")


def test_instances() -> None:
    refused = LayerTrial(Rid("2"), 160, 90, "no memory")
    working = LayerTrial(Rid("1"), 160, 90, "", 1.0, 60_000)

    assert bench_plan.contexts_line(TrialResult("m2m", "", (working, refused))).endswith("1 at once: no memory")
    assert "no more than 16" in bench_plan.contexts_line(TrialResult("m2m", "", (working,) * 16))


def test_dmabuf_scaling_and_heat() -> None:
    assert bench_plan.dmabuf_line(TrialResult("m2m")).endswith("imported")
    assert bench_plan.dmabuf_line(TrialResult("m2m", "no heap")).endswith("not imported: no heap")
    assert bench_plan.scaling_line(["1280x720", "640x360"], 1.234) == "1280x720 -> 640x360: 1.23 ms"
    assert bench_plan.heat_line(Heat(48.2, 0), Heat(61.7, 0x80008)) == (
        "before 48 °C (throttled=0x0), after 62 °C (throttled=0x80008)"
    )


def test_a_block_to_paste() -> None:
    assert block({"machine": ["a", "b"], "heat": ["c"]}) == "```\nmachine:\n  a\n  b\n\nheat:\n  c\n```"


def test_latency_is_from_the_picture_to_its_delivery_without_the_beginning() -> None:
    times = [(index * 40_000_000, index * 40_000_000 + (90 if index < 5 else 10) * 1_000_000) for index in range(20)]

    camera = measured("front", "640x360", 3_000_000, 0, times)

    assert (camera.latency_ms, camera.worst_latency_ms, camera.framerate) == (10.0, 10.0, 25.0)
    assert (camera.open_ms, camera.first_ms) == (3.0, 90.0)


def test_a_camera_is_read_in_a_process() -> None:
    camera = read_camera(device("testsrc"), ())

    assert camera.problem == ""
    assert (camera.name, camera.size) == ("Wall camera", "160x90")
    assert camera.framerate > 1


def test_one_that_cannot_be_read_is_a_line() -> None:
    assert "KeyError" in read_camera(device("nothing"), ()).problem
    assert bench_plan.camera_line(Camera("front", "it is gone")) == "front: it is gone"


def test_one_that_hangs_is_killed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "bench_plugin.py").write_text(PLUGIN)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setattr("lkedge.doctor.bench.CAMERA_S", 2.0)

    assert "it hangs" in read_camera(device("hanging"), ("bench_plugin",)).problem
