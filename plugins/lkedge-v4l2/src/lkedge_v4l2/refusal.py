"""What the kernel refuses, as sentences with a remedy."""

from __future__ import annotations

import errno
import getpass

from lkedge.errors import SourceUnavailable


def unavailable(path: str, error: OSError) -> SourceUnavailable:
    """An error of the kernel as a sentence with a remedy."""
    return SourceUnavailable(f"{path}: {_explained(path, error)}")


def _explained(path: str, error: OSError) -> str:
    if error.errno in (errno.ENOENT, errno.ENODEV, errno.ENXIO):
        return "there is no such camera; is it plugged in? `lkedge devices` lists those that are there"
    if error.errno in (errno.EACCES, errno.EPERM):
        return f"no right to open it; add the user to the group video: `sudo usermod -aG video {_user()}`"
    if error.errno == errno.EBUSY:
        return f"another program uses it; `fuser {path}` names it, close that one"
    if error.errno == errno.ENOSPC:
        return 'the USB bus has no bandwidth left; use input_format = "mjpeg", a smaller size, or another port'
    if error.errno == errno.ENOTTY:
        return "this is no V4L2 device; `lkedge devices` lists the cameras"
    return f"the driver says {error.strerror or error}; unplug it and plug it in again"


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return "USER"
