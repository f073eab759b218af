"""A source with live controls of every kind, and a condition."""

from __future__ import annotations

from dataclasses import replace

from lkedge.plugin.api import Control, ControlKind, ControlValue, VideoCaptureSettings
from lkedge.plugin.controls import checked_value, find_control
from lkedge.testing.fakes import AS_IT_LIKES, PatternSource

CONTROLS = (
    Control("brightness", ControlKind.INTEGER, 128, 128, 0, 255, 1),
    Control("gain", ControlKind.NUMBER, 1.0, 1.0, 1.0, 16.0, unit="dB"),
    Control("flip", ControlKind.BOOLEAN, False, False),
    Control("mode", ControlKind.MENU, "auto", "auto", choices=("auto", "manual")),
    Control("label", ControlKind.TEXT, "", ""),
    Control("temperature", ControlKind.NUMBER, 41.5, unit="C", is_writable=False),
    Control("signal", ControlKind.BOOLEAN, True, True),
)


class ControlledSource(PatternSource):
    """Its condition is "no signal" while the control `signal` is off."""

    def __init__(self, capture: VideoCaptureSettings = AS_IT_LIKES, options: object = None) -> None:
        super().__init__(capture, options)
        self._controls = {control.name: control for control in CONTROLS}

    def controls(self) -> tuple[Control, ...]:
        return tuple(self._controls.values())

    def set_control(self, name: str, value: ControlValue) -> None:
        control = find_control(self.controls(), name)
        self._controls[name] = replace(control, value=checked_value(control, value))
        if name == "signal":
            self.condition = "" if value else "no signal"
