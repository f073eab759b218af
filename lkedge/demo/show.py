"""How the running demo is shown: redrawn in place on a terminal, a line now and then otherwise."""

from __future__ import annotations

import shutil
from typing import TextIO

from lkedge.demo.table import plain_line, table
from lkedge.publish.state import Status

CLEAR_LINE = "\033[K"
CLEAR_BELOW = "\033[J"
PLAIN_INTERVAL_S = 5.0


class LiveTable:
    """Redraws the table where it stands. The terminal may be resized."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._height = 0

    def show(self, status: Status, elapsed_s: float) -> None:
        size = shutil.get_terminal_size()
        lines = [line[: size.columns - 1] for line in table(status, elapsed_s)][: size.lines - 1]
        up = f"\033[{self._height}A" if self._height else ""
        text = "".join(f"{line}{CLEAR_LINE}\n" for line in lines)
        print(f"{up}\r{text}{CLEAR_BELOW}", end="", file=self._stream, flush=True)
        self._height = len(lines)


class PlainLines:
    """A line when a track or the connection changes its state, and every few seconds."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._shown_s = float("-inf")
        self._states: tuple[str, ...] = ()

    def show(self, status: Status, elapsed_s: float) -> None:
        states = (status.connection.state.value, *(track.state.value for track in status.tracks))
        if states == self._states and elapsed_s - self._shown_s < PLAIN_INTERVAL_S:
            return
        self._states, self._shown_s = states, elapsed_s
        print(plain_line(status, elapsed_s), file=self._stream, flush=True)


Display = LiveTable | PlainLines


def display_for(stream: TextIO) -> Display:
    return LiveTable(stream) if stream.isatty() else PlainLines(stream)
