"""Which cameras are there, for `lkedge devices`."""

from __future__ import annotations

from collections.abc import Iterator

from lkedge.errors import SourceError, SourceUnavailable
from lkedge.plugin.api import Control, ControlKind, DeviceInfo, VideoCaptureSettings
from lkedge.terms import TrackKind
from lkedge_v4l2.controls import DeviceControls
from lkedge_v4l2.device import Device
from lkedge_v4l2.formats import USABLE, Mode, choose, explain, summary
from lkedge_v4l2.kernel import Kernel, LinuxKernel
from lkedge_v4l2.modes import read_modes
from lkedge_v4l2.names import LINK_FOLDERS, stable_names


def probe(kernel: Kernel | None = None) -> list[DeviceInfo]:
    """All nodes that deliver pictures in a format that we can use; others are left out."""
    kernel = kernel or LinuxKernel()
    names = stable_names(kernel)
    found = (_device_info(path, names.get(path, path), kernel) for path in kernel.video_nodes())
    return [info for info in found if info is not None]


def _device_info(path: str, stable: str, kernel: Kernel) -> DeviceInfo | None:
    try:
        device = Device(path, kernel)
    except SourceUnavailable:
        return None
    try:
        modes = [mode for mode in read_modes(device, VideoCaptureSettings()) if mode.fourcc in USABLE]
        best = choose(modes, VideoCaptureSettings())
        return None if best is None else _described(device, stable, best, modes, kernel)
    except SourceUnavailable:
        return None
    finally:
        device.close()


def _described(device: Device, stable: str, best: Mode, modes: list[Mode], kernel: Kernel) -> DeviceInfo:
    links = [
        f"{folder}/{name}"
        for folder in LINK_FOLDERS
        for name, node in kernel.links(folder).items()
        if node == device.path
    ]
    details = {
        "node": ", ".join([device.path, *links]),
        "driver": f"{device.driver}, {device.bus}",
        **summary(modes),
        "chosen without other wishes": f"{best} ({explain(best, modes, VideoCaptureSettings())})",
    }
    controls = ", ".join(map(_control_text, _controls(device)))
    details |= {"controls": controls} if controls else {}
    rate = f", framerate = {min(best.framerate, 30):g}" if best.framerate else ""
    capture = f"{{ width = {best.width}, height = {best.height}{rate} }}"
    config = "\n".join(_config(device.card, stable, capture))
    return DeviceInfo("v4l2", device.card, TrackKind.VIDEO, config, details)


def _controls(device: Device) -> list[Control]:
    try:
        return DeviceControls(device).read()
    except SourceError:
        return []


def _control_text(control: Control) -> str:
    """ "gain = 10 (0 to 255)"."""
    if control.kind is ControlKind.MENU:
        allowed = " | ".join(control.choices)
    elif control.minimum is not None and control.maximum is not None:
        allowed = f"{control.minimum:g} to {control.maximum:g}"
    else:
        allowed = control.kind.value
    return f"{control.name} = {control.value} ({allowed}{'' if control.is_writable else ', cannot be set'})"


def _config(card: str, device: str, capture: str) -> Iterator[str]:
    name = "-".join("".join(letter if letter.isalnum() else " " for letter in card.lower()).split()) or "camera"
    yield "[[track]]"
    yield f'name = "{name}"'
    yield 'source = "v4l2"'
    yield f"capture = {capture}"
    yield f'v4l2 = {{ device = "{device}" }}'
