"""Finds the encoders of this machine by what they can do, never by the number of their node."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from dataclasses import dataclass

from lkedge_v4l2 import videodev2 as v4l2

from lkedge_h264_v4l2m2m import videodev2_m2m as m2m
from lkedge_h264_v4l2m2m.kernel import M2mKernel

PIXEL_FORMATS = {"YU12": "yuv420p", "NV12": "nv12"}
"""FFmpeg's names by fourcc of the pictures that we can hand in, the best first."""

MAX_ENUMERATED = 256
"""A driver that never says EINVAL must not hold us for ever."""


@dataclass(frozen=True, slots=True)
class Node:
    """One stateful encoder. fourccs: the raw formats of PIXEL_FORMATS that it takes."""

    path: str
    card: str
    driver: str
    bus: str
    is_multiplanar: bool
    fourccs: tuple[str, ...]

    @property
    def output_type(self) -> int:
        """The queue of the pictures, in V4L2's words: what goes out to the device."""
        return m2m.BUF_TYPE_VIDEO_OUTPUT_MPLANE if self.is_multiplanar else m2m.BUF_TYPE_VIDEO_OUTPUT

    @property
    def capture_type(self) -> int:
        """The queue of the compressed stream."""
        return v4l2.BUF_TYPE_VIDEO_CAPTURE_MPLANE if self.is_multiplanar else v4l2.BUF_TYPE_VIDEO_CAPTURE


@dataclass(frozen=True, slots=True)
class Found:
    """problems: nodes that could not be looked at, and why: one short clause each."""

    nodes: tuple[Node, ...]
    problems: tuple[str, ...]


def find_encoders(kernel: M2mKernel, coded: str) -> Found:
    """All nodes that turn raw pictures into this coded format (a fourcc)."""
    nodes, problems = [], []
    for path in kernel.video_nodes():
        try:
            node = _examined(kernel, path, coded)
        except OSError as error:
            problems.append(f"{path}: {error.strerror or error}")
            continue
        if node is not None:
            nodes.append(node)
    return Found(tuple(nodes), tuple(problems))


def _examined(kernel: M2mKernel, path: str, coded: str) -> Node | None:
    fd = kernel.open(path)
    try:
        return _node(kernel, fd, path, coded)
    finally:
        kernel.close(fd)


def _node(kernel: M2mKernel, fd: int, path: str, coded: str) -> Node | None:
    capability = v4l2.Capability()
    kernel.ioctl(fd, v4l2.QUERYCAP, capability)
    has_own = capability.capabilities & v4l2.CAP_DEVICE_CAPS
    flags = capability.device_caps if has_own else capability.capabilities
    is_multiplanar = bool(flags & m2m.CAP_VIDEO_M2M_MPLANE)
    if not flags & (m2m.CAP_VIDEO_M2M_MPLANE | m2m.CAP_VIDEO_M2M) or not flags & v4l2.CAP_STREAMING:
        return None
    node = Node(path, _text(capability.card), _text(capability.driver), _text(capability.bus_info), is_multiplanar, ())
    if coded not in _formats(kernel, fd, node.capture_type):
        return None
    offered = set(_formats(kernel, fd, node.output_type))
    fourccs = tuple(code for code in PIXEL_FORMATS if code in offered)
    return Node(path, node.card, node.driver, node.bus, is_multiplanar, fourccs) if fourccs else None


def _formats(kernel: M2mKernel, fd: int, buffer_type: int) -> Iterator[str]:
    for index in range(MAX_ENUMERATED):
        entry = v4l2.FormatDescription(index=index, type=buffer_type)
        try:
            kernel.ioctl(fd, v4l2.ENUM_FMT, entry)
        except OSError as error:
            if error.errno in (errno.EINVAL, errno.ENOTTY):
                return
            raise
        yield v4l2.fourcc_text(entry.pixelformat)


def _text(raw: bytes) -> str:
    return raw.decode("utf-8", "replace")
