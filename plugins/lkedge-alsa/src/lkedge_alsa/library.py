"""pyalsaaudio, imported when a card is opened, and what of it is used.

It is built from source on every machine, so its absence is an ordinary case with a remedy.
"""

from __future__ import annotations

import ctypes
import importlib
import logging
from collections.abc import Sequence
from typing import Any, Protocol

from lkedge.errors import SourceUnavailable

logger = logging.getLogger(__name__)

REMEDY = "`sudo apt install libasound2-dev gcc python3-dev`, then `pip install 'lkedge-alsa[alsa]'`"
NEEDED = ("polldescriptors_revents", "htimestamp", "avail")
"""Of PCM: 0.10, which Debian has, lacks the first and hides overruns."""


class Pcm(Protocol):
    """One open device. All methods but `read` hold the GIL; none waits, since it is opened non-blocking."""

    def info(self) -> dict[str, Any]: ...
    def read(self) -> tuple[int, bytes]: ...
    def state(self) -> int: ...
    def avail(self) -> int: ...
    def htimestamp(self) -> tuple[int, int, int]: ...
    def set_tstamp_mode(self, mode: int) -> None: ...
    def set_tstamp_type(self, kind: int) -> None: ...
    def polldescriptors(self) -> list[tuple[int, int]]: ...
    def polldescriptors_revents(self, descriptors: list[tuple[int, int]]) -> int: ...
    def getformats(self) -> dict[str, int]: ...
    def getchannels(self) -> Sequence[int]: ...
    def getrates(self) -> Any: ...
    def close(self) -> None: ...


class Mixer(Protocol):
    """One mixer control of a card."""

    def volumecap(self) -> list[str]: ...
    def switchcap(self) -> list[str]: ...
    def getvolume(self, pcmtype: int = ...) -> list[int]: ...
    def setvolume(self, volume: int, channel: int | None = ..., pcmtype: int = ...) -> None: ...
    def getrec(self) -> list[int]: ...
    def setrec(self, capture: int) -> None: ...
    def close(self) -> None: ...


class Alsa(Protocol):
    """The module. Its names are those of ALSA."""

    ALSAAudioError: type[Exception]
    PCM_CAPTURE: int
    PCM_NONBLOCK: int
    PCM_TSTAMP_ENABLE: int
    PCM_TSTAMP_TYPE_MONOTONIC: int
    PCM_STATE_DISCONNECTED: int
    PCM_FORMAT_S16_LE: int
    PCM_FORMAT_S32_LE: int
    PCM_FORMAT_S24_LE: int
    PCM_FORMAT_S24_3LE: int

    def PCM(self, **arguments: Any) -> Pcm: ...
    def Mixer(self, **arguments: Any) -> Mixer: ...
    def mixers(self, **arguments: Any) -> list[str]: ...


def load() -> Alsa:
    """The module.

    Raises:
        SourceUnavailable: it cannot be imported or is too old; names the remedy.
    """
    try:
        alsa: Any = importlib.import_module("alsaaudio")
    except ImportError as error:
        raise SourceUnavailable(f"alsa: pyalsaaudio cannot be imported ({error}); {REMEDY}") from error
    if any(not hasattr(alsa.PCM, name) for name in NEEDED):
        raise SourceUnavailable(f"alsa: pyalsaaudio is too old, 0.11 is needed; {REMEDY}")
    _quieten()
    loaded: Alsa = alsa
    return loaded


def _on_error(file: bytes, line: int, function: bytes, code: int, text: bytes) -> None:
    logger.debug("libasound: %s: %s", function.decode(errors="replace"), text.decode(errors="replace"))


_HANDLER = ctypes.CFUNCTYPE(None, ctypes.c_char_p, ctypes.c_int, ctypes.c_char_p, ctypes.c_int, ctypes.c_char_p)(
    _on_error
)
"""Kept for ever, since libasound keeps its address."""


def _quieten() -> None:
    """libasound writes its troubles to standard error; they go to the debug log instead."""
    try:
        ctypes.CDLL("libasound.so.2").snd_lib_error_set_handler(_HANDLER)
    except (OSError, AttributeError) as error:
        logger.debug("libasound keeps writing to standard error: %s", error)
