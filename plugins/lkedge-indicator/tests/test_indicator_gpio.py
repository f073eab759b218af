"""GPIO lines on a kernel that only pretends: structures, requests, errors."""

from __future__ import annotations

import ctypes
import errno
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from lkedge_indicator import gpio
from lkedge_indicator.gpio import GpioLine

from lkedge.errors import PluginError

NAMES = {"gpiochip0": (b"ID_SDA", b"ID_SCL", b"GPIO17"), "gpiochip1": (b"BT_ON", b"GPIO17")}


class FakeKernel:
    """Answers the ioctls of <linux/gpio.h>; remembers who holds a line and what is on it."""

    def __init__(self, folder: Path) -> None:
        for name in NAMES:
            (folder / name).touch()
        self.lines: dict[int, tuple[str, int, int]] = {}
        self.values: dict[int, int] = {}
        self.error = 0

    def ioctl(self, descriptor: int, request: int, argument: Any) -> int:
        chip = Path(os.readlink(f"/proc/self/fd/{descriptor}")).name
        match request:
            case gpio.GET_CHIP_INFO:
                argument.lines = len(NAMES[chip])
            case gpio.GET_LINE_INFO:
                argument.name = NAMES[chip][argument.offset]
            case gpio.GET_LINE:
                self._give(chip, argument)
            case gpio.SET_VALUES:
                assert argument.mask == 1
                self.values[descriptor] = argument.bits
            case _:
                raise OSError(errno.ENOTTY, "no such request")
        return 0

    def _give(self, chip: str, request: gpio.LineRequest) -> None:
        if self.error:
            raise OSError(self.error, os.strerror(self.error))
        assert (request.num_lines, request.consumer) == (1, b"lkedge")
        request.fd = os.memfd_create("line")
        self.lines[request.fd] = (chip, request.offsets[0], request.config.flags)
        self.values[request.fd] = 0


@pytest.fixture
def kernel(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FakeKernel:
    kernel = FakeKernel(tmp_path)
    monkeypatch.setattr("lkedge_indicator.gpio.fcntl.ioctl", kernel.ioctl)
    return kernel


@pytest.fixture
def make_line(tmp_path: Path, kernel: FakeKernel) -> Callable[..., GpioLine]:
    return lambda line, chip="", **options: GpioLine(line, chip, folder=tmp_path, **options)


@pytest.mark.parametrize(
    ("structure", "size", "number"),
    [
        (gpio.ChipInfo, 68, 0x8044B401),
        (gpio.LineInfo, 256, 0xC100B405),
        (gpio.LineRequest, 592, 0xC250B407),
        (gpio.LineValues, 16, 0xC010B40F),
    ],
)
def test_structures_are_those_of_the_kernel(structure: type[ctypes.Structure], size: int, number: int) -> None:
    """Sizes and numbers as gcc has them for <linux/gpio.h>."""
    assert ctypes.sizeof(structure) == size
    assert number in (gpio.GET_CHIP_INFO, gpio.GET_LINE_INFO, gpio.GET_LINE, gpio.SET_VALUES)


@pytest.mark.parametrize(
    ("line", "chip", "found"),
    [
        ("GPIO17", "", ("gpiochip0", 2)),
        ("GPIO17", "gpiochip1", ("gpiochip1", 1)),
        ("BT_ON", "", ("gpiochip1", 0)),
        ("1", "", ("gpiochip0", 1)),
        ("1", "/dev/gpiochip1", ("gpiochip1", 1)),
    ],
)
def test_line_is_found(
    line: str, chip: str, found: tuple[str, int], kernel: FakeKernel, make_line: Callable[..., GpioLine]
) -> None:
    made = make_line(line, chip)
    assert [held[:2] for held in kernel.lines.values()] == [found]
    made.close()


def test_line_is_an_output_that_follows_and_ends_off(kernel: FakeKernel, make_line: Callable[..., GpioLine]) -> None:
    line = make_line("GPIO17", active_low=True)
    ((descriptor, (_, _, flags)),) = kernel.lines.items()
    assert flags == gpio.FLAG_OUTPUT | gpio.FLAG_ACTIVE_LOW
    seen = []
    for is_on in (True, False, True):
        line.set(is_on)
        seen.append(kernel.values[descriptor])
    line.close()
    line.close()
    assert [*seen, kernel.values[descriptor]] == [1, 0, 1, 0]
    with pytest.raises(OSError, match="Bad file descriptor"):
        os.fstat(descriptor)


def test_missing_line_is_named(make_line: Callable[..., GpioLine]) -> None:
    with pytest.raises(PluginError, match='there is no gpio_line "GPIO99" on gpiochip0, gpiochip1; `gpioinfo` lists'):
        make_line("GPIO99")


def test_machine_without_gpio_is_named(tmp_path: Path) -> None:
    with pytest.raises(PluginError, match='there is no gpio_line "17" on this machine'):
        GpioLine("17", folder=tmp_path / "empty")


@pytest.mark.parametrize(
    ("error", "remedy"), [(errno.EBUSY, "`gpioinfo` for who uses it"), (errno.EACCES, "into the group gpio")]
)
def test_refusal_has_its_remedy(
    error: int, remedy: str, kernel: FakeKernel, make_line: Callable[..., GpioLine]
) -> None:
    kernel.error = error
    with pytest.raises(PluginError, match=remedy):
        make_line("GPIO17")
