"""From the [control] table and the environment to a ControlConfig."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from lkedge.config.document import Document
from lkedge.config.models import ControlConfig
from lkedge.config.resolve_livekit import absolute
from lkedge.config.sections import ControlSection

SYSTEM_FOLDER = Path("/run/lkedge")
SOCKET_NAME = "control.sock"


def resolve_control(section: ControlSection, document: Document, environ: Mapping[str, str]) -> ControlConfig:
    """The resolved section."""
    return ControlConfig(
        socket=_socket(section.socket, document, environ),
        socket_group="lkedge" if section.socket_group is None else section.socket_group,
        is_open_to_read=section.allow_read == "everyone",
        metrics_port=section.metrics_port or 0,
        dbus=section.dbus is not False,
        instance=instance(environ),
    )


def _socket(value: str | None, document: Document, environ: Mapping[str, str]) -> Path | None:
    if value is None:
        return default_socket(environ, is_root=os.geteuid() == 0)
    return absolute(document, ("control", "socket"), value) if value else None


def default_socket(environ: Mapping[str, str], *, is_root: bool) -> Path:
    """Where the socket is when nobody says.

    systemd names the folder of a service or of one of its instances ($RUNTIME_DIRECTORY,
    systemd.exec(5)); an ordinary user's own daemon has it in $XDG_RUNTIME_DIR.
    """
    if folder := _service_folder(environ):
        return folder / SOCKET_NAME
    own = "" if is_root else environ.get("XDG_RUNTIME_DIR", "")
    return Path(own, "lkedge", SOCKET_NAME) if own else SYSTEM_FOLDER / SOCKET_NAME


def instance(environ: Mapping[str, str]) -> str:
    """Which lkedge@INSTANCE.service this is: its runtime folder is below that of lkedge.service. "" for none."""
    folder = _service_folder(environ)
    return folder.name if folder is not None and folder.parent == SYSTEM_FOLDER else ""


def _service_folder(environ: Mapping[str, str]) -> Path | None:
    folders = environ.get("RUNTIME_DIRECTORY", "")
    return Path(folders.split(":")[0]) if folders else None
