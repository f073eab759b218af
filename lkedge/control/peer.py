"""Who calls, and what they may do.

The same rules hold for both spellings: root, the daemon's own user and the members of
`socket_group` may do everything; others may read when `allow_read` is "everyone".
"""

from __future__ import annotations

import errno
import grp
import logging
import os
import pwd
import socket
import struct
from dataclasses import dataclass

from lkedge.clock import SECOND_NS
from lkedge.config.models import ControlConfig
from lkedge.control.api import Access

logger = logging.getLogger(__name__)

SO_PEERGROUPS = 59
"""asm-generic/socket.h, since Linux 4.13; unix(7) has its meaning."""

_CREDENTIALS = struct.Struct("iII")
_GID_SIZE = 4
_MAX_GROUPS = 256

REFUSAL_INTERVAL_NS = 60 * SECOND_NS
MAX_REMEMBERED = 64


@dataclass(frozen=True, slots=True)
class Peer:
    """A process that calls. groups: supplementary ones too. pid: 0 when it is in a foreign PID namespace."""

    pid: int
    uid: int
    groups: frozenset[int]


def peer_of(connection: socket.socket) -> Peer:
    """Who connected to a Unix socket, as the kernel noted it at that moment. Raises OSError."""
    raw = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size)
    pid, uid, gid = _CREDENTIALS.unpack(raw)
    return Peer(pid, uid, frozenset({gid, *_groups(connection, uid, gid)}))


def _groups(connection: socket.socket, uid: int, gid: int) -> tuple[int, ...]:
    try:
        raw = connection.getsockopt(socket.SOL_SOCKET, SO_PEERGROUPS, _MAX_GROUPS * _GID_SIZE)
    except OSError as error:
        # ERANGE: more groups than Python can ask for. ENOPROTOOPT: an old kernel.
        if error.errno not in (errno.ERANGE, errno.ENOPROTOOPT):
            raise
        return groups_of_user(uid, gid)
    return struct.unpack(f"{len(raw) // _GID_SIZE}I", raw)


def groups_of_user(uid: int, gid: int = -1) -> tuple[int, ...]:
    """The groups of a user as the system's databases have them; none for an unknown one.

    gid: its primary group, -1 to look that up too. For callers of whom only the uid is known.
    """
    try:
        user = pwd.getpwuid(uid)
    except KeyError:
        return ()
    return tuple(os.getgrouplist(user.pw_name, user.pw_gid if gid == -1 else gid))


class Rights:
    """What callers may do. The group is looked up once, when this is made.

    group: number of `socket_group`; None when there is no such group.
    """

    def __init__(self, config: ControlConfig) -> None:
        self.group = group_number(config.socket_group)
        self._is_open_to_read = config.is_open_to_read
        self._own_uid = os.geteuid()
        self._group_name = config.socket_group

    def permits(self, peer: Peer, access: Access) -> bool:
        """Whether this caller may do that. pid 0: uid and groups are those of another system, and mean nothing here."""
        if peer.pid == 0:
            return False
        if access is Access.READ and self._is_open_to_read:
            return True
        return peer.uid in (0, self._own_uid) or self.group in peer.groups

    def remedy(self, access: Access) -> str:
        """What somebody who was refused may do about it."""
        group = f"be a member of the group {self._group_name!r}, or " if self.group is not None else ""
        reading = '; or let everyone read with control.allow_read = "everyone"' if access is Access.READ else ""
        return f"{group}use sudo{reading}"


def group_number(name: str) -> int | None:
    """None when there is no such group."""
    try:
        return grp.getgrnam(name).gr_gid if name else None
    except KeyError:
        return None


class RefusalLog:
    """Logs a refused caller once a minute, whatever else it tries.

    count: of all refusals.
    """

    def __init__(self) -> None:
        self.count = 0
        self._logged_ns: dict[int, int] = {}

    def note(self, peer: Peer, what: str, now_ns: int) -> None:
        """what: the command, or another attempt."""
        self.count += 1
        last_ns = self._logged_ns.get(peer.uid)
        if last_ns is not None and now_ns - last_ns < REFUSAL_INTERVAL_NS:
            return
        self._logged_ns.pop(peer.uid, None)
        if len(self._logged_ns) >= MAX_REMEMBERED:
            self._logged_ns.pop(next(iter(self._logged_ns)))
        self._logged_ns[peer.uid] = now_ns
        logger.warning("refused %s to %s: no right to do so", what, _description(peer))


def _description(peer: Peer) -> str:
    """`user bob (uid 1001, process 4711)`; the number alone for one that the system does not know."""
    try:
        return f"user {pwd.getpwuid(peer.uid).pw_name} (uid {peer.uid}, process {peer.pid})"
    except KeyError:
        return f"user {peer.uid} (process {peer.pid})"
