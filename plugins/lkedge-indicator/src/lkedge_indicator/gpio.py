"""A GPIO line as an output, by the kernel's character device: <linux/gpio.h>, version 2 of its ioctls."""

from __future__ import annotations

import ctypes
import fcntl
import os
from collections.abc import Iterator
from ctypes import Structure, c_char, c_int32, c_uint32, c_uint64
from pathlib import Path

from lkedge.errors import PluginError

FOLDER = Path("/dev")
CONSUMER = b"lkedge"
FLAG_ACTIVE_LOW, FLAG_OUTPUT = 1 << 1, 1 << 3


class ChipInfo(Structure):
    _fields_ = (("name", c_char * 32), ("label", c_char * 32), ("lines", c_uint32))


class LineAttribute(Structure):
    _fields_ = (("id", c_uint32), ("padding", c_uint32), ("value", c_uint64))


class LineInfo(Structure):
    _fields_ = (
        ("name", c_char * 32),
        ("consumer", c_char * 32),
        ("offset", c_uint32),
        ("num_attrs", c_uint32),
        ("flags", c_uint64),
        ("attrs", LineAttribute * 10),
        ("padding", c_uint32 * 4),
    )


class LineConfigAttribute(Structure):
    _fields_ = (("attr", LineAttribute), ("mask", c_uint64))


class LineConfig(Structure):
    _fields_ = (
        ("flags", c_uint64),
        ("num_attrs", c_uint32),
        ("padding", c_uint32 * 5),
        ("attrs", LineConfigAttribute * 10),
    )


class LineRequest(Structure):
    _fields_ = (
        ("offsets", c_uint32 * 64),
        ("consumer", c_char * 32),
        ("config", LineConfig),
        ("num_lines", c_uint32),
        ("event_buffer_size", c_uint32),
        ("padding", c_uint32 * 5),
        ("fd", c_int32),
    )


class LineValues(Structure):
    _fields_ = (("bits", c_uint64), ("mask", c_uint64))


def _ioctl(direction: int, number: int, structure: type[Structure]) -> int:
    return direction << 30 | ctypes.sizeof(structure) << 16 | 0xB4 << 8 | number


GET_CHIP_INFO = _ioctl(2, 0x01, ChipInfo)
GET_LINE_INFO = _ioctl(3, 0x05, LineInfo)
GET_LINE = _ioctl(3, 0x07, LineRequest)
SET_VALUES = _ioctl(3, 0x0F, LineValues)


class GpioLine:
    """One line, which nobody else can use meanwhile. The kernel takes it back when the process ends."""

    def __init__(self, line: str, chip: str = "", *, active_low: bool = False, folder: Path = FOLDER) -> None:
        """Raises PluginError: there is no such line, it is in use, or it may not be used."""
        self._name = f'gpio_line "{line}"'
        try:
            path, offset = _found(line, chip, folder)
            self._fd = _requested(path, offset, active_low)
        except OSError as error:
            busy = (
                "; see `gpioinfo` for who uses it"
                if error.errno == 16
                else "; put the user of lkedge into the group gpio"
            )
            raise PluginError(f"indicator: {self._name} cannot be used: {error.strerror}{busy}") from error

    def set(self, is_on: bool) -> None:
        fcntl.ioctl(self._fd, SET_VALUES, LineValues(bits=is_on, mask=1))

    def close(self) -> None:
        fd, self._fd = self._fd, -1
        if fd < 0:
            return
        try:
            fcntl.ioctl(fd, SET_VALUES, LineValues(bits=0, mask=1))
        finally:
            os.close(fd)


def _requested(path: Path, offset: int, active_low: bool) -> int:
    """The descriptor of the line as an output that is off."""
    request = LineRequest(consumer=CONSUMER, num_lines=1)
    request.offsets[0] = offset
    request.config.flags = FLAG_OUTPUT | (FLAG_ACTIVE_LOW if active_low else 0)
    chip = os.open(path, os.O_RDWR | os.O_CLOEXEC)
    try:
        fcntl.ioctl(chip, GET_LINE, request)
    finally:
        os.close(chip)
    return int(request.fd)


def _found(line: str, chip: str, folder: Path) -> tuple[Path, int]:
    """The chip and the number of a line on it."""
    chips = [folder / Path(chip).name] if chip else sorted(folder.glob("gpiochip[0-9]*"))
    if line.isdigit() and chips:
        return chips[0], int(line)
    for path in chips:
        for offset, name in enumerate(_line_names(path)):
            if name == line:
                return path, offset
    raise PluginError(
        f'indicator: there is no gpio_line "{line}" on {", ".join(path.name for path in chips) or "this machine"}; '
        "`gpioinfo` lists them"
    )


def _line_names(path: Path) -> Iterator[str]:
    chip = os.open(path, os.O_RDWR | os.O_CLOEXEC)
    try:
        info = ChipInfo()
        fcntl.ioctl(chip, GET_CHIP_INFO, info)
        for offset in range(info.lines):
            line = LineInfo(offset=offset)
            fcntl.ioctl(chip, GET_LINE_INFO, line)
            yield line.name.decode(errors="replace")
    finally:
        os.close(chip)
