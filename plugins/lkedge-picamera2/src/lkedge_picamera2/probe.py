"""Which Pi cameras are there, for `lkedge devices`."""

from __future__ import annotations

import importlib.util
import json
import logging
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from lkedge.plugin.api import DeviceInfo
from lkedge.terms import TrackKind

logger = logging.getLogger(__name__)

COMMAND = (sys.executable, "-P", "-m", "lkedge_picamera2.listing")
DEADLINE_S = 4.5


def probe(command: Sequence[str] = COMMAND) -> list[DeviceInfo]:
    """Those on CSI; webcams, which libcamera lists too, are for the source v4l2."""
    if command is COMMAND and importlib.util.find_spec("libcamera") is None:
        return []
    return [_device_info(table) for table in _tables(command) if "/usb" not in table["id"]]


def _tables(command: Sequence[str]) -> list[dict[str, Any]]:
    """None when libcamera is not here, or cannot tell."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(entry for entry in sys.path if entry)}
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=DEADLINE_S, env=environment)
        tables: list[dict[str, Any]] = json.loads(done.stdout) if done.returncode == 0 else []
    except (OSError, ValueError, subprocess.TimeoutExpired) as error:
        logger.info("the cameras of libcamera cannot be listed: %s", error)
        return []
    if done.returncode:
        logger.debug("the cameras of libcamera cannot be listed: %s", done.stderr.strip())
    return tables


def _device_info(table: Mapping[str, Any]) -> DeviceInfo:
    config = "\n".join(_config(table["id"], table["model"]))
    return DeviceInfo("picamera2", table["model"] or table["id"], TrackKind.VIDEO, config, table["details"])


def _config(identity: str, model: str) -> Iterator[str]:
    yield "[[track]]"
    yield f'name = "{"".join(letter for letter in model.lower() if letter.isalnum()) or "camera"}"'
    yield 'source = "picamera2"'
    yield "capture = { width = 1280, height = 720, framerate = 30 }"
    yield f"picamera2 = {{ camera = {json.dumps(identity)} }}"
