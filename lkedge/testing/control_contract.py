"""What the live controls of every source must do; part of the source contracts."""

from __future__ import annotations

import contextlib
import math
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar

import pytest

from lkedge.errors import SourceError
from lkedge.plugin.api import AudioSource, Control, ControlKind, ControlValue, VideoSource

NUMBERS = {ControlKind.INTEGER, ControlKind.NUMBER}
TOLERANCE = 0.02
"""Of a number: devices round to what they can do."""


class ControlContract:
    """A source without controls passes: what is proved then is that it refuses them."""

    settles_within: ClassVar[int] = 10
    """Reads after which a control shows what was set."""

    drifting_controls: ClassVar[frozenset[str]] = frozenset()
    """Controls whose value is not what was set but what the device made of it."""

    def make_source(self, tmp_path: Path) -> VideoSource | AudioSource:
        """A new source that is not open yet."""
        raise NotImplementedError

    def test_controls_have_sound_names(self, tmp_path: Path) -> None:
        names = [control.name for control in self._listed(tmp_path)]
        assert len(names) == len(set(names)), f"two controls have one name: {sorted(names)}"
        odd = [name for name in names if not re.fullmatch(r"[a-z][a-z0-9]*(_[a-z0-9]+)*", name)]
        assert not odd, f"names of controls are lower case, words joined by _: {odd}"

    def test_controls_have_a_value_of_their_kind_and_range(self, tmp_path: Path) -> None:
        for control in self._listed(tmp_path):
            _check_value(control, control.value, "value")
            if control.default is not None:
                _check_value(control, control.default, "default")

    def test_controls_can_be_set_to_their_default(self, tmp_path: Path) -> None:
        with self._opened(tmp_path) as source:
            source.read()
            for name in [control.name for control in source.controls()]:
                self._set_to_default(source, name)

    def test_unknown_control_is_refused_with_its_name(self, tmp_path: Path) -> None:
        with self._opened(tmp_path) as source:
            source.read()
            self._check_refused(source, "no_such_control", 1)
            source.read()

    def test_values_that_are_not_allowed_are_refused_with_the_control(self, tmp_path: Path) -> None:
        with self._opened(tmp_path) as source:
            source.read()
            for control in source.controls():
                for value in _wrong_values(control):
                    self._check_refused(source, control.name, value)
            source.read()

    def test_read_only_controls_are_refused_with_the_control(self, tmp_path: Path) -> None:
        with self._opened(tmp_path) as source:
            source.read()
            for control in source.controls():
                if not control.is_writable:
                    self._check_refused(source, control.name, control.value)

    @contextlib.contextmanager
    def _opened(self, tmp_path: Path) -> Iterator[Any]:
        source = self.make_source(tmp_path)
        source.open()
        try:
            yield source
        finally:
            source.close()

    def _listed(self, tmp_path: Path) -> tuple[Control, ...]:
        with self._opened(tmp_path) as source:
            source.read()
            controls = tuple(source.controls())
        assert all(isinstance(control, Control) for control in controls), f"not all are Controls: {controls}"
        return controls

    def _set_to_default(self, source: Any, name: str) -> None:
        control = _now(source, name)
        if control is None or not control.is_writable or control.default is None:
            return
        source.set_control(name, control.default)
        for _ in range(self.settles_within):
            now = _now(source, name)
            if now is None or not now.is_writable or name in self.drifting_controls or _is_default(now):
                return
            source.read()
        assert now is not None
        pytest.fail(f"control {name!r} was set to {control.default!r} and shows {now.value!r}")

    def _check_refused(self, source: Any, name: str, value: ControlValue) -> None:
        """Refused with its name, and nothing has changed."""
        before = _now(source, name)
        with pytest.raises(SourceError) as caught:
            source.set_control(name, value)
        assert name in str(caught.value), f"the refusal does not name {name!r}: {caught.value}"
        after = _now(source, name)
        if before is not None and after is not None and after.is_writable and name not in self.drifting_controls:
            assert after.value == before.value, f"{value!r} was refused, yet {name!r} is now {after.value!r}"


def _now(source: Any, name: str) -> Control | None:
    return next((control for control in source.controls() if control.name == name), None)


def _is_default(control: Control) -> bool:
    value, default = control.value, control.default
    if control.kind in NUMBERS and isinstance(value, (int, float)) and isinstance(default, (int, float)):
        return math.isclose(value, default, rel_tol=TOLERANCE, abs_tol=control.step or 0)
    return value == default


def _check_value(control: Control, value: ControlValue, role: str) -> None:
    types: dict[ControlKind, tuple[type, ...]] = {
        ControlKind.BOOLEAN: (bool,),
        ControlKind.INTEGER: (int,),
        ControlKind.NUMBER: (int, float),
        ControlKind.MENU: (str,),
        ControlKind.TEXT: (str,),
    }
    what = f"the {role} {value!r} of control {control.name!r}"
    assert type(value) in types[control.kind], f"{what} is not a {control.kind.value}"
    if control.kind is ControlKind.MENU:
        assert value in control.choices, f"{what} is none of its choices {control.choices}"
    if isinstance(value, (int, float)):
        assert control.minimum is None or value >= control.minimum, f"{what} is below {control.minimum}"
        assert control.maximum is None or value <= control.maximum, f"{what} is above {control.maximum}"


def _wrong_values(control: Control) -> list[ControlValue]:
    """Values that a writable control must not take; a text may take any text."""
    if not control.is_writable or control.kind is ControlKind.TEXT:
        return []
    wrong: list[ControlValue] = ["no such value"]
    beyond = max(control.step or 0, 1)
    if control.kind in NUMBERS:
        wrong += [] if control.minimum is None else [_like(control, control.minimum - beyond)]
        wrong += [] if control.maximum is None else [_like(control, control.maximum + beyond)]
    return wrong


def _like(control: Control, value: float) -> ControlValue:
    return int(value) if control.kind is ControlKind.INTEGER else value
