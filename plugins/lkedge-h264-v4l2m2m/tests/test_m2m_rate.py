from __future__ import annotations

import pytest
from lkedge_h264_v4l2m2m.rate import BitrateKeeper

SECOND = 1_000_000_000


def fed(keeper: BitrateKeeper, *, framerate: float, bitrate: float, seconds: float) -> BitrateKeeper:
    for index in range(round(seconds * framerate)):
        keeper.add(round(index * SECOND / framerate), round(bitrate / framerate / 8))
    return keeper


def test_asks_for_what_is_wanted_while_all_is_well() -> None:
    assert fed(BitrateKeeper(600_000, 30), framerate=30, bitrate=600_000, seconds=5).wanted == pytest.approx(
        600_000, rel=0.01
    )


def test_asks_for_more_per_picture_when_half_of_them_come() -> None:
    assert fed(BitrateKeeper(600_000, 30), framerate=15, bitrate=600_000, seconds=5).wanted == pytest.approx(
        1_200_000, rel=0.03
    )


def test_asks_for_less_of_an_encoder_that_overshoots() -> None:
    assert fed(BitrateKeeper(600_000, 30), framerate=30, bitrate=900_000, seconds=2.5).wanted < 450_000


def test_never_asks_for_less_than_half() -> None:
    assert fed(BitrateKeeper(600_000, 30), framerate=30, bitrate=6_000_000, seconds=30).wanted >= 300_000


def test_comes_back_after_an_overshoot() -> None:
    keeper = fed(BitrateKeeper(600_000, 30), framerate=30, bitrate=900_000, seconds=2.5)
    low = keeper.wanted

    assert low < fed(keeper, framerate=30, bitrate=300_000, seconds=30).wanted <= 606_000


def test_does_not_ask_for_more_because_a_still_picture_needs_less() -> None:
    assert fed(BitrateKeeper(600_000, 30), framerate=30, bitrate=10_000, seconds=10).wanted <= 606_000


def test_a_key_frame_is_not_held_against_it() -> None:
    keeper = BitrateKeeper(600_000, 30)
    keeper.add(0, 200_000, is_key=True)

    assert fed(keeper, framerate=30, bitrate=600_000, seconds=3).wanted == pytest.approx(600_000, rel=0.01)


def test_a_pause_is_not_saved_up() -> None:
    keeper = fed(BitrateKeeper(600_000, 30), framerate=30, bitrate=600_000, seconds=1)
    keeper.add(20 * SECOND, 2500)

    assert keeper.wanted < 900_000


def test_another_target_begins_anew() -> None:
    keeper = fed(BitrateKeeper(600_000, 30), framerate=15, bitrate=600_000, seconds=5)
    keeper.set(200_000, 15)

    assert keeper.wanted == 200_000
