"""Which encoder a track gets at the start, and when the trials are done."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import threading
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import pytest

from lkedge.config.models import CaptureConfig, TrackConfig, VideoPublish
from lkedge.daemon.encoder_memory import EncoderMemory
from lkedge.daemon.encoder_trials import EncoderTrials
from lkedge.daemon.encoders import Encoders
from lkedge.plugin.api import EncoderRegistration
from lkedge.plugin.hookspecs import EncoderRequest, hookimpl
from lkedge.plugin.manager import PluginManager
from lkedge.terms import Codec, TrackSource
from lkedge.testing.fakes import FakeEncoder
from lkedge.worker.trial_launch import TrialProcess
from lkedge.worker.trial_values import LayerTrial, TrialRequest, TrialResult

ANSWER_S = 10


class Hardware:
    """A plugin with one hardware encoder, and perhaps an opinion."""

    def __init__(self, chooses: str | None = None) -> None:
        self._chooses = chooses

    @hookimpl
    def lkedge_register_encoders(self, register: Any) -> None:
        register(EncoderRegistration("m2m", Codec.H264, "in hardware", rank=200, video=FakeEncoder))

    @hookimpl
    def lkedge_choose_encoder(self, request: EncoderRequest, candidates: Sequence[EncoderRegistration]) -> str | None:
        return self._chooses


class FakeTrial:
    """A trial with a given end; one without `ms` hangs until it is killed."""

    def __init__(self, request: TrialRequest, ms: float | None, reason: str = "") -> None:
        self._request, self._ms, self._reason = request, ms, reason
        self.killed = threading.Event()

    def result(self, deadline_s: float = 0) -> TrialResult:
        if self._ms is None:
            assert self.killed.wait(ANSWER_S)
            return TrialResult(self._request.encoder, "killed")
        layers = tuple(LayerTrial(layer.rid, layer.width, layer.height, "", self._ms) for layer in self._request.layers)
        return TrialResult(self._request.encoder, self._reason, () if self._reason else layers)

    def kill(self) -> None:
        self.killed.set()


class Bench:
    """Encoders with trials that end as told; `used` gets the tracks that change their encoder."""

    def __init__(self, folder: Path, *, chooses: str | None = None, **ms: float | str | None) -> None:
        plugins = PluginManager(load_entry_points=False)
        plugins.add("hardware", Hardware(chooses), version="1.0")
        self.ms = ms
        self.tried: list[str] = []
        self.running: list[FakeTrial] = []
        self.used: asyncio.Queue[TrackConfig] = asyncio.Queue()
        memory = EncoderMemory(folder)
        self.memory = memory
        self.trials = EncoderTrials(plugins, memory, start_after_s=0, launch=self._launch)
        self.encoders = Encoders(plugins, self._use, trials=self.trials)

    def _use(self, began: TrackConfig, better: TrackConfig) -> None:
        assert replace(began, publish=better.publish) == better
        self.used.put_nowait(better)

    def _launch(self, request: TrialRequest) -> TrialProcess:
        self.tried.append(request.encoder)
        end = self.ms[request.encoder]
        trial = FakeTrial(request, 1.0, end) if isinstance(end, str) else FakeTrial(request, end)
        self.running.append(trial)
        return cast(TrialProcess, trial)


def track(name: str = "front", **publish: Any) -> TrackConfig:
    wanted = VideoPublish(**{"video_codec": Codec.H264, **publish})
    return TrackConfig(name, "testsrc", TrackSource.CAMERA, wanted, CaptureConfig(1280, 720, 30.0))


async def next_used(bench: Bench) -> str:
    async with asyncio.timeout(ANSWER_S):
        return (await bench.used.get()).publish.encoder


async def until_remembered(bench: Bench, count: int) -> None:
    async with asyncio.timeout(ANSWER_S):
        while len(bench.memory.trials) < count:
            await asyncio.sleep(0.005)


async def test_the_first_start_begins_in_software_and_goes_over_to_hardware(tmp_path: Path) -> None:
    bench = Bench(tmp_path, m2m=3.0)

    assert bench.encoders.with_encoder(track()).publish.encoder == "x264"
    bench.encoders.start()

    assert await next_used(bench) == "", "by rank, so that the worker may fall back"
    await bench.encoders.stop()


async def test_the_next_start_has_the_answer_and_tries_nothing(tmp_path: Path) -> None:
    first = Bench(tmp_path, m2m=3.0)
    first.encoders.with_encoder(track())
    first.encoders.start()
    await next_used(first)
    await first.encoders.stop()

    second = Bench(tmp_path)

    assert second.encoders.with_encoder(track()).publish.encoder == ""
    second.encoders.start()
    await second.encoders.stop()
    assert second.tried == []


async def test_hardware_that_fails_leaves_the_track_in_software_and_is_tried_at_the_next_start(tmp_path: Path) -> None:
    for _ in range(2):
        bench = Bench(tmp_path, m2m="no memory")
        assert bench.encoders.with_encoder(track()).publish.encoder == "x264"
        bench.encoders.start()
        await until_remembered(bench, 1)
        await bench.encoders.stop()
        assert bench.tried == ["m2m"]
        assert bench.used.empty()


async def test_slow_hardware_is_compared_with_software(tmp_path: Path) -> None:
    bench = Bench(tmp_path, m2m=20.0, x264=40.0)
    bench.encoders.with_encoder(track())
    bench.encoders.start()

    assert await next_used(bench) == ""
    assert bench.tried == ["m2m", "x264"]
    await bench.encoders.stop()


async def test_tracks_of_the_same_sizes_share_a_trial(tmp_path: Path) -> None:
    bench = Bench(tmp_path, m2m=3.0)
    for name in ("front", "back"):
        bench.encoders.with_encoder(track(name))
    bench.encoders.start()

    assert [await next_used(bench), await next_used(bench)] == ["", ""]
    assert bench.tried == ["m2m"]
    await bench.encoders.stop()


async def test_stopping_ends_a_trial_that_hangs(tmp_path: Path) -> None:
    bench = Bench(tmp_path, m2m=None)
    bench.encoders.with_encoder(track())
    bench.encoders.start()
    async with asyncio.timeout(ANSWER_S):
        while not bench.running:
            await asyncio.sleep(0.005)

    await bench.encoders.stop()

    assert bench.running[0].killed.is_set()
    assert bench.memory.trials == ()


@pytest.mark.parametrize(
    ("chooses", "publish", "encoder"),
    [
        (None, {"encoder": "m2m"}, "m2m"),
        (None, {"encoder": "x264"}, "x264"),
        ("x264", {}, "x264"),
        (None, {"video_codec": Codec.VP8}, ""),
    ],
    ids=["configured hardware", "configured software", "a plugin's choice", "software only"],
)
async def test_what_needs_no_trial(tmp_path: Path, chooses: str | None, publish: dict[str, Any], encoder: str) -> None:
    bench = Bench(tmp_path, chooses=chooses)

    assert bench.encoders.with_encoder(track(**publish)).publish.encoder == encoder
    bench.encoders.start()
    await bench.encoders.stop()
    assert bench.tried == []


SOFTWARE_ONLY = """
import sys
from lkedge.config.models import TrackConfig, VideoPublish
from lkedge.daemon.encoders import Encoders
from lkedge.plugin.manager import PluginManager
from lkedge.terms import Codec, TrackSource
encoders = Encoders(PluginManager(load_entry_points=False))
for codec in (Codec.H264, Codec.VP8):
    encoders.with_encoder(TrackConfig("front", "testsrc", TrackSource.CAMERA, VideoPublish(video_codec=codec)))
print(*(name for name in sys.modules if "encoder_" in name or "trial" in name))
"""


def test_a_machine_with_software_only_does_not_even_import_what_tries() -> None:
    done = subprocess.run([sys.executable, "-c", SOFTWARE_ONLY], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.split() == []
