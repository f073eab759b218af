"""Names of cameras that survive another port and another order of plugging in."""

from __future__ import annotations

from lkedge.errors import SourceUnavailable
from lkedge_v4l2.device import Device
from lkedge_v4l2.kernel import Kernel

LINK_FOLDERS = ("/dev/v4l/by-id", "/dev/v4l/by-path")


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


def stable_names(kernel: Kernel) -> dict[str, str]:
    """By node, its name below by-id, else the one below by-path."""
    names: dict[str, str] = {}
    for folder in LINK_FOLDERS:
        for name, node in kernel.links(folder).items():
            names.setdefault(node, f"{folder}/{name}")
    return names


def shown_path(path: str, kernel: Kernel) -> str:
    """A node and its stable name, whichever of the two is given."""
    names = stable_names(kernel)
    node = next((node for node, name in names.items() if name == path), path)
    stable = names.get(node, "")
    return f"{node}, {stable}" if stable else node


def _candidates(wanted: str) -> list[str]:
    if wanted.startswith("/"):
        return [wanted]
    return [*(f"{folder}/{wanted}" for folder in LINK_FOLDERS), f"/dev/{wanted}"]
