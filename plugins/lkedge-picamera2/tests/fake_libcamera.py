"""As much of libcamera's Python module as the plugin touches, with an imx708 and an imx219 behind a Pi 5's ISP."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import IntEnum
from types import SimpleNamespace
from typing import Any

ANY = (1 << 64) - 1


@dataclass(frozen=True)
class Rectangle:
    x: int
    y: int
    width: int
    height: int


@dataclass(frozen=True)
class Transform:
    hflip: int = 0
    vflip: int = 0


@dataclass(frozen=True, eq=False)
class ControlId:
    name: str
    type: Any
    size: int = 0
    isArray: bool = False


@dataclass(frozen=True)
class ControlInfo:
    min: Any
    max: Any
    default: Any = None
    values: tuple[Any, ...] = field(default=())


class AfModeEnum(IntEnum):
    Manual = 0
    Auto = 1
    Continuous = 2


class NoiseReductionModeEnum(IntEnum):
    Off = 0
    Fast = 1
    HighQuality = 2


def controls() -> dict[str, tuple[ControlId, ControlInfo]]:
    """As picamera2's camera_ctrl_info."""
    listed = (
        _control("AeEnable", "Bool", False, True, True),
        _control("AfMode", "Integer32", 0, 2, 0, values=(0, 1, 2)),
        _control("AfWindows", "Rectangle", Rectangle(0, 0, 0, 0), Rectangle(0, 0, 9, 9), size=ANY),
        _control("AnalogueGain", "Float", 1.0, 16.0, 1.0),
        _control("Brightness", "Float", -1.0, 1.0, 0.0),
        _control("ColourGains", "Float", 0.0, 32.0, None, size=2),
        _control("ExposureTime", "Integer32", 9, 66_666, 20_000),
        _control("FrameDurationLimits", "Integer64", 17_849, 220_000_000, (17_849, 17_849), size=2),
        _control("NoiseReductionMode", "Integer32", 0, 1, 0),
        _control("ScalerCrop", "Rectangle", Rectangle(0, 0, 64, 64), Rectangle(8, 16, 4608, 2592), None),
    )
    return {identity.name: (identity, info) for identity, info in listed}


def _control(
    name: str, kind: str, low: Any, high: Any, default: Any = None, *, values: tuple[Any, ...] = (), size: int = 0
) -> tuple[ControlId, ControlInfo]:
    return ControlId(name, SimpleNamespace(name=kind), size, bool(size)), ControlInfo(low, high, default, values)


MODULE = SimpleNamespace(
    StreamRole=SimpleNamespace(Viewfinder="viewfinder", Raw="raw"),
    Transform=Transform,
    controls=SimpleNamespace(
        AfModeEnum=AfModeEnum, draft=SimpleNamespace(NoiseReductionModeEnum=NoiseReductionModeEnum)
    ),
)
