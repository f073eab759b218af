"""All controls of an open camera by name: libcamera's own, and the region of the sensor that is shown."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from typing import Any

from lkedge.errors import SourceError
from lkedge.plugin.api import Control, ControlKind, ControlValue
from lkedge.plugin.controls import allowed, checked_value
from lkedge_picamera2 import region
from lkedge_picamera2.camera import Camera
from lkedge_picamera2.control_types import CameraControl, camera_control, to_camera, to_control

CROP = "ScalerCrop"
REGION = "region"


class CameraControls:
    """Made once the camera is configured; belongs to the reading thread.

    library: the module picamera2. width, height: of the picture. `metadata`: of the newest picture.
    """

    def __init__(self, camera: Camera, library: Any, width: int, height: int) -> None:
        self._camera = camera
        self._size = (width, height)
        known = [camera_control(*pair, value_names(library.libcamera, key)) for key, pair in camera.controls.items()]
        self._known = {control.name: control for control in sorted(known, key=lambda control: control.name)}
        self._set: dict[str, Any] = {}
        self._region = region.WHOLE
        self.metadata: Mapping[str, Any] = {}

    def read(self) -> list[Control]:
        """All of them: as the newest picture was taken, else as they were set, else their defaults."""
        controls = [to_control(control, self._value(control)) for control in self._known.values()]
        if CROP in self._camera.controls:
            controls.append(Control(REGION, ControlKind.TEXT, self._region, region.WHOLE))
        return controls

    def set(self, name: str, value: ControlValue) -> None:
        """Set one, from the next picture that is not under way on.

        Raises:
            SourceError: there is no such control, or the value does not fit.
        """
        shown = self._find(name)
        checked = checked_value(shown, self._named(shown, value))
        try:
            self._apply(name, checked)
        except ValueError as error:
            raise SourceError(f"control {name!r} is {value!r:.80}, but {error}") from error
        except RuntimeError as error:
            raise SourceError(f"control {name!r} = {value!r:.80}: libcamera says {error}") from error

    def set_all(self, values: Mapping[str, ControlValue]) -> None:
        """Set several: switches and menus first, since an automatic mode decides over numbers. Raises as `set`."""
        later = (ControlKind.INTEGER, ControlKind.NUMBER, ControlKind.TEXT)
        for name in sorted(values, key=lambda name: self._find(name).kind in later):
            self.set(name, values[name])

    def _apply(self, name: str, value: ControlValue) -> None:
        if name == REGION:
            self._show(str(value))
            return
        control = self._known[name]
        raw = to_camera(control, value)
        self._camera.set_controls({control.key: raw})
        self._set[control.key] = raw

    def _show(self, text: str) -> None:
        normal = region.normal(text)
        view = self._camera.controls[CROP][1].max
        rectangle = region.crop(normal, (view.x, view.y, view.width, view.height), *self._size)
        self._camera.set_controls({CROP: rectangle})
        self._region = normal

    def _find(self, name: str) -> Control:
        controls = {control.name: control for control in self.read()}
        if name in controls:
            return controls[name]
        near = difflib.get_close_matches(name, controls, 1, 0.5)
        hint = f'; did you mean "{near[0]}"?' if near else f"; it has {', '.join(controls) or 'none'}"
        raise SourceError(f"camera {self._camera.info} has no control {name!r}{hint}")

    def _named(self, control: Control, value: ControlValue) -> ControlValue:
        """Names of menus in whatever case, and by libcamera's spelling: "HighQuality" is "high_quality"."""
        if control.kind is not ControlKind.MENU or not isinstance(value, str):
            return value
        return next((name for name in control.choices if _bare(name) == _bare(value)), value)

    def _value(self, control: CameraControl) -> Any:
        value = self.metadata.get(control.key)
        return self._set.get(control.key) if value is None else value


def value_names(libcamera: Any, key: str) -> dict[str, int]:
    """The names of a control's values, from the enumeration in libcamera's module; {} when it has none."""
    controls = libcamera.controls
    for place in (controls, getattr(controls, "draft", None), getattr(controls, "rpi", None)):
        names = getattr(getattr(place, f"{key}Enum", None), "__members__", None)
        if names:
            return {name: int(value) for name, value in names.items()}
    return {}


def described(control: Control) -> str:
    """ "analogue_gain = 1 (a number from 0 to 16)"."""
    return f"{control.name} = {control.value} ({allowed(control)})"


def _bare(name: str) -> str:
    return name.replace("_", "").replace("-", "").replace(" ", "").lower()
