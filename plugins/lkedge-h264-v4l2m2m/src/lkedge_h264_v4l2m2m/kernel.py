"""The system calls of a memory-to-memory device, behind one small class that tests replace."""

from __future__ import annotations

import select
from typing import Any, Protocol

from lkedge_v4l2.kernel import LinuxKernel

READABLE = select.POLLIN
"""A compressed buffer, or the end of the stream, is ready."""

WRITABLE = select.POLLOUT
"""A buffer with a picture has been read by the driver."""


class M2mKernel(Protocol):
    """All errors are OSError, with errno."""

    def video_nodes(self) -> list[str]:
        """The paths of all video devices, in the order of their numbers."""
        ...

    def open(self, path: str) -> int:
        """Non-blocking, for reading and writing."""
        ...

    def close(self, fd: int) -> None: ...

    def ioctl(self, fd: int, request: int, argument: Any) -> None:
        """argument: a ctypes structure or integer, read and written in place."""
        ...

    def map(self, fd: int, length: int, offset: int) -> Any:
        """The memory of one buffer, an `mmap.mmap`."""
        ...

    def poll(self, fd: int, events: int, timeout_s: float) -> int:
        """Which of READABLE and WRITABLE (or an error bit) came within the time; 0 for none."""
        ...


class LinuxM2mKernel(LinuxKernel):
    """The real one."""

    def poll(self, fd: int, events: int, timeout_s: float) -> int:
        poller = select.poll()
        poller.register(fd, events)
        ready = poller.poll(max(0, round(timeout_s * 1000)))
        return ready[0][1] if ready else 0
