"""`python -m lkedge_picamera2.listing`: libcamera's cameras as JSON, from a process of its own.

libcamera loads its drivers into whoever asks, and a fault in one of them ends the process.
"""

from __future__ import annotations

import importlib
import importlib.util
import json
import os
import sys
from typing import Any

from lkedge_picamera2.control_types import camera_control, to_control
from lkedge_picamera2.controls import CROP, REGION, described, value_names
from lkedge_picamera2.region import WHOLE

NO_LIBCAMERA = 3
LOCATIONS = {0: "front", 1: "back", 2: "external"}


def main() -> int:
    """Print a list of tables with id, model and details; an exit code of 3 means that libcamera is not here."""
    os.environ.setdefault("LIBCAMERA_LOG_LEVELS", "*:ERROR")
    try:
        libcamera = importlib.import_module("libcamera")
    except ImportError as error:
        print(error, file=sys.stderr)
        return NO_LIBCAMERA
    cameras = libcamera.CameraManager.singleton().cameras
    json.dump([_table(libcamera, camera) for camera in cameras], sys.stdout)
    return 0


def _table(libcamera: Any, camera: Any) -> dict[str, Any]:
    properties = {identity.name: value for identity, value in camera.properties.items()}
    details = {
        "Id": camera.id,
        "place": LOCATIONS.get(properties.get("Location", -1), ""),
        "mounted": f"turned by {properties['Rotation']} degrees" if properties.get("Rotation") else "",
        "sensor": ", ".join(_sizes(libcamera, camera)),
        "controls": ", ".join(_controls(libcamera, camera)),
        "picamera2": ""
        if importlib.util.find_spec("picamera2")
        else "not installed: see the README of lkedge-picamera2",
    }
    shown = {name: text for name, text in details.items() if text}
    return {"id": camera.id, "model": str(properties.get("Model", "")), "details": shown}


def _sizes(libcamera: Any, camera: Any) -> list[str]:
    """What its sensor can read out; [] where libcamera does not say."""
    try:
        formats = camera.generate_configuration([libcamera.StreamRole.Raw]).at(0).formats
        sizes = {
            (size.width, size.height) for pixel_format in formats.pixel_formats for size in formats.sizes(pixel_format)
        }
    except Exception as error:
        print(f"{camera.id}: {error}", file=sys.stderr)
        return []
    return [f"{width}x{height}" for width, height in sorted(sizes)]


def _controls(libcamera: Any, camera: Any) -> list[str]:
    pairs = sorted(camera.controls.items(), key=lambda pair: str(pair[0].name))
    controls = [camera_control(identity, info, value_names(libcamera, identity.name)) for identity, info in pairs]
    texts = [described(to_control(control, None)) for control in controls]
    return [*texts, f"{REGION} = {WHOLE}"] if any(control.key == CROP for control in controls) else texts


if __name__ == "__main__":
    sys.exit(main())
