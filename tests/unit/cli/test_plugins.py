from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from lkedge.cli import main
from lkedge.cli.plugins import encoder_facts
from lkedge.daemon.encoder_memory import EncoderMemory
from lkedge.daemon.encoder_report import EncoderState, encoder_states, usual_layers
from lkedge.plugin.api import EncoderRegistration
from lkedge.plugin.hookspecs import hookimpl
from lkedge.plugin.manager import PluginManager
from lkedge.terms import Codec
from lkedge.testing.fakes import FakeEncoder
from lkedge.worker.trial_values import LayerTrial, TrialRequest, TrialResult

QUICK = EncoderRegistration("quick", Codec.H264, "H.264 in hardware", 200, video=FakeEncoder)


class Quick:
    @hookimpl
    def lkedge_register_encoders(self, register: Any) -> None:
        register(QUICK)


@pytest.fixture
def plugins() -> PluginManager:
    manager = PluginManager(load_entry_points=False)
    manager.add("quick", Quick(), version="1.0")
    return manager


class Trials:
    """Runs trials that end as told; each takes a millisecond for each layer."""

    def __init__(self, reason: str = "") -> None:
        self.reason = reason
        self.tried: list[str] = []

    def __call__(self, request: TrialRequest) -> TrialResult:
        self.tried.append(request.encoder)
        layers = tuple(LayerTrial(layer.rid, layer.width, layer.height, "", 1.0) for layer in request.layers)
        return TrialResult(request.encoder, self.reason, () if self.reason else layers)


def states(plugins: PluginManager, folder: Path, trials: Trials, **options: Any) -> dict[str, EncoderState]:
    found = encoder_states(plugins, EncoderMemory(folder), run=trials, **options)
    return {state.encoder.name: state for state in found}


def test_an_encoder_comes_with_its_rank_and_what_its_trial_showed() -> None:
    assert encoder_facts(QUICK, None) == "H.264 in hardware, rank 200"
    assert encoder_facts(QUICK, EncoderState(QUICK, None, "7 ms", True)) == "H.264 in hardware, rank 200; 7 ms"


def test_hardware_is_tried_once_and_software_is_not(plugins: PluginManager, tmp_path: Path) -> None:
    trials = Trials()

    for _ in range(2):
        found = states(plugins, tmp_path, trials)

    assert trials.tried == ["quick"]
    assert found["quick"].text == "3.0 ms for a picture in 3 layers (1280x720, 640x360, 320x180)"
    assert (found["x264"].trial, found["x264"].text, found["x264"].is_usable) == (None, "", True)
    assert "opus" not in found


def test_what_failed_is_tried_again(plugins: PluginManager, tmp_path: Path) -> None:
    assert not states(plugins, tmp_path, Trials("no memory"))["quick"].is_usable

    assert states(plugins, tmp_path, Trials())["quick"].is_usable


def test_everything_is_tried_when_asked_for(plugins: PluginManager, tmp_path: Path) -> None:
    trials = Trials()

    states(plugins, tmp_path, trials, try_all=True)

    assert trials.tried == ["quick", "x264", "vp8"]


def test_a_trial_of_a_track_counts_too(plugins: PluginManager, tmp_path: Path) -> None:
    request = TrialRequest("quick", Codec.H264, usual_layers()[-1:])
    EncoderMemory(tmp_path).keep(request, "1.0", Trials()(request))
    trials = Trials()

    assert states(plugins, tmp_path, trials)["quick"].text == "1.0 ms for a picture in 320x180"
    assert trials.tried == []


def test_software_that_does_not_answer_or_raises_is_told(tmp_path: Path) -> None:
    def fail() -> str:
        raise ImportError("no av")

    class Odd:
        @hookimpl
        def lkedge_register_encoders(self, register: Any) -> None:
            register(EncoderRegistration("odd", Codec.VP8, "", 90, video=FakeEncoder, is_usable=fail))

    manager = PluginManager(load_entry_points=False)
    manager.add("odd", Odd())

    assert states(manager, tmp_path, Trials())["odd"].text == "not usable here: ImportError: no av"


def test_the_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("CACHE_DIRECTORY", str(tmp_path))

    main(["plugins"])
    text = capsys.readouterr().out
    main(["plugins", "--json"])
    (builtin, *_) = json.loads(capsys.readouterr().out)

    assert "x264          H.264 in software (libx264), rank 100" in text
    assert {"name": "x264", "codec": "h264", "rank": 100, "unusable": "", "trial": None}.items() <= builtin["encoders"][
        1
    ].items()
