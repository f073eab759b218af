"""Finding and loading the codec libraries: those inside the av wheel, or the distribution's.

The wheel's libraries are preferred: their versions are the tested ones. They are found
without importing av, so that a worker that needs only libvpx does not pay for FFmpeg
(18 MB of a process).
"""

from __future__ import annotations

import ctypes
import importlib.util
import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from lkedge.errors import EncoderError

logger = logging.getLogger(__name__)

MAX_DEPENDENCIES = 20
"""Libraries of the wheel that one of them may need, as a bound on the search."""


@dataclass(frozen=True, slots=True)
class NativeLibrary:
    """A loaded shared library. path: a file of the wheel, or a bare soname."""

    path: str
    handle: ctypes.CDLL


@cache
def load_library(name: str, sonames: Sequence[str] = (), *, package: str = "") -> NativeLibrary:
    """Load a library once per process.

    Args:
        name: "libvpx": the beginning of the file's name in the wheel.
        sonames: the distribution's names, a tuple, the newest first.
        package: the Debian package that has it, for the message.

    Raises:
        EncoderError: it is nowhere; the message says what to install.
    """
    problems = []
    candidates: list[Path | str] = [*wheel_libraries(name), *sonames]
    for path in candidates:
        try:
            library = NativeLibrary(str(path), _open(path))
        except OSError as exc:
            problems.append(str(exc))
        else:
            logger.debug("%s is %s", name, library.path)
            return library
    remedy = f"pip install av, or apt install {package}" if package else "pip install av"
    raise EncoderError(f"{name} is not on this machine ({'; '.join(problems) or 'no file'}): {remedy}")


def wheel_libraries(name: str) -> Iterator[Path]:
    """Files of the av wheel whose name starts with `name` and a dash."""
    spec = importlib.util.find_spec("av")
    for location in (spec.submodule_search_locations or ()) if spec else ():
        package = Path(location)
        for directory in (package.parent / "av.libs", package / ".libs"):
            yield from sorted(directory.glob(f"{name}-*.so*"))


def _open(path: Path | str) -> ctypes.CDLL:
    """Open a library; one of the wheel after those that it needs.

    The wheel's search path stands in av's own modules only, so the loader names what it
    misses; once that is loaded, its soname is known.
    """
    for _ in range(MAX_DEPENDENCIES):
        try:
            return ctypes.CDLL(str(path))
        except OSError as exc:
            missing = _missing(path, exc)
            if missing is None:
                raise
        _open(missing)
    raise OSError(f"{path}: needs more than {MAX_DEPENDENCIES} other libraries")


def _missing(path: Path | str, error: OSError) -> Path | None:
    """The file beside `path` that the loader could not find."""
    if not isinstance(path, Path):
        return None
    missing = path.parent / Path(str(error).partition(":")[0]).name
    return missing if missing != path and missing.is_file() else None
