"""Reads and sets the controls of an open node."""

from __future__ import annotations

import ctypes
import difflib
import errno
from collections.abc import Iterator, Mapping

from lkedge.errors import SourceError
from lkedge.plugin.api import Control, ControlValue
from lkedge_v4l2 import videodev2_controls as v4l2
from lkedge_v4l2.control_values import KNOWN, MENUS, SWITCHES, ControlInfo, control_name, to_control, to_device
from lkedge_v4l2.device import Device

MAX_CONTROLS = 512
_DECIDES_OTHERS = MENUS | SWITCHES


class DeviceControls:
    """All controls of a device by name. Belongs to the thread that owns the device."""

    def __init__(self, device: Device) -> None:
        self._device = device

    def read(self) -> list[Control]:
        """All controls with their present values, in the driver's order."""
        return [to_control(info, self._value(info)) for info in self._infos()]

    def set(self, name: str, value: ControlValue) -> None:
        """Set one.

        Raises:
            SourceError: there is no such control, it cannot be written now, or the value does not fit.
        """
        infos = {info.name: info for info in self._infos()}
        info = infos.get(name)
        if info is None:
            near = difflib.get_close_matches(name, infos, 1, 0.5)
            hint = f'; did you mean "{near[0]}"?' if near else f"; it has {', '.join(infos) or 'none'}"
            raise SourceError(f"{self._device.path}: {self._device.card} has no control {name!r}{hint}")
        self._set(info, value)

    def set_all(self, values: Mapping[str, ControlValue]) -> None:
        """Set several: switches and menus first, since "auto" decides whether numbers may be set. Raises as `set`."""
        deciding = {info.name for info in self._infos() if info.type in _DECIDES_OTHERS} if values else set()
        for name in sorted(values, key=lambda name: name not in deciding):
            self.set(name, values[name])

    def value(self, control_id: int) -> int | None:
        """The value of one control by its number; None when the device does not have it."""
        control = v4l2.ExtControl(id=control_id)
        try:
            self._exchange(v4l2.G_EXT_CTRLS, control)
        except OSError:
            return None
        return int(control.u.value)

    def press(self, control_id: int) -> bool:
        """Press a button by its number; False when the device does not have it."""
        try:
            self._exchange(v4l2.S_EXT_CTRLS, v4l2.ExtControl(id=control_id))
        except OSError:
            return False
        return True

    def _set(self, info: ControlInfo, value: ControlValue) -> None:
        where = f"{self._device.path}: control {info.name}"
        if not info.is_writable:
            raise SourceError(
                f"{where} cannot be set{' while pictures flow' if info.flags & v4l2.FLAG_GRABBED else ''}"
            )
        try:
            raw = to_device(info, value)
        except ValueError as error:
            raise SourceError(f"{where} is {value!r}, but {error}") from error
        if info.type == v4l2.TYPE_BUTTON and not raw:
            return
        try:
            self._write(info, raw)
        except OSError as error:
            hint = "; an automatic mode has it now, switch that off first" if info.flags & v4l2.FLAG_INACTIVE else ""
            raise SourceError(f"{where} = {value!r}: the driver says {error.strerror or error}{hint}") from error

    def _write(self, info: ControlInfo, raw: int | str) -> None:
        control = v4l2.ExtControl(id=info.id)
        if isinstance(raw, str):
            text = ctypes.create_string_buffer(raw.encode(), info.maximum + 1)
            control.size, control.u.pointer = len(text), ctypes.addressof(text)
            self._exchange(v4l2.S_EXT_CTRLS, control)
        else:
            control.u.value64 = raw
            self._exchange(v4l2.S_EXT_CTRLS, control)

    def _value(self, info: ControlInfo) -> int | str:
        if not info.is_readable:
            return 0
        control = v4l2.ExtControl(id=info.id)
        text = ctypes.create_string_buffer(info.maximum + 1 if info.type == v4l2.TYPE_STRING else 1)
        if info.type == v4l2.TYPE_STRING:
            control.size, control.u.pointer = len(text), ctypes.addressof(text)
        try:
            self._exchange(v4l2.G_EXT_CTRLS, control)
        except OSError:
            return info.default
        if info.type == v4l2.TYPE_STRING:
            return text.value.decode("utf-8", "replace")
        return int(control.u.value64 if info.type == v4l2.TYPE_INTEGER64 else control.u.value)

    def _exchange(self, request: int, control: v4l2.ExtControl) -> None:
        self._device.ioctl(request, v4l2.ExtControls(count=1, controls=ctypes.addressof(control)))

    def _infos(self) -> Iterator[ControlInfo]:
        """Those that are scalars and not disabled."""
        query = v4l2.QueryExtCtrl()
        for _ in range(MAX_CONTROLS):
            query = v4l2.QueryExtCtrl(id=query.id | v4l2.FLAG_NEXT)
            try:
                self._device.ioctl(v4l2.QUERY_EXT_CTRL, query)
            except OSError as error:
                if error.errno in (errno.EINVAL, errno.ENOTTY):
                    return
                raise SourceError(f"{self._device.path}: its controls cannot be read: {error.strerror}") from error
            if query.type in KNOWN and not query.flags & v4l2.FLAG_DISABLED and query.nr_of_dims == 0:
                yield self._info(query)

    def _info(self, query: v4l2.QueryExtCtrl) -> ControlInfo:
        return ControlInfo(
            query.id,
            control_name(query.name.decode("utf-8", "replace")),
            query.type,
            query.minimum,
            query.maximum,
            query.step,
            query.default_value,
            query.flags,
            dict(self._menu(query)) if query.type in MENUS else {},
        )

    def _menu(self, query: v4l2.QueryExtCtrl) -> Iterator[tuple[int, str]]:
        """Entries that the device does not have are left out by the driver (EINVAL)."""
        for index in range(query.minimum, min(query.maximum, query.minimum + MAX_CONTROLS) + 1):
            entry = v4l2.QueryMenu(id=query.id, index=index)
            try:
                self._device.ioctl(v4l2.QUERYMENU, entry)
            except OSError:
                continue
            yield index, _menu_text(entry, query.type)


def _menu_text(entry: v4l2.QueryMenu, kind: int) -> str:
    raw = bytes(entry.name)
    if kind == v4l2.TYPE_INTEGER_MENU:
        return str(int.from_bytes(raw[:8], "little", signed=True))
    return raw.split(b"\0", 1)[0].decode("utf-8", "replace")
