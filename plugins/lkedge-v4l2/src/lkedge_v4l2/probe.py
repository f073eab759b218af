"""Which cameras are there, and which one a setting means."""

from __future__ import annotations

from collections.abc import Iterator

from lkedge.errors import SourceUnavailable
from lkedge.plugin.api import DeviceInfo, VideoCaptureSettings
from lkedge.terms import TrackKind
from lkedge_v4l2.device import Device
from lkedge_v4l2.formats import USABLE, choose, summary
from lkedge_v4l2.kernel import Kernel, LinuxKernel

LINK_FOLDERS = ("/dev/v4l/by-id", "/dev/v4l/by-path")


def probe(kernel: Kernel | None = None) -> list[DeviceInfo]:
    """All nodes that deliver pictures in a format that we can use; others are left out."""
    kernel = kernel or LinuxKernel()
    names = _stable_names(kernel)
    found = (_device_info(path, names.get(path, path), kernel) for path in kernel.video_nodes())
    return [info for info in found if info is not None]


def find_device(wanted: str, kernel: Kernel) -> str:
    """The path of the camera that the option `device` means.

    Raises:
        SourceUnavailable: there is no such camera, or none at all.
    """
    if wanted:
        return next((path for path in _candidates(wanted) if kernel.exists(path)), _candidates(wanted)[0])
    problems = []
    for path in kernel.video_nodes():
        try:
            Device(path, kernel).close()
            return path
        except SourceUnavailable as error:
            problems.append(str(error))
    raise SourceUnavailable(problems[0] if problems else "there is no camera (no /dev/video*); plug one in")


def _candidates(wanted: str) -> list[str]:
    if wanted.startswith("/"):
        return [wanted]
    return [*(f"{folder}/{wanted}" for folder in LINK_FOLDERS), f"/dev/{wanted}"]


def _stable_names(kernel: Kernel) -> dict[str, str]:
    """By node, the link that survives plugging in another order."""
    names: dict[str, str] = {}
    for folder in LINK_FOLDERS:
        for name, node in kernel.links(folder).items():
            names.setdefault(node, f"{folder}/{name}")
    return names


def _device_info(path: str, stable: str, kernel: Kernel) -> DeviceInfo | None:
    try:
        device = Device(path, kernel)
    except SourceUnavailable:
        return None
    try:
        modes = [mode for mode in device.modes(VideoCaptureSettings()) if mode.fourcc in USABLE]
        best = choose(modes, VideoCaptureSettings())
        if best is None:
            return None
        details = {"node": path, "driver": f"{device.driver}, {device.bus}", **summary(modes)}
        rate = f", framerate = {min(best.framerate, 30):g}" if best.framerate else ""
        capture = f"{{ width = {best.width}, height = {best.height}{rate} }}"
        return DeviceInfo(
            "v4l2", device.card, TrackKind.VIDEO, "\n".join(_config(device.card, stable, capture)), details
        )
    except SourceUnavailable:
        return None
    finally:
        device.close()


def _config(card: str, device: str, capture: str) -> Iterator[str]:
    name = "-".join("".join(letter if letter.isalnum() else " " for letter in card.lower()).split()) or "camera"
    yield "[[track]]"
    yield f'name = "{name}"'
    yield 'source = "v4l2"'
    yield f"capture = {capture}"
    yield f'v4l2 = {{ device = "{device}" }}'
