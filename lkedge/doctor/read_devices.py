"""Reads which devices there are, who may use them, and who runs lkedge."""

from __future__ import annotations

import grp
import importlib
import os
import platform
import pwd
import stat
import sys

from lkedge.doctor.facts import Board, Camera, Devices, Node, User
from lkedge.doctor.files import Files
from lkedge.plugin.manager import PluginManager

NODES = (
    "/dev/video*",
    "/dev/media*",
    "/dev/v4l-subdev*",
    "/dev/dma_heap/*",
    "/dev/snd/pcm*c",
    "/dev/dri/renderD*",
)
"""What lkedge and its plugins may open. Of sound only what captures."""

READ_WRITE = os.R_OK | os.W_OK

PI_CAMERA_PLUGIN = "picamera2"


def read_user(service_user: str) -> User:
    """Who lkedge runs as.

    service_user: of the unit, when root asks on behalf of the service; "" for ourselves.
    """
    if service_user and os.getuid() == 0:
        return _named(service_user)
    groups = tuple(sorted({_group(gid) for gid in [os.getegid(), *os.getgroups()]}))
    return User(_own_name(), groups, os.geteuid() == 0)


def read_devices(files: Files, user: User) -> Devices:
    nodes = tuple(_node(files, path, user) for pattern in NODES for path in files.glob(pattern))
    modules = frozenset(line.split()[0] for line in files.text("/proc/modules").splitlines() if line)
    cards = [line for line in files.text("/proc/asound/cards").splitlines() if "[" in line]
    return Devices(nodes, modules, tuple(line.strip() for line in cards))


def read_camera(board: Board, plugins: PluginManager) -> Camera:
    """Whether this Python has libcamera. It is imported: only that shows whether its library fits."""
    is_wanted = board.is_pi or any(record.name == PI_CAMERA_PLUGIN for record in plugins.records)
    version = platform.python_version()
    if not is_wanted:
        return Camera(sys.executable, version)
    return Camera(sys.executable, version, _import_problem("libcamera"), is_wanted=True)


def _import_problem(module: str) -> str:
    """Why it cannot be imported. A library that does not fit raises all sorts of errors."""
    try:
        importlib.import_module(module)
    except Exception as error:
        return f"{type(error).__name__}: {error}"
    return ""


def _named(name: str) -> User:
    try:
        entry = pwd.getpwnam(name)
    except KeyError:
        return User(name, exists=False)
    groups = tuple(sorted({_group(gid) for gid in os.getgrouplist(name, entry.pw_gid)}))
    return User(name, groups, entry.pw_uid == 0)


def _own_name() -> str:
    try:
        return pwd.getpwuid(os.geteuid()).pw_name
    except KeyError:
        return str(os.geteuid())


def _node(files: Files, path: str, user: User) -> Node:
    name = files.text(f"/sys/class/video4linux/{os.path.basename(path)}/name")
    real = files.root / path.lstrip("/")
    try:
        status = real.stat()
    except OSError:
        return Node(path, "", may_use=False, name=name)
    group = _group(status.st_gid)
    return Node(path, group, _may_use(str(real), status, group, user), name)


def _may_use(path: str, status: os.stat_result, group: str, user: User) -> bool:
    """For ourselves the kernel knows (access control lists too); for others the mode decides."""
    if user.is_root or not user.exists:
        return user.is_root
    if user.name == _own_name():
        return os.access(path, READ_WRITE)
    if status.st_mode & stat.S_IROTH and status.st_mode & stat.S_IWOTH:
        return True
    return bool(group in user.groups and status.st_mode & stat.S_IRGRP and status.st_mode & stat.S_IWGRP)


def _group(gid: int) -> str:
    try:
        return grp.getgrgid(gid).gr_name
    except KeyError:
        return str(gid)
