"""The system calls that V4L2 needs, behind one small class that tests replace.

`fcntl.ioctl` releases the GIL for arguments up to 1024 bytes, and all of ours are smaller.
Devices are opened non-blocking: a blocking DQBUF cannot be cancelled from Python.
"""

from __future__ import annotations

import ctypes
import errno
import fcntl
import glob
import mmap
import os
import select
from typing import Any, Protocol


class Memory(Protocol):
    """Mapped memory of one buffer."""

    def __getitem__(self, index: slice, /) -> bytes: ...
    def close(self) -> None: ...


class Kernel(Protocol):
    """All errors are OSError, with errno."""

    def video_nodes(self) -> list[str]:
        """The paths of all video devices, in the order of their numbers."""
        ...

    def links(self, directory: str) -> dict[str, str]:
        """The names in a folder below /dev/v4l and the nodes that they point to."""
        ...

    def exists(self, path: str) -> bool: ...

    def open(self, path: str) -> int: ...

    def close(self, fd: int) -> None: ...

    def ioctl(self, fd: int, request: int, argument: Any) -> None:
        """argument: a ctypes structure or integer, read and written in place."""
        ...

    def map(self, fd: int, length: int, offset: int) -> Memory: ...

    def wait(self, fd: int, timeout_s: float) -> int:
        """What is ready within the time: of select.POLLIN, POLLPRI (an event), POLLERR; 0 for nothing."""
        ...

    def usb_descriptors(self, path: str) -> bytes:
        """The USB descriptors of the device behind a node; empty when it is none."""
        ...


class LinuxKernel:
    """The real one."""

    def video_nodes(self) -> list[str]:
        return sorted(glob.glob("/dev/video*"), key=lambda path: (len(path), path))

    def links(self, directory: str) -> dict[str, str]:
        try:
            entries = sorted(os.listdir(directory))
        except OSError:
            return {}
        return {name: os.path.realpath(os.path.join(directory, name)) for name in entries}

    def exists(self, path: str) -> bool:
        return os.path.exists(path)

    def open(self, path: str) -> int:
        return os.open(path, os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)

    def close(self, fd: int) -> None:
        os.close(fd)

    def ioctl(self, fd: int, request: int, argument: Any) -> None:
        while True:
            try:
                fcntl.ioctl(fd, request, argument, True)
                return
            except OSError as error:
                if error.errno != errno.EINTR:
                    raise

    def map(self, fd: int, length: int, offset: int) -> Memory:
        return mmap.mmap(fd, length, mmap.MAP_SHARED, mmap.PROT_READ | mmap.PROT_WRITE, offset=offset)

    def wait(self, fd: int, timeout_s: float) -> int:
        poller = select.poll()
        poller.register(fd, select.POLLIN | select.POLLPRI)
        ready = poller.poll(max(0, round(timeout_s * 1000)))
        return ready[0][1] if ready else 0

    def usb_descriptors(self, path: str) -> bytes:
        # /sys/class/video4linux/videoN/device is the USB interface; its parent is the USB device.
        node = os.path.basename(os.path.realpath(path))
        interface = os.path.realpath(f"/sys/class/video4linux/{node}/device")
        try:
            with open(os.path.join(os.path.dirname(interface), "descriptors"), "rb") as file:
                return file.read()
        except OSError:
            return b""


def address_of(data: bytes) -> int:
    """Where the bytes of an immutable object lie in memory."""
    return ctypes.cast(ctypes.c_char_p(data), ctypes.c_void_p).value or 0
