"""The Unix socket in the file system: made with the right group and mode, replaced when stale, removed when ours."""

from __future__ import annotations

import contextlib
import logging
import os
import socket
import stat
from dataclasses import dataclass
from pathlib import Path

logger = logging.getLogger(__name__)

BACKLOG = 128
FOR_GROUP = 0o660
FOR_EVERYONE = 0o666


@dataclass(frozen=True, slots=True)
class BoundSocket:
    """A listening socket that we have made. inode: to know it again."""

    socket: socket.socket
    path: Path
    inode: tuple[int, int]

    def unlink(self) -> None:
        """Remove it from the file system, unless another one has taken its place."""
        with contextlib.suppress(OSError):
            if _inode(self.path) == self.inode:
                self.path.unlink()


def bind(path: Path, *, group: int | None, is_for_everyone: bool) -> BoundSocket | None:
    """Listen at `path`; None, with a line in the log, when that cannot be.

    group: its owner, when we may say so; None leaves it. is_for_everyone: who may connect,
        everybody or only the group.
    """
    try:
        return _bound(path, group, is_for_everyone)
    except _Occupied as error:
        logger.warning("%s: %s; this daemon cannot be controlled over it", path, error)
    except OSError as error:
        reason = error.strerror or error
        logger.info("no control socket: %s: %s (control.socket of the configuration says where)", path, reason)
    return None


class _Occupied(Exception):
    """Something else is there."""


def _bound(path: Path, group: int | None, is_for_everyone: bool) -> BoundSocket:
    with contextlib.suppress(FileExistsError):
        path.parent.mkdir(mode=0o755)
    _make_room(path)
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
    try:
        listener.bind(str(path))
        # Nobody can connect before `listen`, so nobody gets in with the wrong mode.
        _give_to(path, group)
        path.chmod(FOR_EVERYONE if is_for_everyone else FOR_GROUP)
        listener.listen(BACKLOG)
        return BoundSocket(listener, path, _inode(path))
    except BaseException:
        listener.close()
        raise


def _make_room(path: Path) -> None:
    """Remove the socket that a daemon which was killed has left."""
    try:
        mode = path.lstat().st_mode
    except FileNotFoundError:
        return
    if not stat.S_ISSOCK(mode):
        raise _Occupied("a file that is no socket is there")
    if _is_alive(path):
        raise _Occupied("another daemon listens there")
    path.unlink()


def _is_alive(path: Path) -> bool:
    """Whether somebody listens; in doubt, yes."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_NONBLOCK) as probe:
        try:
            probe.connect(str(path))
        except ConnectionRefusedError:
            return False
        except OSError:
            return True
    return True


def _give_to(path: Path, group: int | None) -> None:
    if group is None:
        return
    try:
        os.chown(path, -1, group)
    except PermissionError:
        logger.debug("%s cannot be given to group %d: we are no member", path, group)


def _inode(path: Path) -> tuple[int, int]:
    status = path.lstat()
    return status.st_dev, status.st_ino
