"""One plugin's answer to `lkedge_probe`."""

from __future__ import annotations

import os
import threading

import pluggy

from lkedge.plugin.api import DeviceInfo
from lkedge.terms import TrackKind

LIMIT_S = 10.0
"""Twice what a plugin may take: a slow machine that is starting is no reason to show nothing."""

LIMIT_VARIABLE = "LKEDGE_PROBE_SECONDS"


def usual_limit_s() -> float:
    """How long to wait for the answers: as the environment says, or 10 s."""
    try:
        return max(0.1, float(os.environ.get(LIMIT_VARIABLE, LIMIT_S)))
    except ValueError:
        return LIMIT_S


def devices_of(caller: pluggy.HookCaller, kind: TrackKind | None) -> list[DeviceInfo]:
    """What this plugin lists, in this thread. Raises whatever the plugin raises."""
    return [device for answer in caller(kind=kind) for device in answer or ()]


class ProbeThread(threading.Thread):
    """One plugin's probe. A daemon thread: a driver that hangs must not keep the process."""

    def __init__(self, plugin: str, caller: pluggy.HookCaller, kind: TrackKind | None) -> None:
        super().__init__(name=f"probe-{plugin}", daemon=True)
        self.plugin = plugin
        self.devices: list[DeviceInfo] = []
        self.error: Exception | None = None
        self._caller = caller
        self._kind = kind
        self.start()

    def run(self) -> None:
        try:
            self.devices = devices_of(self._caller, self._kind)
        except Exception as error:
            self.error = error
