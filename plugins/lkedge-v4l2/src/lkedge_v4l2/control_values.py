# lkedge: pure
"""The controls of a V4L2 device as lkedge shows them, and values as the device takes them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from lkedge.plugin.api import Control, ControlKind, ControlValue
from lkedge_v4l2 import videodev2_controls as v4l2

NUMBERS = frozenset({v4l2.TYPE_INTEGER, v4l2.TYPE_INTEGER64, v4l2.TYPE_BITMASK})
MENUS = frozenset({v4l2.TYPE_MENU, v4l2.TYPE_INTEGER_MENU})
SWITCHES = frozenset({v4l2.TYPE_BOOLEAN, v4l2.TYPE_BUTTON})
KNOWN = NUMBERS | MENUS | SWITCHES | {v4l2.TYPE_STRING}

_BITS = 0xFFFF_FFFF
"""Of a bit mask: 32 bits, which drivers give with a sign."""


@dataclass(frozen=True, slots=True)
class ControlInfo:
    """What the driver says of one control. menu: names by index, with gaps."""

    id: int
    name: str
    type: int
    minimum: int
    maximum: int
    step: int
    default: int
    flags: int
    menu: Mapping[int, str] = field(default_factory=dict)

    @property
    def is_readable(self) -> bool:
        return self.type != v4l2.TYPE_BUTTON and not self.flags & v4l2.FLAG_WRITE_ONLY

    @property
    def is_writable(self) -> bool:
        return not self.flags & (v4l2.FLAG_READ_ONLY | v4l2.FLAG_GRABBED)


def control_name(text: str) -> str:
    """ "White Balance, Automatic" as "white_balance_automatic", as v4l2-ctl does."""
    is_kept = (letter if letter.isascii() and letter.isalnum() else " " for letter in text.lower())
    return "_".join("".join(is_kept).split())


def to_control(info: ControlInfo, value: int | str) -> Control:
    """What others see of a control with its present value."""
    is_number = info.type in NUMBERS
    return Control(
        info.name,
        _kind(info),
        _shown(info, value),
        None if info.type == v4l2.TYPE_STRING else _shown(info, info.default),
        minimum=info.minimum if is_number else None,
        maximum=_maximum(info) if is_number else None,
        step=info.step if is_number else None,
        choices=tuple(info.menu.values()),
        is_writable=info.is_writable,
    )


def to_device(info: ControlInfo, value: ControlValue) -> int | str:
    """A value as the device takes it.

    Raises:
        ValueError: it does not fit; says what is allowed.
    """
    if info.type in SWITCHES:
        return _switch(value)
    if info.type in MENUS:
        return _menu_index(info, value)
    if info.type == v4l2.TYPE_STRING:
        return _text(info, value)
    return _number(info, value)


def _kind(info: ControlInfo) -> ControlKind:
    if info.type in SWITCHES:
        return ControlKind.BOOLEAN
    if info.type in MENUS:
        return ControlKind.MENU
    return ControlKind.TEXT if info.type == v4l2.TYPE_STRING else ControlKind.INTEGER


def _shown(info: ControlInfo, value: int | str) -> ControlValue:
    if info.type in SWITCHES:
        return bool(value)
    if info.type in MENUS:
        return info.menu.get(int(value), str(value))
    return int(value) & _BITS if info.type == v4l2.TYPE_BITMASK else value


def _switch(value: ControlValue) -> int:
    if isinstance(value, bool) or value in (0, 1):
        return int(value)
    raise ValueError("must be true or false")


def _menu_index(info: ControlInfo, value: ControlValue) -> int:
    """By name, without regard to case, or by the driver's own number."""
    wanted = str(value).lower()
    for index, name in info.menu.items():
        if name.lower() == wanted:
            return index
    if isinstance(value, int) and not isinstance(value, bool) and value in info.menu:
        return value
    names = ", ".join(f'"{name}"' for name in info.menu.values())
    raise ValueError(f"must be one of {names}")


def _text(info: ControlInfo, value: ControlValue) -> str:
    if isinstance(value, str) and info.minimum <= len(value) <= info.maximum:
        return value
    raise ValueError(f"must be a text of {info.minimum} to {info.maximum} characters")


def _number(info: ControlInfo, value: ControlValue) -> int:
    step, maximum = max(1, info.step), _maximum(info)
    by = f" in steps of {step}" if step > 1 else ""
    allowed = f"must be a whole number from {info.minimum} to {maximum}{by}"
    if isinstance(value, (bool, str)) or value != int(value):
        raise ValueError(allowed)
    number = int(value)
    if not info.minimum <= number <= maximum or (number - info.minimum) % step:
        raise ValueError(allowed)
    return number


def _maximum(info: ControlInfo) -> int:
    return info.maximum & _BITS if info.type == v4l2.TYPE_BITMASK else info.maximum
