# lkedge: pure
"""Which of libcamera's cameras a setting means."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from lkedge.errors import SourceUnavailable

NO_CAMERA = (
    "libcamera finds no camera; check the cable at both ends, that no other program uses it (`fuser -v /dev/media*`), "
    "and that /boot/firmware/config.txt has camera_auto_detect=1 or the dtoverlay of the sensor"
)


@dataclass(frozen=True, slots=True)
class CameraInfo:
    """One camera. index: picamera2's number for it, which changes when cameras come and go; the Id does not."""

    index: int
    id: str
    model: str

    def __str__(self) -> str:
        return f'"{self.id}" ({self.model})' if self.model else f'"{self.id}"'


def listed(infos: Iterable[Mapping[str, Any]]) -> list[CameraInfo]:
    """From `Picamera2.global_camera_info()`, in its order: CSI cameras first, those on USB last."""
    return [CameraInfo(index, str(info["Id"]), str(info.get("Model", ""))) for index, info in enumerate(infos)]


def choose(cameras: Sequence[CameraInfo], wanted: str) -> CameraInfo:
    """The camera of this Id, or the only one whose Id or model contains `wanted`; "": the first.

    Raises:
        SourceUnavailable: none fits, or several do; lists the Ids.
    """
    if not cameras:
        raise SourceUnavailable(NO_CAMERA)
    if not wanted:
        return cameras[0]
    matching = [camera for camera in cameras if camera.id == wanted] or _containing(cameras, wanted)
    if len(matching) == 1:
        return matching[0]
    if matching:
        raise SourceUnavailable(f'camera = "{wanted}" fits several cameras, give one whole Id: {_ids(matching)}')
    raise SourceUnavailable(f'there is no camera "{wanted}"; libcamera lists {_ids(cameras)}')


def _containing(cameras: Sequence[CameraInfo], wanted: str) -> list[CameraInfo]:
    part = wanted.lower()
    return [camera for camera in cameras if part in camera.id.lower() or part in camera.model.lower()]


def _ids(cameras: Iterable[CameraInfo]) -> str:
    return ", ".join(map(str, cameras))
