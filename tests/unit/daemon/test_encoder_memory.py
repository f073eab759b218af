from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from lkedge.daemon.encoder_memory import FILE, MAX_TRIALS, EncoderMemory
from lkedge.daemon.machine import Machine
from lkedge.terms import BitsPerSecond, Codec, Rid
from lkedge.testing.clock import FakeClock
from lkedge.worker.trial_values import LayerTrial, TrialLayer, TrialRequest, TrialResult

PI = Machine("Raspberry Pi 4 Model B Rev 1.4", "6.12.34+rpt-rpi-v8", "0.1.0")
LAYER = TrialLayer(Rid("f"), 1280, 720, 30.0, BitsPerSecond(1_700_000))
REQUEST = TrialRequest("m2m", Codec.H264, (LAYER,), ("a.b",))
RESULT = TrialResult("m2m", "", (LayerTrial(Rid("f"), 1280, 720, "", 8.25, 1_650_000),))


def memory(folder: Path, machine: Machine = PI) -> EncoderMemory:
    return EncoderMemory(folder, machine=machine, clock=FakeClock())


def test_a_result_is_there_at_the_next_start(tmp_path: Path) -> None:
    memory(tmp_path).keep(REQUEST, "1.0", RESULT)

    found = memory(tmp_path).find(REQUEST, "1.0")

    assert found is not None
    assert (found.result, found.layers) == (RESULT, REQUEST.layers)


@pytest.mark.parametrize(
    "machine",
    [replace(PI, board="Raspberry Pi 3"), replace(PI, kernel="6.18"), replace(PI, version="0.2.0")],
    ids=["board", "kernel", "lkedge"],
)
def test_it_is_not_valid_for_another_machine(tmp_path: Path, machine: Machine) -> None:
    memory(tmp_path).keep(REQUEST, "1.0", RESULT)

    assert memory(tmp_path, machine).find(REQUEST, "1.0") is None


@pytest.mark.parametrize(
    ("request_", "version"),
    [
        (REQUEST, "1.1"),
        (replace(REQUEST, encoder="other"), "1.0"),
        (replace(REQUEST, layers=(replace(LAYER, width=640, height=360),)), "1.0"),
    ],
    ids=["plugin", "encoder", "sizes"],
)
def test_it_is_not_valid_for_another_encoder_or_size(tmp_path: Path, request_: TrialRequest, version: str) -> None:
    kept = memory(tmp_path)
    kept.keep(REQUEST, "1.0", RESULT)

    assert kept.find(request_, version) is None


def test_a_new_result_takes_the_place_of_the_old_one(tmp_path: Path) -> None:
    kept = memory(tmp_path)
    kept.keep(REQUEST, "1.0", TrialResult("m2m", "no memory"))
    kept.keep(REQUEST, "1.0", RESULT)

    assert [trial.result for trial in memory(tmp_path).trials] == [RESULT]


def test_the_latest_of_an_encoder_whatever_its_sizes(tmp_path: Path) -> None:
    kept = memory(tmp_path)
    kept.keep(REQUEST, "1.0", RESULT)
    small = replace(REQUEST, layers=(replace(LAYER, width=640, height=360),))
    kept.keep(small, "1.0", TrialResult("m2m", "no memory"))

    latest = kept.latest("m2m", "1.0")

    assert latest is not None
    assert latest.layers == small.layers
    assert kept.latest("m2m", "2.0") is None


def test_two_processes_do_not_forget_for_each_other(tmp_path: Path) -> None:
    one, other = memory(tmp_path), memory(tmp_path)
    assert one.trials == other.trials == ()

    one.keep(REQUEST, "1.0", RESULT)
    other.keep(replace(REQUEST, encoder="x264"), "1.0", replace(RESULT, encoder="x264"))

    assert {trial.result.encoder for trial in memory(tmp_path).trials} == {"m2m", "x264"}


def test_the_oldest_are_forgotten(tmp_path: Path) -> None:
    kept = memory(tmp_path)
    for width in range(16, 16 + 2 * (MAX_TRIALS + 3), 2):
        kept.keep(replace(REQUEST, layers=(replace(LAYER, width=width),)), "1.0", RESULT)

    assert len(memory(tmp_path).trials) == MAX_TRIALS
    assert memory(tmp_path).trials[0].layers[0].width == 22


@pytest.mark.parametrize("content", ["", "no json", "[]", "null", json.dumps({"machine": {}, "trials": 3})])
def test_a_broken_file_is_no_harm(tmp_path: Path, content: str) -> None:
    (tmp_path / FILE).write_text(content)
    kept = memory(tmp_path)

    assert kept.find(REQUEST, "1.0") is None
    kept.keep(REQUEST, "1.0", RESULT)
    assert memory(tmp_path).find(REQUEST, "1.0") is not None


def test_a_folder_that_cannot_be_made_is_no_harm(tmp_path: Path) -> None:
    (tmp_path / "cache").write_text("a file")
    kept = memory(tmp_path / "cache")

    kept.keep(REQUEST, "1.0", RESULT)

    assert kept.find(REQUEST, "1.0") is not None
