"""Which encoder is here, what it does, and what is remembered of it."""

from __future__ import annotations

import errno
import json
from dataclasses import replace
from pathlib import Path

import pytest
from fake_codec import X264Codec
from fake_device import ManualClock
from fake_m2m import FakeBlock, FakeM2mKernel
from lkedge_h264_v4l2m2m import machine
from lkedge_h264_v4l2m2m.board import Board
from lkedge_h264_v4l2m2m.probe import CACHE_FILE, Probe, Verdict
from lkedge_h264_v4l2m2m.scaling import ScalingHardware

PI = Board("Raspberry Pi 4 Model B Rev 1.4", "6.12.34+rpt-rpi-v8")
OTHER = Board("Some Board", "6.12.34")


def probe(tmp_path: Path, kernel: FakeM2mKernel, board: Board = PI) -> Probe:
    return Probe(kernel, board=board, cache=tmp_path / "cache", shared=tmp_path / "run", clock=kernel.clock)


def good_kernel() -> FakeM2mKernel:
    return FakeM2mKernel(FakeBlock(codec=X264Codec, latency_ns=20_000_000))


def test_an_encoder_is_found(tmp_path: Path) -> None:
    verdict = probe(tmp_path, good_kernel()).verdict()

    assert verdict.reason == ""
    assert verdict.node is not None
    assert verdict.node.path == "/dev/video11"


def test_a_known_board_is_not_measured(tmp_path: Path) -> None:
    kernel = good_kernel()

    verdict = probe(tmp_path, kernel).verdict()

    assert (verdict.pixel_rate, verdict.is_measured) == (62_700_000, False)
    assert kernel.opened == 1, "only looked at"
    assert not (tmp_path / "cache" / CACHE_FILE).exists()


def test_an_unknown_board_is_measured(tmp_path: Path) -> None:
    kernel = good_kernel()

    verdict = probe(tmp_path, kernel, OTHER).verdict()

    assert verdict.is_measured
    assert verdict.pixel_rate == pytest.approx(0.85 * 1280 * 720 / 0.020, rel=0.05)
    assert not kernel.contexts


def test_one_that_cannot_be_measured_is_not_limited(tmp_path: Path) -> None:
    kernel = FakeM2mKernel(FakeBlock(codec=X264Codec, stall_at=3))

    verdict = probe(tmp_path, kernel, OTHER).verdict()

    assert verdict.node is not None
    assert (verdict.pixel_rate, verdict.is_measured) == (0, False)
    assert not kernel.contexts
    assert not (tmp_path / "cache" / CACHE_FILE).exists()


def test_without_an_encoder_there_is_a_reason(tmp_path: Path) -> None:
    verdict = probe(tmp_path, FakeM2mKernel(FakeBlock(coded="MJPG"))).verdict()

    assert verdict.node is None
    assert verdict.reason == "this machine has no V4L2 encoder for H.264"


def test_the_verdict_is_remembered_for_the_next_worker(tmp_path: Path) -> None:
    first = probe(tmp_path, good_kernel(), OTHER).verdict()
    kernel = good_kernel()

    assert probe(tmp_path, kernel, OTHER).verdict() == first
    assert kernel.opened == 1, "only looked at, not measured"


def test_the_node_may_have_another_number(tmp_path: Path) -> None:
    probe(tmp_path, good_kernel(), OTHER).verdict()
    kernel = good_kernel()
    kernel.path = "/dev/video20"

    node = probe(tmp_path, kernel, OTHER).verdict().node

    assert node is not None
    assert node.path == "/dev/video20"
    assert kernel.opened == 1


@pytest.mark.parametrize("board", [replace(OTHER, kernel="6.18.1"), replace(OTHER, model="Another Board")])
def test_another_kernel_or_board_is_measured_anew(tmp_path: Path, board: Board) -> None:
    probe(tmp_path, good_kernel(), OTHER).verdict()
    kernel = good_kernel()

    probe(tmp_path, kernel, board).verdict()

    assert kernel.opened > 1


@pytest.mark.parametrize("content", ["", "no json", "[]", json.dumps({"key": {}, "verdict": {}})])
def test_a_broken_memory_is_no_harm(tmp_path: Path, content: str) -> None:
    (tmp_path / "cache").mkdir()
    (tmp_path / "cache" / CACHE_FILE).write_text(content)

    assert probe(tmp_path, good_kernel(), OTHER).verdict().is_measured


def test_a_folder_that_cannot_be_written_is_no_harm(tmp_path: Path) -> None:
    (tmp_path / "cache").write_text("a file")

    assert probe(tmp_path, good_kernel(), OTHER).verdict().is_measured


def test_what_was_not_there_is_looked_for_again_after_a_minute(tmp_path: Path) -> None:
    kernel = good_kernel()
    kernel.block.fail["open"] = errno.EACCES
    tried = probe(tmp_path, kernel)
    assert "Permission denied" in tried.verdict().reason
    kernel.block.fail.clear()

    assert tried.verdict().node is None
    kernel.clock.now_ns += 61_000_000_000
    assert tried.verdict().node is not None


def test_a_device_is_listed_with_what_it_does(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shared = probe(tmp_path, good_kernel())
    monkeypatch.setattr(machine, "machine", lambda: shared)
    monkeypatch.setattr(machine, "scaling", lambda: ScalingHardware(FakeM2mKernel(), ManualClock()))

    (device,) = machine.devices()

    assert device.name == "bcm2835-codec-encode (encoder)"
    assert device.details["does"].startswith("62.7 Mpx/s for all layers together (known of this board)")
    assert device.details["layers are scaled by"].startswith("the processor: ")
    assert machine.reason_not_usable() == ""


def test_the_sentence_says_what_is_not_known() -> None:
    assert "not limited" in machine.budget_sentence(Verdict(None))
