"""An error of the kernel as a sentence with a remedy."""

from __future__ import annotations

import errno
import getpass

from lkedge.errors import EncoderError


def refused(path: str, what: str, error: OSError, *, device: str = "hardware encoder") -> EncoderError:
    """what: what was being done, such as "starting"."""
    return EncoderError(f"{path}: the {device} failed while {what}: {_explained(path, error)}")


def _explained(path: str, error: OSError) -> str:
    if error.errno in (errno.ENOMEM, errno.ENOSPC):
        return (
            "no memory for its buffers; give it more with `dtoverlay=vc4-kms-v3d,cma-256` in "
            "/boot/firmware/config.txt, or encode fewer or smaller layers"
        )
    if error.errno == errno.EBUSY:
        return f"all of it is in use; `fuser {path}` names the programs"
    if error.errno in (errno.EACCES, errno.EPERM):
        return f"no right to use it; add the user to the group video: `sudo usermod -aG video {_user()}`"
    if error.errno in (errno.ENOENT, errno.ENODEV, errno.ENXIO):
        return "the device has gone; is its kernel module loaded?"
    return error.strerror or str(error)


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return "USER"
