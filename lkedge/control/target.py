# lkedge: pure
"""What commands act on. The daemon implements ControlTarget; nothing here knows HTTP or D-Bus.

Everything is called on the event loop. A method refuses with an LkedgeError whose message
names the thing, the value and the remedy; lkedge.control.handler gives it a code:
NoSuchTrack is `not_found`, ConfigError `invalid_argument` with its problems, SourceError and
the errors of connections `not_possible_now`, TimeoutError `timeout`. A ControlError passes as it is.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from lkedge.plugin.api import Control, ControlValue, DeviceInfo
from lkedge.plugin.manager import PluginRecord
from lkedge.publish.layer_controller import LayerLimit
from lkedge.publish.permissions import Permissions
from lkedge.publish.state import Status
from lkedge.terms import Rid, TrackSource


class Plan(Protocol):
    """What a reload or a changed track does; daemon.reload.ReloadPlan is one.

    summary: one line. steps: `str()` of each is a sentence.
    """

    @property
    def summary(self) -> str: ...

    @property
    def steps(self) -> Sequence[object]: ...


@dataclass(frozen=True, slots=True)
class StatusChanged:
    """`status()` may differ. Any number of times; the receiver compares."""


@dataclass(frozen=True, slots=True)
class ControlChanged:
    """A live control has another value, or other limits."""

    track: str
    control: Control


@dataclass(frozen=True, slots=True)
class Reloaded:
    """A configuration was applied, or refused.

    problems: why it was refused; then `plan` is None and the old configuration stays.
    """

    plan: Plan | None
    problems: tuple[str, ...] = ()


Notice = StatusChanged | ControlChanged | Reloaded

Listener = Callable[[Notice], None]
"""Called on the loop; quick, and never raises."""


class ControlTarget(Protocol):
    """The daemon, as control sees it.

    persist: keep it over a restart of the daemon (in the state directory, never in /etc).
    """

    @property
    def started_ns(self) -> int:
        """When the daemon started; CLOCK_MONOTONIC."""
        ...

    @property
    def config_files(self) -> Sequence[Path]:
        """What was read, in the order of reading."""
        ...

    def status(self) -> Status: ...

    async def add_track(self, settings: Mapping[str, Any], persist: bool) -> str:
        """Add what `[[track]]` of the configuration describes. Returns its name."""
        ...

    async def change_track(self, name: str, settings: Mapping[str, Any], persist: bool) -> Plan:
        """Lay a partial `[[track]]` table over the present one. Returns what that changed."""
        ...

    async def remove_track(self, name: str, persist: bool) -> None: ...

    def set_muted(self, name: str, muted: bool, persist: bool) -> None: ...

    async def set_enabled(self, name: str, enabled: bool, persist: bool) -> None:
        """A disabled track has no worker and is not published, but stays in `status()`."""
        ...

    async def set_kind_enabled(self, publish_as: TrackSource, enabled: bool, persist: bool) -> Sequence[str]:
        """Enable or disable all tracks of a kind. Returns the names of those that changed."""
        ...

    def set_layer(self, name: str, rid: Rid, limit: LayerLimit, persist: bool) -> None:
        """Replace the limit of one layer; rid is NO_RID for a track without simulcast."""
        ...

    def controls(self, name: str) -> Sequence[Control]:
        """Those of the open source; none while it is closed."""
        ...

    async def set_control(self, name: str, control: str, value: ControlValue, persist: bool) -> Control: ...

    async def snapshot(self, name: str, width: int) -> bytes:
        """A JPEG of what the source sees now; 0 for the width of the capture."""
        ...

    def permissions(self) -> Permissions: ...

    async def set_permissions(self, permissions: Permissions, persist: bool) -> None: ...

    def reconnect(self) -> None: ...

    async def reload(self) -> Plan:
        """Read the configuration again and apply it. Raises ConfigError, and nothing has changed then."""
        ...

    def plugins(self) -> Sequence[PluginRecord]: ...

    async def devices(self) -> Sequence[DeviceInfo]: ...

    def log_levels(self) -> Mapping[str, str]:
        """By logger, those that were set; "" is the general one and always there."""
        ...

    def set_log_level(self, level: str, logger: str) -> None:
        """logger: "" for the general level."""
        ...

    def add_listener(self, listener: Listener) -> None: ...

    def remove_listener(self, listener: Listener) -> None: ...
