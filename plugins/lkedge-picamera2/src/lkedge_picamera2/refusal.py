"""What libcamera and picamera2 refuse, as sentences with a remedy."""

from __future__ import annotations

import getpass
import os
from collections.abc import Iterable
from glob import glob

from lkedge.errors import SourceUnavailable

NODES = ("/dev/media*", "/dev/dma_heap/*")


def unavailable(what: str, error: BaseException) -> SourceUnavailable:
    """An exception of picamera2 as a sentence with a remedy; its first cause says most."""
    cause = error
    while cause.__cause__ is not None:
        cause = cause.__cause__
    return SourceUnavailable(f"{what}: {_explained(cause)}")


def no_right(nodes: Iterable[str] = NODES) -> str:
    """Which device nodes there are that this user may not open, and the remedy; "" when there are none."""
    paths = [path for pattern in nodes for path in sorted(glob(pattern))]
    closed = [path for path in paths if not os.access(path, os.R_OK | os.W_OK)]
    # Some heaps are for root only; one that is open is enough.
    is_shut_out = any(path.startswith("/dev/media") for path in closed) or (closed and len(closed) == len(paths))
    if not is_shut_out:
        return ""
    return f"no right to open {closed[0]}; add the user to the group video: `sudo usermod -aG video {_user()}`"


def _explained(error: BaseException) -> str:
    text = str(error)
    lower = text.lower()
    if isinstance(error, PermissionError) or "permission denied" in lower or "operation not permitted" in lower:
        return no_right() or f"no right to open it ({text}); add the user to the group video"
    if "busy" in lower:
        return "another program uses it; `fuser -v /dev/media*` names it, close that one"
    if "dmaheap" in lower or "cannot allocate" in lower or "out of memory" in lower or isinstance(error, MemoryError):
        return (
            f"no memory for its pictures ({text}); use a smaller size, or a larger cma= in /boot/firmware/cmdline.txt"
        )
    if "role" in lower or isinstance(error, AttributeError):
        return f"picamera2 cannot drive this kind of camera ({text}); a webcam is for the source v4l2"
    return f"{text or type(error).__name__}; check its cable, and try `rpicam-hello`"


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return "USER"
