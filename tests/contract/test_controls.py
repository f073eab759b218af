"""The contract of live controls on a source that has every kind, and on fakes that break it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from lkedge.errors import SourceError
from lkedge.plugin.api import Control, ControlKind, ControlValue
from lkedge.testing.control_contract import ControlContract
from lkedge.testing.fakes_controls import ControlledSource


class TestControlledSource(ControlContract):
    def make_source(self, tmp_path: Path) -> ControlledSource:
        return ControlledSource()


class Listing(ControlledSource):
    """Has one more control."""

    extra = Control("extra", ControlKind.INTEGER, 1, 1, 0, 5)

    def __init__(self) -> None:
        super().__init__()
        self._controls[self.extra.name] = self.extra


class OddName(Listing):
    extra = Control("Exposure Time", ControlKind.INTEGER, 1, 1, 0, 5)


class BelowItsRange(Listing):
    extra = Control("extra", ControlKind.INTEGER, -1, 1, 0, 5)


class OfAnotherKind(Listing):
    extra = Control("extra", ControlKind.INTEGER, True, 1, 0, 5)


class DefaultBeyondRange(Listing):
    extra = Control("extra", ControlKind.NUMBER, 1.0, 6.0, 0, 5)


class ValueThatIsNoChoice(Listing):
    extra = Control("extra", ControlKind.MENU, "x", "a", choices=("a", "b"))


class TwoOfOneName(ControlledSource):
    def controls(self) -> tuple[Control, ...]:
        return super().controls() * 2


class SetsNothing(ControlledSource):
    """Takes a value and forgets it."""

    def __init__(self) -> None:
        super().__init__()
        self._controls["gain"] = replace(self._controls["gain"], value=4.0)

    def set_control(self, name: str, value: ControlValue) -> None:
        before = dict(self._controls)
        super().set_control(name, value)
        self._controls = before


class RefusesItsDefault(ControlledSource):
    def set_control(self, name: str, value: ControlValue) -> None:
        if name == "gain" and value == 1.0:
            raise SourceError("control 'gain' cannot be 1.0")
        super().set_control(name, value)


class TakesEverything(ControlledSource):
    def set_control(self, name: str, value: ControlValue) -> None:
        pass


class SetsBeforeItRefuses(ControlledSource):
    def set_control(self, name: str, value: ControlValue) -> None:
        if name in self._controls:
            self._controls[name] = replace(self._controls[name], value=value)
        raise SourceError(f"control {name!r} cannot be {value!r}")


class RefusesInItsOwnWay(ControlledSource):
    def set_control(self, name: str, value: ControlValue) -> None:
        raise KeyError(name)


class RefusesWithoutName(ControlledSource):
    def set_control(self, name: str, value: ControlValue) -> None:
        raise SourceError("no")


BROKEN = [
    (OddName, "test_controls_have_sound_names"),
    (TwoOfOneName, "test_controls_have_sound_names"),
    (BelowItsRange, "test_controls_have_a_value_of_their_kind_and_range"),
    (OfAnotherKind, "test_controls_have_a_value_of_their_kind_and_range"),
    (DefaultBeyondRange, "test_controls_have_a_value_of_their_kind_and_range"),
    (ValueThatIsNoChoice, "test_controls_have_a_value_of_their_kind_and_range"),
    (SetsNothing, "test_controls_can_be_set_to_their_default"),
    (RefusesItsDefault, "test_controls_can_be_set_to_their_default"),
    (TakesEverything, "test_unknown_control_is_refused_with_its_name"),
    (RefusesInItsOwnWay, "test_unknown_control_is_refused_with_its_name"),
    (RefusesWithoutName, "test_unknown_control_is_refused_with_its_name"),
    (TakesEverything, "test_values_that_are_not_allowed_are_refused_with_the_control"),
    (SetsBeforeItRefuses, "test_values_that_are_not_allowed_are_refused_with_the_control"),
    (RefusesWithoutName, "test_values_that_are_not_allowed_are_refused_with_the_control"),
    (TakesEverything, "test_read_only_controls_are_refused_with_the_control"),
    (RefusesInItsOwnWay, "test_read_only_controls_are_refused_with_the_control"),
]


@pytest.mark.parametrize(("broken", "test"), BROKEN, ids=lambda value: getattr(value, "__name__", value))
def test_contract_notices(broken: type[Any], test: str, tmp_path: Path) -> None:
    class Contract(ControlContract):
        def make_source(self, tmp_path: Path) -> Any:
            return broken()

    with pytest.raises((AssertionError, pytest.fail.Exception, SourceError, KeyError)):
        getattr(Contract(), test)(tmp_path)


def test_what_the_device_makes_of_a_value_may_be_excepted(tmp_path: Path) -> None:
    class Contract(ControlContract):
        drifting_controls = frozenset({"gain"})

        def make_source(self, tmp_path: Path) -> SetsNothing:
            return SetsNothing()

    Contract().test_controls_can_be_set_to_their_default(tmp_path)
