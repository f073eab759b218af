"""The quantizer of each picture, with a model of an encoder instead of one."""

from __future__ import annotations

import random

import pytest

from lkedge.builtin.picture_meter import Content
from lkedge.builtin.quantizer import COARSEST, FINEST, OWED_S, QuantizerControl

PIXELS = 1280 * 720
BITRATE = 1_700_000
FRAME_NS = 33_333_333
INTRA, INTER = 3_900_000, 270_000
DETAIL = 0.12
"""Of which the control expects about that."""


class Model:
    """An encoder whose pictures become complexity / step size bits."""

    def __init__(self, bitrate: int = BITRATE, interval_ns: int = FRAME_NS) -> None:
        self.control = QuantizerControl(PIXELS, bitrate)
        self.interval_ns = interval_ns
        self.quantizers: list[int | None] = []

    def run(self, count: int, complexity: float, *, new: float = 0.0, key_frame: bool = False) -> list[int]:
        """The bits of that many pictures, 0 for one that was left out."""
        return [self._picture(complexity, Content(new, DETAIL), key_frame) for _ in range(count)]

    def _picture(self, complexity: float, content: Content, key_frame: bool) -> int:
        quantizer = self.control.choose(self.interval_ns, content, key_frame=key_frame)
        self.quantizers.append(quantizer)
        if quantizer is None:
            return 0
        size = round(complexity / 2 ** ((quantizer - 12) / 6) / 8)
        self.control.add(size)
        return 8 * size


def started(bitrate: int = BITRATE, interval_ns: int = FRAME_NS) -> Model:
    model = Model(bitrate, interval_ns)
    model.run(1, INTRA, key_frame=True)
    return model


@pytest.mark.parametrize("bitrate", [150_000, 1_700_000, 8_000_000])
@pytest.mark.parametrize("framerate", [1, 5, 30, 60])
def test_keeps_any_bitrate_at_any_frame_rate(bitrate: int, framerate: int) -> None:
    model = started(bitrate, 1_000_000_000 // framerate)
    complexity = 2 * bitrate / framerate * 2 ** ((30 - 12) / 6)
    model.run(60, complexity)
    assert sum(model.run(10 * framerate + 20, complexity)) == pytest.approx(bitrate * (10 + 20 / framerate), rel=0.1)


def test_keeps_the_bitrate_while_pictures_differ() -> None:
    model, jitter = started(), random.Random(5)
    model.run(60, INTER)
    bits = [model.run(1, INTER * jitter.lognormvariate(0, 0.7))[0] for _ in range(600)]
    assert sum(bits) == pytest.approx(20 * BITRATE, rel=0.05)


def test_goes_in_small_steps() -> None:
    model = started()
    model.run(200, INTER)
    steps = {abs(b - a) for a, b in zip(model.quantizers[1:], model.quantizers[2:], strict=False) if a and b}
    assert steps <= {0, 1}


@pytest.mark.parametrize("factor", [0.2, 5.0])
def test_follows_another_bitrate_within_a_second(factor: float) -> None:
    model = started()
    model.run(90, 3 * INTER)
    model.control.set_bitrate(round(factor * BITRATE))
    model.run(45, 3 * INTER)
    assert sum(model.run(60, 3 * INTER)) == pytest.approx(2 * factor * BITRATE, rel=0.15)


def test_what_is_new_is_coarse_at_once() -> None:
    model = started()
    model.run(90, INTER / 50)
    bits = model.run(1, INTRA, new=0.9)[0]
    assert bits < 0.3 * BITRATE


def test_motion_that_was_not_foreseen_is_coarser_in_the_next_picture() -> None:
    model = started()
    model.run(90, INTER / 50)
    model.run(2, 3 * INTER)
    before, after = model.quantizers[-2:]
    assert before is not None
    assert after is not None
    assert after >= before + 4


def test_pictures_are_left_out_while_too_much_is_owed() -> None:
    model = started(100_000)
    bits = model.run(300, 20 * INTER)
    assert None in model.quantizers
    assert sum(bits) / 10 == pytest.approx(100_000, rel=0.15)


def test_a_key_frame_is_never_left_out() -> None:
    model = started(100_000)
    model.run(30, 20 * INTER)
    assert model.control._owed > OWED_S * 100_000 / 2
    assert all(model.run(3, INTRA, key_frame=True))


def test_key_frames_are_a_fifth_of_a_second_by_the_one_before() -> None:
    model = started()
    model.run(60, INTER)
    assert model.run(1, INTRA, key_frame=True)[0] == pytest.approx(0.2 * BITRATE, rel=0.12)


def test_nothing_to_do_ends_at_the_finest_and_saves_little() -> None:
    model = started()
    model.run(300, 500)
    assert model.quantizers[-1] == FINEST
    assert sum(model.run(15, INTER)) < 0.9 * BITRATE


def test_never_beyond_the_coarsest() -> None:
    model = started(20_000)
    model.run(100, 100 * INTER)
    assert max(quantizer for quantizer in model.quantizers if quantizer is not None) == COARSEST


def test_the_first_key_frame_is_judged_by_its_detail() -> None:
    plain, dense = (
        QuantizerControl(PIXELS, BITRATE).choose(FRAME_NS, Content(0.0, detail), key_frame=True)
        for detail in (0.1, 1.0)
    )
    assert plain is not None
    assert dense is not None
    assert dense >= plain + 12


def test_a_new_scene_is_not_taken_for_lasting_motion() -> None:
    model = started()
    model.run(90, INTER)
    usual = model.quantizers[-1]
    model.run(1, INTRA, new=0.9)
    model.run(20, INTER)
    assert usual is not None
    assert model.quantizers[-1] == pytest.approx(usual, abs=2)


def test_light_in_a_dark_room_does_not_flood_the_network() -> None:
    model = Model()
    model.run(1, 2_000, key_frame=True)
    model.run(90, 200)
    assert model.run(1, INTRA, new=0.9)[0] < 0.5 * BITRATE
