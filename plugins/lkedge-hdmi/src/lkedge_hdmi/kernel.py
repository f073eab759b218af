"""The system calls that media devices need beyond those of V4L2."""

from __future__ import annotations

import glob
import os
from typing import Protocol

from lkedge_v4l2.kernel import Kernel, LinuxKernel


class HdmiKernel(Kernel, Protocol):
    """All errors are OSError, with errno."""

    def media_nodes(self) -> list[str]:
        """The paths of all media devices."""
        ...

    def number(self, path: str) -> tuple[int, int]:
        """Major and minor number of a device node."""
        ...

    def node_path(self, number: tuple[int, int]) -> str:
        """The path of the device node with these numbers."""
        ...

    def read_file(self, path: str) -> bytes: ...


class LinuxHdmiKernel(LinuxKernel):
    """The real one."""

    def media_nodes(self) -> list[str]:
        return sorted(glob.glob("/dev/media*"))

    def number(self, path: str) -> tuple[int, int]:
        device = os.stat(path).st_rdev
        return os.major(device), os.minor(device)

    def node_path(self, number: tuple[int, int]) -> str:
        # /dev/char exists with udev only.
        with open(f"/sys/dev/char/{number[0]}:{number[1]}/uevent") as file:
            names = [line.removeprefix("DEVNAME=").strip() for line in file if line.startswith("DEVNAME=")]
        return f"/dev/{names[0]}" if names else f"/dev/char/{number[0]}:{number[1]}"

    def read_file(self, path: str) -> bytes:
        with open(path, "rb") as file:
            return file.read()
