"""Reads the facts of lkedge itself: plugins, configuration, encoders, folders, the systemd unit."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from lkedge.daemon.machine import cache_folder
from lkedge.doctor.facts import Configuration, Folder, Plugin, Unit
from lkedge.doctor.files import output_of
from lkedge.errors import ConfigError
from lkedge.plugin.manager import PluginManager

if TYPE_CHECKING:
    from lkedge.config.models import Config

UNIT = "lkedge"
INSTANCES = Path("/etc/lkedge/instances")
SERVICE_CACHE = Path("/var/cache/lkedge")
PROPERTIES = "LoadState,ActiveState,Result,NRestarts,UnitFileState,User"


def read_plugins(plugins: PluginManager) -> tuple[Plugin, ...]:
    return tuple(Plugin(record.name, record.status.value, record.reason) for record in plugins.records)


def read_configuration(path: Path | None, plugins: PluginManager) -> tuple[Configuration, Config | None]:
    """path: None for the system's files."""
    from lkedge.config.loader import load

    try:
        config = load(path, plugins.registry)
    except ConfigError as error:
        return Configuration(problems=error.problems), None
    tracks = tuple(track.name for track in config.tracks)
    return Configuration(tuple(map(str, config.files)), (), tracks, config.livekit.url), config


def read_folders(cache: Path) -> tuple[Folder, ...]:
    return (Folder("cache", str(cache), folder_problem(cache)),)


def cache_of(is_service: bool) -> Path:
    """Where the service remembers, when we ask on its behalf and it has done so; else our own folder."""
    return SERVICE_CACHE if is_service and SERVICE_CACHE.is_dir() else cache_folder()


def folder_problem(path: Path) -> str:
    """Why nothing can be written there, or below the first part of the path that exists; "" when it can."""
    there = next((folder for folder in (path, *path.parents) if folder.exists()), path)
    if not there.is_dir():
        return f"{there} is no folder"
    return "" if os.access(there, os.W_OK | os.X_OK) else f"{there} cannot be written"


def unit_of(path: Path | None) -> str:
    """The service that has this configuration: of an instance, or of all else."""
    is_instance = path is not None and path.absolute().parent == INSTANCES
    return f"{UNIT}@{path.stem}" if path is not None and is_instance else UNIT


def read_unit(name: str = UNIT) -> tuple[Unit, str]:
    """The service as systemd has it, and the user it runs as; empty without systemd."""
    return parse_unit(output_of("systemctl", "show", f"{name}.service", f"--property={PROPERTIES}"), name)


def parse_unit(text: str, name: str = UNIT) -> tuple[Unit, str]:
    """Of `systemctl show`: lines of NAME=VALUE."""
    values: Mapping[str, str] = dict(line.split("=", 1) for line in text.splitlines() if "=" in line)
    if not values:
        return Unit(), ""
    restarts = values.get("NRestarts", "")
    unit = Unit(
        values.get("LoadState", ""),
        values.get("ActiveState", ""),
        values.get("Result", ""),
        int(restarts) if restarts.isdigit() else 0,
        values.get("UnitFileState", "") == "enabled",
        name,
    )
    return unit, values.get("User", "") if unit.load == "loaded" else ""
