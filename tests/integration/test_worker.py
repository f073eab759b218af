"""Workers as real processes and as threads: what they deliver, and what happens when they die."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from lkedge.media.layers import LayerPlan, LayerState
from lkedge.plugin.api import VideoCaptureSettings
from lkedge.terms import BitsPerSecond, Codec, Isolation, Rid
from lkedge.testing.worker_recorder import WorkerRecorder, recorded_worker
from lkedge.worker.events import (
    ControlRefused,
    ControlSet,
    ControlsListed,
    EncoderFailed,
    EncoderOpened,
    SourceClosed,
    SourceCondition,
    SourceFailed,
    SourceFinished,
    SourceOpened,
    WorkerDied,
    WorkerStats,
)
from lkedge.worker.host import WorkerHost
from lkedge.worker.spec import AudioPlan, AudioWorkerSpec, VideoWorkerSpec, WorkerSpec

PLUGINS = ("lkedge.testing.fakes_plugin",)
DEADLINE_S = 15.0
SIZES = {"q": (80, 45), "h": (160, 90), "f": (320, 180)}
BOTH = pytest.mark.parametrize("isolation", list(Isolation))


def plan(active: str, *, capture: bool = True, bitrate: int = 200_000, framerate: float = 50.0) -> LayerPlan:
    """All three layers; those named in `active` run."""
    layers = (
        LayerState(Rid(rid), rid in active, width, height & ~1, BitsPerSecond(bitrate), framerate)
        for rid, (width, height) in SIZES.items()
    )
    return LayerPlan(tuple(layers), capture)


def spec(source: str = "pattern", encoder: str = "fake-vp8", **changes: Any) -> VideoWorkerSpec:
    return VideoWorkerSpec("front", source, encoder=encoder, **changes)


@asynccontextmanager
async def running(
    worker_spec: WorkerSpec, isolation: Isolation = Isolation.PROCESS
) -> AsyncIterator[tuple[WorkerHost, WorkerRecorder]]:
    async with recorded_worker(worker_spec, PLUGINS, isolation) as both:
        yield both


@BOTH
async def test_source_opens_at_once_but_no_layer_runs_before_a_plan(isolation: Isolation) -> None:
    async with running(spec(), isolation) as (_, recorder):
        await recorder.until(lambda: recorder.of(SourceOpened) and len(recorder.of(WorkerStats)) >= 2)
    assert recorder.of(SourceOpened)[0].video.width == 320
    assert recorder.of(WorkerStats)[-1].captured > 0
    assert recorder.frames == []


@BOTH
async def test_layers_of_one_picture_share_the_capture_time(isolation: Isolation) -> None:
    async with running(spec(), isolation) as (host, recorder):
        host.apply(plan("qhf"))
        await recorder.frames_of("q", 10)
    first = {rid: recorder.layer(rid)[0] for rid in SIZES}
    assert all(frame.is_key for frame in first.values())
    assert len({frame.captured_ns for frame in first.values()}) == 1
    assert recorder.frames[0].rid == "f"
    assert (first["h"].width, first["h"].height) == (160, 90)


@BOTH
async def test_layer_that_is_switched_off_and_on_begins_with_a_key_frame(isolation: Isolation) -> None:
    async with running(spec(), isolation) as (host, recorder):
        host.apply(plan("qf"))
        await recorder.frames_of("f", 3)
        host.apply(plan("q"))
        await recorder.frames_of("q", 3)
        count = len(recorder.layer("f"))
        await recorder.frames_of("q", 5)
        assert len(recorder.layer("f")) == count
        host.apply(plan("qf"))
        again = await recorder.frames_of("f", 3)
    assert [frame.is_key for frame in again] == [True, False, False]


async def test_bitrate_changes_without_a_key_frame() -> None:
    async with running(spec()) as (host, recorder):
        host.apply(plan("f"))
        await recorder.frames_of("f", 3)
        host.apply(plan("f", bitrate=90_000))
        await recorder.until(lambda: recorder.layer("f")[-1].data.endswith(b":90000"))
    assert [frame.is_key for frame in recorder.layer("f")].count(True) == 1


async def test_key_frame_on_request_for_one_layer_only() -> None:
    async with running(spec()) as (host, recorder):
        host.apply(plan("qf"))
        await recorder.frames_of("f", 3)
        host.request_key_frame(Rid("f"))
        await recorder.until(lambda: sum(frame.is_key for frame in recorder.layer("f")) == 2)
    assert sum(frame.is_key for frame in recorder.layer("q")) == 1


@BOTH
async def test_plan_without_capture_releases_the_source_and_brings_it_back(isolation: Isolation) -> None:
    async with running(spec(), isolation) as (host, recorder):
        host.apply(plan("f"))
        await recorder.frames_of("f", 3)
        host.apply(plan("", capture=False))
        await recorder.until(lambda: recorder.of(SourceClosed))
        host.apply(plan("f"))
        again = await recorder.frames_of("f", 2)
    assert again[0].is_key
    assert len(recorder.of(SourceOpened)) == 2


@pytest.mark.parametrize("death", [signal.SIGKILL, signal.SIGSEGV])
async def test_killed_worker_is_replaced_with_its_plan(death: signal.Signals) -> None:
    async with running(spec()) as (host, recorder):
        host.apply(plan("f"))
        await recorder.frames_of("f", 3)
        first = host.pid
        assert first is not None
        count = len(recorder.frames)
        os.kill(first, death)
        await recorder.until(lambda: recorder.of(WorkerDied) and len(recorder.frames) > count + 3)
        assert host.pid not in (None, first)
    assert death.name in recorder.of(WorkerDied)[0].reason
    assert host.restarts == 1
    after = [frame for frame in recorder.frames[count:] if frame.is_key]
    assert after


async def test_source_that_crashes_the_process_comes_back(tmp_path: Path) -> None:
    options = {"fault": "segv", "once_file": str(tmp_path / "crashed")}
    async with running(spec("flaky", options=options)) as (host, recorder):
        host.apply(plan("f"))
        await recorder.until(lambda: recorder.of(WorkerDied) and len(recorder.of(SourceOpened)) == 2)
        await recorder.frames_of("f", 3)
    assert "SIGSEGV" in recorder.of(WorkerDied)[0].reason


async def test_hanging_source_is_replaced() -> None:
    async with running(spec("hanging", stall_after_s=1.2)) as (host, recorder):
        host.apply(plan("f"))
        await recorder.until(lambda: recorder.of(WorkerDied))
        await recorder.until(lambda: len(recorder.of(SourceOpened)) == 2)
    assert "delivered nothing" in recorder.of(WorkerDied)[0].reason


@BOTH
async def test_lost_source_is_opened_again(isolation: Isolation, tmp_path: Path) -> None:
    options = {"fault": "lost", "once_file": str(tmp_path / "lost")}
    async with running(spec("flaky", options=options), isolation) as (host, recorder):
        host.apply(plan("f"))
        await recorder.until(lambda: len(recorder.of(SourceOpened)) == 2)
        again = await recorder.frames_of("f", 2)
    assert recorder.of(SourceFailed) == [SourceFailed("flaky: the device is gone", True)]
    assert again
    assert not recorder.of(WorkerDied)


@BOTH
async def test_stuck_source_says_why_and_gets_another_worker(isolation: Isolation, tmp_path: Path) -> None:
    options = {"fault": "stuck", "once_file": str(tmp_path / "once")}
    async with running(spec("flaky", options=options), isolation) as (host, recorder):
        host.apply(plan("q"))
        await recorder.until(lambda: recorder.of(WorkerDied))
        assert recorder.of(SourceFailed) == [SourceFailed("flaky: its library hangs", True)]
        await recorder.frames_of("q", 3)

    assert host.restarts == 1


async def test_missing_source_is_reported_once_and_tried_again() -> None:
    options = {"fault": "unavailable"}
    async with running(spec("flaky", options=options)) as (_, recorder):
        await recorder.until(lambda: len(recorder.of(WorkerStats)) >= 3)
    assert recorder.of(SourceFailed) == [SourceFailed("flaky: the device is missing; plug it in", True)]


async def test_any_exception_of_a_source_is_one_sentence_with_its_name() -> None:
    async with running(spec("flaky", options={"fault": "error"})) as (_, recorder):
        await recorder.until(lambda: recorder.of(SourceFailed))
    assert recorder.of(SourceFailed)[0].reason == "flaky: KeyError: 'plane 3'"


async def test_source_whose_clock_goes_back_has_failed() -> None:
    async with running(spec("flaky", options={"fault": "backwards"})) as (_, recorder):
        await recorder.until(lambda: recorder.of(SourceFailed))
    assert "capture time went back" in recorder.of(SourceFailed)[0].reason


async def test_finished_source_is_reported_and_left_alone() -> None:
    async with running(spec("flaky", options={"fault": "ends"})) as (_, recorder):
        await recorder.until(lambda: recorder.of(SourceFinished))
        await recorder.until(lambda: recorder.of(WorkerStats)[-1].source == "finished")
    assert len(recorder.of(SourceOpened)) == 1


async def test_unknown_source_names_those_there_are() -> None:
    async with running(spec("webcam")) as (_, recorder):
        await recorder.until(lambda: recorder.of(SourceFailed))
    failure = recorder.of(SourceFailed)[0]
    assert failure.reason.startswith("webcam: no plugin offers this source; there are ")
    assert "pattern" in failure.reason
    assert not failure.retryable


async def test_next_encoder_takes_over_from_a_broken_one() -> None:
    async with running(spec(encoder="broken-vp8")) as (host, recorder):
        host.apply(plan("f"))
        await recorder.frames_of("f", 40)
    assert [event.encoder for event in recorder.of(EncoderOpened)] == ["broken-vp8", "broken-vp8", "vp8"]
    assert not recorder.of(EncoderFailed)


async def test_layer_without_a_working_encoder_leaves_the_others_alone() -> None:
    odd = LayerPlan(
        (
            LayerState(Rid("q"), True, 80, 44, BitsPerSecond(90_000), 50.0),
            LayerState(Rid("h"), True, 3, 3, BitsPerSecond(90_000), 50.0),
        ),
        True,
    )
    async with running(spec(codec=Codec.H264, encoder="x264")) as (host, recorder):
        host.apply(odd)
        await recorder.until(lambda: recorder.of(EncoderFailed) and len(recorder.layer("q")) > 5)
    assert recorder.of(EncoderFailed)[0].rid == "h"


async def test_encoded_source_is_passed_through_from_a_key_frame_on() -> None:
    async with running(spec("encoded", codec=Codec.H264, encoder="")) as (host, recorder):
        await recorder.until(lambda: recorder.of(SourceOpened))
        host.apply(plan("f"))
        frames = await recorder.frames_of("f", 5)
        keys = sum(frame.is_key for frame in recorder.frames)
        host.request_key_frame(Rid("f"))
        await recorder.until(lambda: sum(frame.is_key for frame in recorder.frames) > keys)
    assert frames[0].is_key
    assert frames[0].codec is Codec.H264
    assert recorder.of(SourceOpened)[0].video.codec is Codec.H264


async def test_worker_that_sends_garbage_is_replaced(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lkedge.worker.launch.PROGRAM", "tests.integration.garbage_worker")
    monkeypatch.setenv("PYTHONPATH", os.getcwd())
    monkeypatch.syspath_prepend(os.getcwd())
    async with running(spec()) as (_, recorder):
        await recorder.until(lambda: recorder.of(WorkerDied))
    assert "nonsense" in recorder.of(WorkerDied)[0].reason


async def test_worker_dies_with_the_daemon() -> None:
    code = (
        "import asyncio\n"
        "from lkedge.terms import Isolation\n"
        "from lkedge.worker.host import WorkerHost\n"
        "from lkedge.worker.spec import VideoWorkerSpec\n"
        "async def main():\n"
        "    host = WorkerHost(VideoWorkerSpec('front', 'testsrc'), isolation=Isolation.PROCESS,\n"
        "                      on_frame=print, on_event=lambda event: print(host.pid, flush=True))\n"
        "    host.start()\n"
        "    await asyncio.sleep(60)\n"
        "asyncio.run(main())\n"
    )
    daemon = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    assert daemon.stdout is not None
    worker = int(daemon.stdout.readline())
    daemon.kill()
    daemon.wait()
    daemon.stdout.close()
    async with asyncio.timeout(DEADLINE_S):
        while is_running(worker):
            await asyncio.sleep(0.01)


async def test_stop_kills_a_worker_that_does_not_end() -> None:
    async with running(spec()) as (host, recorder):
        await recorder.until(lambda: recorder.of(SourceOpened))
        pid = host.pid
        assert pid is not None
        os.kill(pid, signal.SIGSTOP)
    assert not is_running(pid)


@BOTH
async def test_tone_is_encoded_while_its_plan_is_active(isolation: Isolation) -> None:
    async with running(AudioWorkerSpec("mic", "tone"), isolation) as (host, recorder):
        await recorder.until(lambda: recorder.of(SourceOpened))
        assert recorder.frames == []
        host.apply(AudioPlan(True, BitsPerSecond(32_000)))
        frames = await recorder.frames_of("", 10)
        host.apply(AudioPlan(False, BitsPerSecond(32_000), capture=False))
        await recorder.until(lambda: recorder.of(SourceClosed))
    steps = {later.captured_ns - earlier.captured_ns for earlier, later in pairwise(frames)}
    assert steps == {20_000_000}
    assert frames[0].codec is Codec.OPUS


async def test_test_picture_is_published_in_vp8() -> None:
    capture = VideoCaptureSettings(320, 180, 30.0)
    async with running(VideoWorkerSpec("front", "testsrc", capture=capture)) as (host, recorder):
        host.apply(plan("q", framerate=15.0))
        frames = await recorder.frames_of("q", 6)
    steps_ms = [(later.captured_ns - earlier.captured_ns) / 1e6 for earlier, later in pairwise(frames)]
    assert min(steps_ms) > 50
    assert recorder.of(EncoderOpened)[0].encoder == "vp8"


@BOTH
async def test_control_is_set_and_listed(isolation: Isolation) -> None:
    async with running(VideoWorkerSpec("front", "testsrc"), isolation) as (host, recorder):
        await recorder.until(lambda: recorder.of(ControlsListed))
        request = host.set_control("speed", 3)
        await recorder.until(lambda: listed(recorder).get("speed") == 3.0)
    assert recorder.of(ControlSet) == [ControlSet("speed", 3, request)]


async def test_refused_control_says_why_and_changes_nothing() -> None:
    async with running(VideoWorkerSpec("front", "testsrc")) as (host, recorder):
        await recorder.until(lambda: recorder.of(ControlsListed))
        requests = [host.set_control("speed", 11), host.set_control("zoom", 2)]
        await recorder.until(lambda: len(recorder.of(ControlRefused)) == 2)
        assert listed(recorder)["speed"] == 1.0
    out_of_range, unknown = recorder.of(ControlRefused)
    assert [out_of_range.request, unknown.request] == requests
    assert out_of_range.reason == "testsrc: control 'speed' cannot be 11; allowed is a number from 0 to 10"
    assert unknown.reason == "testsrc: there is no control 'zoom'; there are: speed, label"


async def test_killed_worker_gets_its_controls_back() -> None:
    async with running(VideoWorkerSpec("front", "testsrc")) as (host, recorder):
        await recorder.until(lambda: recorder.of(ControlsListed))
        host.set_control("speed", 3)
        host.set_control("label", "DOOR")
        await recorder.until(lambda: len(recorder.of(ControlSet)) == 2)
        pid = host.pid
        assert pid is not None
        os.kill(pid, signal.SIGKILL)
        await recorder.until(lambda: recorder.of(WorkerDied))
        count = len(recorder.events)
        await recorder.until(lambda: any(isinstance(event, ControlsListed) for event in recorder.events[count:]))
        assert listed(recorder) == {"speed": 3, "label": "DOOR"}
    assert len(recorder.of(ControlSet)) == 2


@BOTH
async def test_source_that_is_opened_again_gets_its_controls_and_condition_back(isolation: Isolation) -> None:
    async with running(spec("controlled"), isolation) as (host, recorder):
        await recorder.until(lambda: recorder.of(ControlsListed))
        host.set_control("signal", False)
        await recorder.until(lambda: recorder.of(SourceCondition))
        host.apply(plan("", capture=False))
        await recorder.until(lambda: recorder.of(SourceClosed))
        host.apply(plan("f"))
        await recorder.until(lambda: len(recorder.of(SourceCondition)) == 3)
    assert [event.text for event in recorder.of(SourceCondition)[:3]] == ["no signal", "", "no signal"]


async def test_released_source_refuses_controls() -> None:
    async with running(spec("controlled")) as (host, recorder):
        await recorder.until(lambda: recorder.of(SourceOpened))
        host.apply(plan("", capture=False))
        await recorder.until(lambda: recorder.of(SourceClosed))
        host.set_control("brightness", 1)
        await recorder.until(lambda: recorder.of(ControlRefused))
    assert "the source is not open" in recorder.of(ControlRefused)[0].reason


async def test_source_of_sound_without_controls_refuses_them() -> None:
    async with running(AudioWorkerSpec("mic", "tone")) as (host, recorder):
        await recorder.until(lambda: recorder.of(SourceOpened))
        host.set_control("volume", 1)
        await recorder.until(lambda: recorder.of(ControlRefused))
    assert recorder.of(ControlRefused)[0].reason == "tone: there is no control 'volume': this source has none"


async def test_flood_of_controls_is_answered_one_by_one() -> None:
    async with running(spec("controlled")) as (host, recorder):
        await recorder.until(lambda: recorder.of(ControlsListed))
        requests = [host.set_control("brightness", value) for value in range(200)]
        await recorder.until(lambda: len(recorder.of(ControlSet)) + len(recorder.of(ControlRefused)) == 200)
        assert host.restarts == 0
    answered = [event.request for event in recorder.events if isinstance(event, ControlSet | ControlRefused)]
    assert sorted(answered) == requests


def listed(recorder: WorkerRecorder) -> dict[str, Any]:
    """The newest controls with their values."""
    lists = recorder.of(ControlsListed)
    return {control.name: control.value for control in lists[-1].controls} if lists else {}


def is_running(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state != "Z"
