from __future__ import annotations

import math

import pytest

from lkedge.errors import SourceError
from lkedge.plugin.api import Control, ControlKind, ControlValue
from lkedge.plugin.controls import allowed, checked_value, find_control

GAIN = Control("gain", ControlKind.NUMBER, 1.0, 1.0, 1.0, 16.0, unit="dB")
FOCUS = Control("focus", ControlKind.INTEGER, 0, 0, 0, 255, 5)
FLIP = Control("flip", ControlKind.BOOLEAN, False)
MODE = Control("mode", ControlKind.MENU, "auto", "auto", choices=("auto", "manual"))
LABEL = Control("label", ControlKind.TEXT, "")


@pytest.mark.parametrize(
    ("control", "value", "expected"),
    [
        (GAIN, 2, 2.0),
        (GAIN, 16.0, 16.0),
        (FOCUS, 255, 255),
        (FOCUS, 7.0, 7),
        (FLIP, True, True),
        (MODE, "manual", "manual"),
        (LABEL, "Tür", "Tür"),
    ],
)
def test_value_is_given_as_the_control_takes_it(control: Control, value: ControlValue, expected: ControlValue) -> None:
    checked = checked_value(control, value)
    assert checked == expected
    assert type(checked) is type(expected)


@pytest.mark.parametrize(
    ("control", "value"),
    [
        (GAIN, 0.5),
        (GAIN, 17),
        (GAIN, math.nan),
        (GAIN, math.inf),
        (GAIN, True),
        (GAIN, "2"),
        (FOCUS, 256),
        (FOCUS, 1.5),
        (FLIP, 1),
        (FLIP, "true"),
        (MODE, "Auto"),
        (MODE, 0),
        (LABEL, 5),
    ],
)
def test_refusal_names_control_value_and_what_is_allowed(control: Control, value: ControlValue) -> None:
    with pytest.raises(SourceError) as caught:
        checked_value(control, value)
    assert str(caught.value) == f"control {control.name!r} cannot be {value!r}; allowed is {allowed(control)}"


@pytest.mark.parametrize(
    ("control", "words"),
    [
        (GAIN, "a number from 1 to 16 dB"),
        (FOCUS, "an integer from 0 to 255"),
        (MODE, "auto, manual"),
        (FLIP, "true or false"),
        (LABEL, "text"),
        (Control("a", ControlKind.NUMBER, 1.0), "a number"),
        (Control("a", ControlKind.INTEGER, 1, minimum=1), "an integer of at least 1"),
        (Control("a", ControlKind.INTEGER, 1, maximum=9, unit="us"), "an integer of at most 9 us"),
    ],
)
def test_what_is_allowed_in_words(control: Control, words: str) -> None:
    assert allowed(control) == words


def test_what_cannot_be_written_says_so() -> None:
    with pytest.raises(SourceError, match="control 'shutter' cannot be written now; it is 10"):
        checked_value(Control("shutter", ControlKind.INTEGER, 10, is_writable=False), 11)


def test_unknown_control_names_those_there_are() -> None:
    assert find_control([GAIN, FOCUS], "focus") is FOCUS
    with pytest.raises(SourceError, match="no control 'zoom'; there are: gain, focus"):
        find_control([GAIN, FOCUS], "zoom")
    with pytest.raises(SourceError, match="there are: none"):
        find_control([], "zoom")
