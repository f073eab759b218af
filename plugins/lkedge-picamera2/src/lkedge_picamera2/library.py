"""Imports picamera2, and says what to do when that fails."""

from __future__ import annotations

import importlib
import logging
import os
import sys
import types
from pathlib import Path
from typing import Any

from lkedge.errors import SourceUnavailable

APT_INSTALL = "sudo apt install -y python3-picamera2 --no-install-recommends"
SYSTEM_PACKAGES = Path("/usr/lib/python3/dist-packages")
SYSTEM_VENV = "make the environment of lkedge with `/usr/bin/python3 -m venv --system-site-packages`"
TUNING_VARIABLE = "LIBCAMERA_RPI_TUNING_FILE"


class _NoDisplay(types.ModuleType):
    """Stands in for pykms, which picamera2 imports for previews on a screen; a daemon draws none."""

    class PixelFormat:
        """Its formats are named while the module is imported; the values are never used."""

        RGB888 = BGR888 = XRGB8888 = XBGR8888 = YUV420 = YVU420 = NV12 = NV21 = YUYV = YVYU = UYVY = VYUY = None


def load(tuning_file: str = "") -> Any:
    """The module picamera2.

    tuning_file: an absolute path, or "". libcamera reads it once, when it finds the cameras, for all
        cameras of the process, so the first call decides.

    Raises:
        SourceUnavailable: it cannot be imported; says what to install.
    """
    os.environ.setdefault("LIBCAMERA_LOG_LEVELS", "*:WARN")
    if tuning_file:
        os.environ[TUNING_VARIABLE] = tuning_file
    _leave_out_kms()
    _quieten()
    try:
        return importlib.import_module("picamera2")
    except Exception as error:
        _forget()
        raise SourceUnavailable(f"picamera2 cannot be imported: {explained(error)}") from error


def explained(error: BaseException, packages: Path = SYSTEM_PACKAGES) -> str:
    """What went wrong with an import, and the remedy."""
    missing = (getattr(error, "name", None) or "").partition(".")[0]
    if missing == "libcamera":
        return _libcamera_missing(packages)
    if missing == "picamera2":
        return _picamera2_missing(packages)
    if missing in ("kms", "pykms"):
        return "pykms is missing; run `sudo apt install python3-kms++` (what PyPI calls kms is something else)"
    if _is_wrong_numpy(error):
        return (
            f"numpy does not fit the compiled modules of the system ({error}); remove numpy from the environment of "
            "lkedge, so that the system's own is used: `pip uninstall numpy simplejpeg`"
        )
    if missing:
        return f"the module {missing} is missing; run `{APT_INSTALL}`, or `pip install {missing}`"
    return f'{type(error).__name__}: {error}; `{sys.executable} -c "import picamera2"` shows the whole of it'


def _libcamera_missing(packages: Path) -> str:
    """Its Python module is compiled for one version of Python, and is not on PyPI."""
    here = f"Python {sys.version_info[0]}.{sys.version_info[1]}"
    built_for = [path.name for path in packages.glob("libcamera/_libcamera.*.so")]
    if not built_for:
        return f"libcamera's Python module is not installed, and is not on PyPI; run `{APT_INSTALL}`, and {SYSTEM_VENV}"
    if any(f"-{sys.version_info[0]}{sys.version_info[1]}-" in name for name in built_for):
        return f"libcamera's Python module is there, but this environment does not see it; {SYSTEM_VENV}"
    return f"libcamera's Python module is there ({built_for[0]}), but not for this {here}; {SYSTEM_VENV}"


def _picamera2_missing(packages: Path) -> str:
    if (packages / "picamera2").is_dir():
        return f"it is there, but this environment does not see it; {SYSTEM_VENV}"
    return f"it is not installed; run `{APT_INSTALL}`, and {SYSTEM_VENV}"


def _is_wrong_numpy(error: BaseException) -> bool:
    """Of modules compiled with another numpy: a ValueError on its sizes, or an error of its own import."""
    text = str(error).lower()
    return "numpy" in text and any(part in text for part in ("size changed", "multiarray", "compiled", "_array_api"))


def _leave_out_kms() -> None:
    """Previews are all that picamera2 needs it for, and a Lite image does not have it.

    `kms`, which newer versions try first, is on PyPI the name of something that has nothing to do with it.
    """
    if "picamera2" not in sys.modules:
        sys.modules.setdefault("pykms", _NoDisplay("pykms"))
        sys.modules.setdefault("kms", None)  # type: ignore[arg-type]


def _quieten() -> None:
    """Steady running is silent. What it says while opening fails is part of our own sentence."""
    logger = logging.getLogger("picamera2")
    if logger.getEffectiveLevel() == logging.INFO:
        logger.setLevel(logging.WARNING)
    logging.getLogger("picamera2.picamera2").setLevel(logging.CRITICAL)


def _forget() -> None:
    """Half-imported modules would make the next attempt fail with another, misleading error."""
    for name in [name for name in sys.modules if name == "picamera2" or name.startswith("picamera2.")]:
        del sys.modules[name]
