from __future__ import annotations

import pytest

from lkedge.testing.clock import FakeClock


def test_both_clocks_advance_together() -> None:
    clock = FakeClock(monotonic_ns=5, wall_ns=100)
    clock.advance(1.5)
    assert (clock.monotonic_ns(), clock.wall_ns()) == (1_500_000_005, 1_500_000_100)


def test_only_the_wall_clock_steps() -> None:
    clock = FakeClock(monotonic_ns=5, wall_ns=10**10)
    clock.step_wall(-2)
    assert (clock.monotonic_ns(), clock.wall_ns()) == (5, 8 * 10**9)


def test_monotonic_time_does_not_go_back() -> None:
    with pytest.raises(ValueError, match="does not go back"):
        FakeClock().advance(-1)
