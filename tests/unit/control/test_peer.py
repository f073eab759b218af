"""Who may do what: by values, and by processes of other users at a real socket."""

from __future__ import annotations

import asyncio
import errno
import grp
import logging
import os
import shutil
import socket
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from lkedge.config.models import ControlConfig
from lkedge.control import peer as peers
from lkedge.control.api import Access
from lkedge.control.peer import REFUSAL_INTERVAL_NS, SO_PEERGROUPS, Peer, RefusalLog, Rights, groups_of_user, peer_of
from tests.unit.control.conftest import Serve

STRANGER = 65_534
UNKNOWN = 4_000_000_000
GROUP = grp.getgrgid(os.getgid()).gr_name
NEEDS_ROOT = pytest.mark.skipif(os.geteuid() != 0, reason="only root can act as other users; run the tests with sudo")


def test_the_kernel_tells_who_connects() -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        assert peer_of(ours) == Peer(os.getpid(), os.geteuid(), frozenset({os.getgid(), *os.getgroups()}))


class ManyGroups(socket.socket):
    """As one whose peer is in more groups than Python can ask for."""

    def getsockopt(self, level: int, name: int, size: int = 0) -> bytes:  # type: ignore[override]
        if name == SO_PEERGROUPS:
            raise OSError(errno.ERANGE, "Numerical result out of range")
        return super().getsockopt(level, name, size)


def test_more_groups_than_python_can_ask_for() -> None:
    ours, theirs = socket.socketpair()
    with theirs, ManyGroups(fileno=ours.detach()) as many:
        assert peer_of(many).groups >= set(groups_of_user(os.geteuid()))


def test_groups_of_an_unknown_user() -> None:
    assert groups_of_user(UNKNOWN) == ()


@pytest.mark.parametrize(
    ("peer", "may_read", "may_change"),
    [
        (Peer(1, 0, frozenset()), True, True),
        (Peer(1, os.geteuid(), frozenset()), True, True),
        (Peer(1, STRANGER, frozenset({os.getgid()})), True, True),
        (Peer(1, STRANGER, frozenset({STRANGER})), False, False),
        (Peer(0, 0, frozenset({os.getgid()})), False, False),
    ],
)
def test_rights(peer: Peer, may_read: bool, may_change: bool) -> None:
    rights = Rights(ControlConfig(socket_group=GROUP))
    assert (rights.permits(peer, Access.READ), rights.permits(peer, Access.CHANGE)) == (may_read, may_change)


def test_everyone_may_read_when_told_so() -> None:
    rights = Rights(ControlConfig(socket_group=GROUP, is_open_to_read=True))
    stranger = Peer(1, STRANGER, frozenset({STRANGER}))
    assert rights.permits(stranger, Access.READ)
    assert not rights.permits(stranger, Access.CHANGE)
    assert not rights.permits(Peer(0, STRANGER, frozenset()), Access.READ)


@pytest.mark.parametrize("group", ["", "no-such-group"])
def test_without_the_group_only_root_and_ourselves(group: str) -> None:
    rights = Rights(ControlConfig(socket_group=group))
    assert rights.group is None
    assert not rights.permits(Peer(1, STRANGER, frozenset({0})), Access.READ)
    assert "sudo" in rights.remedy(Access.CHANGE)


def test_refusals_are_logged_once_a_minute_for_each_user(caplog: pytest.LogCaptureFixture) -> None:
    log = RefusalLog()
    with caplog.at_level(logging.WARNING):
        for now_ns in (0, 1, REFUSAL_INTERVAL_NS - 1, REFUSAL_INTERVAL_NS):
            log.note(Peer(7, STRANGER, frozenset()), "mute", now_ns)
        log.note(Peer(8, UNKNOWN, frozenset()), "mute", 5)
    assert [record.getMessage() for record in caplog.records] == [
        "refused mute to user nobody (uid 65534, process 7): no right to do so",
        "refused mute to user nobody (uid 65534, process 7): no right to do so",
        "refused mute to user 4000000000 (process 8): no right to do so",
    ]
    assert log.count == 5


def test_many_users_are_forgotten_in_turn() -> None:
    log = RefusalLog()
    for uid in range(1_000):
        log.note(Peer(1, uid, frozenset()), "mute", uid)
    assert len(log._logged_ns) == peers.MAX_REMEMBERED


@pytest.fixture
def path() -> Iterator[Path]:
    """A folder that every user can enter."""
    folder = Path(tempfile.mkdtemp(prefix="lkedge-control-"))
    folder.chmod(0o755)
    yield folder / "control.sock"
    shutil.rmtree(folder)


ASK = """
import os, socket, sys
stranger, *groups = map(int, sys.argv[3:])
os.setgroups(groups)
os.setgid(stranger)
os.setuid(stranger)
with socket.socket(socket.AF_UNIX) as connection:
    connection.settimeout(20)
    try:
        connection.connect(sys.argv[1])
    except PermissionError:
        sys.exit("closed")
    connection.sendall(f"{sys.argv[2]} HTTP/1.1\\r\\nHost: x\\r\\nConnection: close\\r\\n\\r\\n".encode())
    print(connection.makefile("rb").readline().split()[1].decode())
"""


async def ask_as(path: Path, what: str, groups: list[int]) -> str:
    """The status that a stranger in these groups gets; "closed" when the socket does not let it in."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-I", "-c", ASK, str(path), what, *map(str, [STRANGER, *groups])),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    output, errors = await asyncio.wait_for(process.communicate(), 30)
    return (output or errors).decode().strip()


@NEEDS_ROOT
async def test_strangers_do_not_get_in(serve: Serve, path: Path) -> None:
    await serve(socket_group=GROUP)
    assert await ask_as(path, "GET /v1/status", []) == "closed"


@NEEDS_ROOT
async def test_members_of_the_group_may_change(serve: Serve, path: Path) -> None:
    await serve(socket_group="video")
    video = grp.getgrnam("video").gr_gid
    assert (path.stat().st_gid, path.stat().st_mode & 0o777) == (video, 0o660)
    assert await ask_as(path, "POST /v1/tracks/front/mute", [video]) == "200"


@NEEDS_ROOT
async def test_everyone_may_read_but_not_change(serve: Serve, path: Path, caplog: pytest.LogCaptureFixture) -> None:
    await serve(is_open_to_read=True)
    with caplog.at_level(logging.WARNING):
        asked = [
            "GET /v1/status",
            "GET /metrics",
            "GET /v1/tracks/front/snapshot",
            "POST /v1/reload",
            "DELETE /v1/tracks/front",
            "POST /v1/nothing",
        ]
        statuses = [await ask_as(path, what, []) for what in asked]
    assert statuses == ["200", "200", "403", "403", "403", "404"]
    told = [record.getMessage() for record in caplog.records]
    assert len([line for line in told if "refused snapshot to user nobody (uid 65534" in line]) == 1
