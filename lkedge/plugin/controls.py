# lkedge: pure
"""Checks the value of a live control, so that every source refuses in the same words."""

from __future__ import annotations

import math
from collections.abc import Iterable

from lkedge.errors import SourceError
from lkedge.plugin.api import Control, ControlKind, ControlValue


def find_control(controls: Iterable[Control], name: str) -> Control:
    """The control of that name.

    Raises:
        SourceError: there is none; names those there are.
    """
    listed = tuple(controls)
    for control in listed:
        if control.name == name:
            return control
    known = ", ".join(control.name for control in listed) or "none"
    raise SourceError(f"there is no control {name!r}; there are: {known}")


def checked_value(control: Control, value: ControlValue) -> ControlValue:
    """The value as this control takes it: an `int` for integers, a `float` for numbers.

    A value between two steps is left to the device, which rounds.

    Raises:
        SourceError: the control cannot be written now, or the value is of another kind or out of
            range; names the control, the value and what is allowed.
    """
    if not control.is_writable:
        raise SourceError(f"control {control.name!r} cannot be written now; it is {control.value!r}")
    converted = _converted(control, value)
    if converted is None or not _is_in_range(control, converted):
        raise SourceError(f"control {control.name!r} cannot be {value!r:.80}; allowed is {allowed(control)}")
    return converted


def allowed(control: Control) -> str:
    """In words, what may be set: "an integer from 0 to 255", "auto, manual"."""
    match control.kind:
        case ControlKind.BOOLEAN:
            return "true or false"
        case ControlKind.MENU:
            return ", ".join(control.choices)
        case ControlKind.TEXT:
            return "text"
    noun = "an integer" if control.kind is ControlKind.INTEGER else "a number"
    unit = f" {control.unit}" if control.unit else ""
    if control.minimum is not None and control.maximum is not None:
        return f"{noun} from {control.minimum:g} to {control.maximum:g}{unit}"
    if control.minimum is not None:
        return f"{noun} of at least {control.minimum:g}{unit}"
    return f"{noun} of at most {control.maximum:g}{unit}" if control.maximum is not None else noun


def _converted(control: Control, value: ControlValue) -> ControlValue | None:
    """None when the value is of another kind. A bool is no number here."""
    match control.kind:
        case ControlKind.BOOLEAN:
            return value if isinstance(value, bool) else None
        case ControlKind.MENU | ControlKind.TEXT:
            return value if isinstance(value, str) else None
    if isinstance(value, (bool, str)) or not math.isfinite(value):
        return None
    if control.kind is ControlKind.NUMBER:
        return float(value)
    return int(value) if value == int(value) else None


def _is_in_range(control: Control, value: ControlValue) -> bool:
    if control.kind is ControlKind.MENU:
        return value in control.choices
    if isinstance(value, (bool, str)):
        return True
    return (control.minimum is None or value >= control.minimum) and (
        control.maximum is None or value <= control.maximum
    )
