# lkedge: pure
"""The controls that libcamera advertises as lkedge shows them, and values as libcamera takes them.

Numbers, switches and menus are what they are; arrays, rectangles and sizes are texts of numbers
with commas between them, such as "1.8, 1.5".
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from lkedge.plugin.api import Control, ControlKind, ControlValue

UNITS = {
    "exposure_time": "us",
    "frame_duration_limits": "us",
    "ae_flicker_period": "us",
    "colour_temperature": "K",
    "exposure_value": "EV",
    "lens_position": "dioptres",
}
AUTOMATIC_AT_ZERO = frozenset({"ExposureTime", "AnalogueGain"})
"""picamera2 takes 0 for "automatic again"."""

PARTS = {"Rectangle": 4, "Size": 2, "Point": 2}
"""Numbers of one value."""

WHOLE = frozenset({"Byte", "Unsigned16", "Unsigned32", "Integer32", "Integer64", "Rectangle", "Size", "Point"})
ANY_COUNT = 1 << 16
"""libcamera calls an array of any length one of SIZE_MAX elements."""


@dataclass(frozen=True, slots=True)
class CameraControl:
    """One control. name: ours, "exposure_time". key: libcamera's, "ExposureTime". type: of libcamera's ControlType.

    count: elements of an array; 0 for a single value. minimum, maximum: None when there is none.
    menu: libcamera's numbers by our names; empty when it is no menu.
    """

    name: str
    key: str
    type: str
    count: int = 0
    minimum: float | None = None
    maximum: float | None = None
    default: Any = None
    menu: Mapping[str, int] = field(default_factory=dict)

    @property
    def kind(self) -> ControlKind:
        if self.menu:
            return ControlKind.MENU
        if self.count or self.type in PARTS or self.type == "String":
            return ControlKind.TEXT
        return {"Bool": ControlKind.BOOLEAN, "Float": ControlKind.NUMBER}.get(self.type, ControlKind.INTEGER)


def control_name(key: str) -> str:
    """ "AeEnable" as "ae_enable", "HdrMode" as "hdr_mode"."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", key).lower()


def camera_control(identity: Any, info: Any, names: Mapping[str, int]) -> CameraControl:
    """identity, info: libcamera's ControlId and ControlInfo. names: of its values, when they have names."""
    kind = getattr(identity.type, "name", str(identity.type))
    minimum = 0 if identity.name in AUTOMATIC_AT_ZERO else _number(info.min)
    return CameraControl(
        control_name(identity.name),
        identity.name,
        kind,
        int(identity.size) if identity.isArray else 0,
        minimum,
        _number(info.max),
        info.default,
        _menu(names, info) if kind in WHOLE else {},
    )


def to_control(control: CameraControl, value: Any) -> Control:
    """What others see of a control. value: libcamera's; None when it is not known."""
    is_number = control.kind in (ControlKind.INTEGER, ControlKind.NUMBER)
    default = _shown(control, control.default)
    present = _shown(control, value)
    return Control(
        control.name,
        control.kind,
        present if present is not None else default if default is not None else _nothing(control),
        default,
        minimum=control.minimum if is_number else None,
        maximum=control.maximum if is_number else None,
        choices=tuple(control.menu),
        unit=UNITS.get(control.name, ""),
    )


def to_camera(control: CameraControl, value: ControlValue) -> Any:
    """A value that fits the control's kind and range, as libcamera takes it.

    Raises:
        ValueError: a text that is not what the control needs; says what that is.
    """
    if control.menu:
        return control.menu[str(value)]
    if control.kind is not ControlKind.TEXT or control.type == "String":
        return value
    return _array(control, str(value))


def as_text(numbers: Sequence[float]) -> str:
    """ "1.8, 1.5"."""
    return ", ".join(f"{round(number, 4):.10g}" for number in numbers)


def as_numbers(text: str) -> list[float]:
    """Raises ValueError."""
    numbers = [float(word) for word in text.replace(",", " ").split()]
    if not all(map(math.isfinite, numbers)):
        raise ValueError("must be numbers")
    return numbers


def _array(control: CameraControl, text: str) -> Any:
    parts = PARTS.get(control.type, 1)
    wanted = parts * (control.count or 1)
    is_any = control.count >= ANY_COUNT
    try:
        numbers = as_numbers(text)
    except ValueError:
        numbers = []
    if not numbers or (len(numbers) % parts if is_any else len(numbers) != wanted):
        raise ValueError(
            f"must be {f'{parts} numbers for each' if is_any else f'{wanted} numbers'}, with commas between"
        )
    _check_range(control, numbers)
    values = [round(number) for number in numbers] if control.type in WHOLE else numbers
    if parts == 1:
        return tuple(values)
    groups = [tuple(values[start : start + parts]) for start in range(0, len(values), parts)]
    return groups if control.count else groups[0]


def _check_range(control: CameraControl, numbers: Sequence[float]) -> None:
    low = -math.inf if control.minimum is None else control.minimum
    high = math.inf if control.maximum is None else control.maximum
    if any(not low <= number <= high for number in numbers):
        raise ValueError(f"must be numbers from {low:g} to {high:g}")


def _shown(control: CameraControl, value: Any) -> ControlValue | None:
    """None for a value that there is not, or that is not what it should be."""
    if value is None:
        return None
    if control.menu:
        return next((name for name, number in control.menu.items() if number == int(value)), None)
    if control.kind is ControlKind.TEXT:
        return value if isinstance(value, str) else as_text(_flat(value))
    if isinstance(value, (tuple, list)):
        return None
    if control.kind is ControlKind.BOOLEAN:
        return bool(value)
    return int(value) if control.kind is ControlKind.INTEGER else round(float(value), 6)


def _nothing(control: CameraControl) -> ControlValue:
    """A value for a control of which none is known."""
    match control.kind:
        case ControlKind.MENU:
            return next(iter(control.menu))
        case ControlKind.TEXT:
            return ""
        case ControlKind.BOOLEAN:
            return False
    number = control.minimum or 0
    return int(number) if control.kind is ControlKind.INTEGER else float(number)


def _menu(names: Mapping[str, int], info: Any) -> dict[str, int]:
    """Those values of an enumeration that this camera has."""
    offered = {int(value) for value in info.values if _number(value) is not None}
    low, high = _number(info.min), _number(info.max)
    return {
        control_name(name): int(number)
        for name, number in names.items()
        if (int(number) in offered if offered else low is None or high is None or low <= int(number) <= high)
    }


def _number(value: Any) -> float | int | None:
    """Of limits; None for those of rectangles, arrays and the like."""
    is_scalar = isinstance(value, (int, float)) and not isinstance(value, bool)
    return value if is_scalar and math.isfinite(value) else None


def _flat(value: Any) -> Sequence[float]:
    """The numbers of tuples, of tuples of tuples, and of libcamera's own rectangles, points and sizes."""
    if isinstance(value, (tuple, list)):
        return [number for part in value for number in _flat(part)]
    fields = [getattr(value, name) for name in ("x", "y", "width", "height") if hasattr(value, name)]
    return fields or [value]
