"""What is plugged in, asked of the plugins in a process of its own.

A driver or a library that hangs, even with the interpreter's lock held, or that crashes, must
not take the daemon with it, so the daemon asks what a person would: `lkedge devices --json`.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import sys
from collections.abc import Sequence
from typing import Any

from lkedge.errors import PluginError
from lkedge.plugin.api import DeviceGroup, DeviceInfo
from lkedge.terms import TrackKind
from lkedge.worker.launch import worker_environment
from lkedge.worker.probing import usual_limit_s

COMMAND = (sys.executable, "-P", "-m", "lkedge", "devices", "--json")

START_S = 10.0
"""What Python and the end of the process may take beside the plugins."""


async def list_devices(command: Sequence[str] = COMMAND) -> list[DeviceInfo]:
    """All devices and encoders, in the order of the plugins.

    Raises:
        PluginError: they could not be listed; says what to do.
    """
    process = await asyncio.create_subprocess_exec(
        *command,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env=worker_environment(),
    )
    try:
        async with asyncio.timeout(usual_limit_s() + START_S):
            answer, complaint = await process.communicate()
    except TimeoutError as error:
        raise PluginError(f"no list of devices within {usual_limit_s() + START_S:.0f} s: {REMEDY}") from error
    finally:
        await _end(process)
    return _devices(answer, complaint)


REMEDY = "`lkedge devices` in a shell tells which plugin is slow"


async def _end(process: asyncio.subprocess.Process) -> None:
    """Also when the caller is gone: nothing is left behind."""
    with contextlib.suppress(ProcessLookupError):
        process.kill()
    await process.wait()


def _devices(answer: bytes, complaint: bytes) -> list[DeviceInfo]:
    try:
        return [_device(entry) for entry in json.loads(answer)]
    except (ValueError, KeyError, TypeError) as error:
        last = complaint.decode(errors="replace").strip().rpartition("\n")[2]
        raise PluginError(f"the list of devices cannot be read ({last or error}): {REMEDY}") from error


def _device(entry: dict[str, Any]) -> DeviceInfo:
    return DeviceInfo(
        plugin=entry["plugin"],
        name=entry["name"],
        kind=TrackKind(entry["kind"]),
        config=entry["config"],
        details=dict(entry["details"]),
        group=DeviceGroup(entry["group"]),
    )
