"""What an open camera says that it can deliver."""

from __future__ import annotations

import ctypes
import errno
from collections.abc import Iterator

from lkedge.plugin.api import VideoCaptureSettings
from lkedge_v4l2 import videodev2 as v4l2
from lkedge_v4l2.device import Device
from lkedge_v4l2.formats import Mode, Range, rate_of, wanted_framerate, wanted_size
from lkedge_v4l2.refusal import unavailable

MAX_ENUMERATED = 256
"""A driver that never says EINVAL must not hold us for ever."""


def read_modes(device: Device, capture: VideoCaptureSettings) -> list[Mode]:
    """All modes; of a size that is free, the one next to the wanted size. Raises SourceUnavailable."""
    return [
        Mode(code, width, height, _best_framerate(device, code, width, height))
        for code in pixel_formats(device)
        for width, height in _sizes(device, code, capture)
    ]


def capable_modes(device: Device, capture: VideoCaptureSettings) -> list[Mode]:
    """As `read_modes`; a driver that names formats but no sizes is asked for the wanted one."""
    modes = read_modes(device, capture)
    if modes:
        return modes
    width, height = wanted_size(capture)
    return [Mode(code, width, height, wanted_framerate(capture)) for code in pixel_formats(device)]


def pixel_formats(device: Device) -> Iterator[str]:
    """The fourccs that the node lists."""
    for index in range(MAX_ENUMERATED):
        entry = v4l2.FormatDescription(index=index, type=device.buffer_type)
        if not _enumerate(device, v4l2.ENUM_FMT, entry):
            return
        yield v4l2.fourcc_text(entry.pixelformat)


def _sizes(device: Device, code: str, capture: VideoCaptureSettings) -> Iterator[tuple[int, int]]:
    for index in range(MAX_ENUMERATED):
        entry = v4l2.FrameSizeEnum(index=index, pixel_format=v4l2.fourcc(code))
        if not _enumerate(device, v4l2.ENUM_FRAMESIZES, entry):
            return
        if entry.type != v4l2.FRMSIZE_TYPE_DISCRETE:
            low_w, high_w, step_w, low_h, high_h, step_h = entry.values
            width, height = wanted_size(capture)
            yield Range(low_w, high_w, step_w).nearest(width), Range(low_h, high_h, step_h).nearest(height)
            return
        yield entry.values[0], entry.values[1]


def _best_framerate(device: Device, code: str, width: int, height: int) -> float:
    best = 0.0
    for index in range(MAX_ENUMERATED):
        entry = v4l2.FrameIntervalEnum(index=index, pixel_format=v4l2.fourcc(code), width=width, height=height)
        if not _enumerate(device, v4l2.ENUM_FRAMEINTERVALS, entry):
            return best
        best = max(best, rate_of(entry.values[0].numerator, entry.values[0].denominator))
        if entry.type != v4l2.FRMIVAL_TYPE_DISCRETE:
            return best
    return best


def _enumerate(device: Device, request: int, entry: ctypes.Structure) -> bool:
    """One step of an enumeration: EINVAL is its end, ENOTTY and ENODATA mean there is none."""
    try:
        device.ioctl(request, entry)
    except OSError as error:
        if error.errno in (errno.EINVAL, errno.ENOTTY, errno.ENODATA):
            return False
        raise unavailable(device.path, error) from error
    return True
