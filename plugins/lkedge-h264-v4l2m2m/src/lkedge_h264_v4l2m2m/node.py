"""Finds the memory-to-memory devices of this machine by what they can do, never by the number of their node."""

from __future__ import annotations

import errno
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Generic, NamedTuple, TypeVar

from lkedge_v4l2 import videodev2 as v4l2

from lkedge_h264_v4l2m2m import videodev2_m2m as m2m
from lkedge_h264_v4l2m2m.kernel import M2mKernel

PIXEL_FORMATS = {"YU12": "yuv420p", "NV12": "nv12"}
"""FFmpeg's names by fourcc of the pictures that encoders are given, the best first."""

SCALED_FORMATS = PIXEL_FORMATS | {"YUYV": "yuyv422"}
"""What scalers are given: limited-range Y'CbCr only, since what is to come of other colours is not agreed."""

MAX_ENUMERATED = 256
"""A driver that never says EINVAL must not hold us for ever."""


@dataclass(frozen=True, slots=True)
class Device:
    """One memory-to-memory device."""

    path: str
    card: str
    driver: str
    bus: str
    is_multiplanar: bool

    @property
    def output_type(self) -> int:
        """The queue of the pictures, in V4L2's words: what goes out to the device."""
        return m2m.BUF_TYPE_VIDEO_OUTPUT_MPLANE if self.is_multiplanar else m2m.BUF_TYPE_VIDEO_OUTPUT

    @property
    def capture_type(self) -> int:
        """The queue of what the device makes of them."""
        return v4l2.BUF_TYPE_VIDEO_CAPTURE_MPLANE if self.is_multiplanar else v4l2.BUF_TYPE_VIDEO_CAPTURE


@dataclass(frozen=True, slots=True)
class Node(Device):
    """A stateful encoder. fourccs: the raw formats of PIXEL_FORMATS that it takes."""

    fourccs: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ScalerNode(Device):
    """A device that makes pictures of pictures. takes, gives: fourccs with FFmpeg's names of them."""

    takes: Mapping[str, str]
    gives: Mapping[str, str]


NodeT = TypeVar("NodeT", bound=Device)


@dataclass(frozen=True, slots=True)
class Found(Generic[NodeT]):
    """problems: nodes that could not be looked at, and why: one short clause each."""

    nodes: tuple[NodeT, ...]
    problems: tuple[str, ...]


class _Formats(NamedTuple):
    """Of both queues: whether it is compressed, by fourcc."""

    output: dict[str, bool]
    capture: dict[str, bool]


def find_encoders(kernel: M2mKernel, coded: str) -> Found[Node]:
    """All nodes that turn raw pictures into this coded format (a fourcc)."""

    def encoder(device: Device, formats: _Formats) -> Node | None:
        fourccs = tuple(code for code in PIXEL_FORMATS if code in formats.output)
        is_encoder = fourccs and coded in formats.capture
        return Node(*_identity(device), fourccs) if is_encoder else None

    return _find(kernel, encoder)


def find_scalers(
    kernel: M2mKernel, takes: Mapping[str, str] = SCALED_FORMATS, gives: Mapping[str, str] = PIXEL_FORMATS
) -> Found[ScalerNode]:
    """All nodes with raw pictures on both sides. Whether they scale shows when they are tried.

    takes, gives: the formats of interest, FFmpeg's names by fourcc; a node needs one of each.
    """

    def scaler(device: Device, formats: _Formats) -> ScalerNode | None:
        if any(formats.output.values()) or any(formats.capture.values()):
            return None
        taken = {code: name for code, name in takes.items() if code in formats.output}
        given = {code: name for code, name in gives.items() if code in formats.capture}
        return ScalerNode(*_identity(device), taken, given) if taken and given else None

    return _find(kernel, scaler)


def _find(kernel: M2mKernel, choose: Callable[[Device, _Formats], NodeT | None]) -> Found[NodeT]:
    nodes, problems = [], []
    for path in kernel.video_nodes():
        try:
            examined = _examined(kernel, path)
        except OSError as error:
            problems.append(f"{path}: {error.strerror or error}")
            continue
        node = choose(*examined) if examined else None
        if node is not None:
            nodes.append(node)
    return Found(tuple(nodes), tuple(problems))


def _examined(kernel: M2mKernel, path: str) -> tuple[Device, _Formats] | None:
    """None when it is no memory-to-memory device."""
    fd = kernel.open(path)
    try:
        device = _device(kernel, fd, path)
        if device is None:
            return None
        return device, _Formats(*(_formats(kernel, fd, each) for each in (device.output_type, device.capture_type)))
    finally:
        kernel.close(fd)


def _device(kernel: M2mKernel, fd: int, path: str) -> Device | None:
    capability = v4l2.Capability()
    kernel.ioctl(fd, v4l2.QUERYCAP, capability)
    has_own = capability.capabilities & v4l2.CAP_DEVICE_CAPS
    flags = capability.device_caps if has_own else capability.capabilities
    if not flags & (m2m.CAP_VIDEO_M2M_MPLANE | m2m.CAP_VIDEO_M2M) or not flags & v4l2.CAP_STREAMING:
        return None
    words = (_text(capability.card), _text(capability.driver), _text(capability.bus_info))
    return Device(path, *words, bool(flags & m2m.CAP_VIDEO_M2M_MPLANE))


def _formats(kernel: M2mKernel, fd: int, buffer_type: int) -> dict[str, bool]:
    found = {}
    for index in range(MAX_ENUMERATED):
        entry = v4l2.FormatDescription(index=index, type=buffer_type)
        try:
            kernel.ioctl(fd, v4l2.ENUM_FMT, entry)
        except OSError as error:
            if error.errno in (errno.EINVAL, errno.ENOTTY):
                break
            raise
        found[v4l2.fourcc_text(entry.pixelformat)] = bool(entry.flags & m2m.FMT_FLAG_COMPRESSED)
    return found


def _identity(device: Device) -> tuple[str, str, str, str, bool]:
    return device.path, device.card, device.driver, device.bus, device.is_multiplanar


def _text(raw: bytes) -> str:
    return raw.decode("utf-8", "replace")
