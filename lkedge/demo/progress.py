"""Progress of long work on standard error: in place on a terminal, a line now and then otherwise."""

from __future__ import annotations

import sys
import time
from types import TracebackType
from typing import TextIO

PLAIN_INTERVAL_S = 10.0
TERMINAL_INTERVAL_S = 0.2


class Progress:
    """`with Progress("building") as p: p.step("what is done now")`. Used by one thread."""

    def __init__(self, title: str, stream: TextIO | None = None) -> None:
        self._title = title
        self._stream = stream or sys.stderr
        self._in_place = self._stream.isatty()
        self._interval_s = TERMINAL_INTERVAL_S if self._in_place else PLAIN_INTERVAL_S
        self._started = self._shown = time.monotonic()
        self._steps = 0

    def __enter__(self) -> Progress:
        print(f"{self._title} ...", file=self._stream, flush=True)
        return self

    def step(self, what: str) -> None:
        """Count one step; shown when the last one was shown long enough ago."""
        self._steps += 1
        now = time.monotonic()
        if now - self._shown < self._interval_s:
            return
        self._shown = now
        self._show(f"  {now - self._started:4.0f} s, {self._steps} steps: {what}"[:100])

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        word = "done" if kind is None else "failed"
        self._show(f"  {word} after {time.monotonic() - self._started:.0f} s, {self._steps} steps")
        if self._in_place:
            print(file=self._stream)

    def _show(self, line: str) -> None:
        text = f"\r\033[K{line}" if self._in_place else f"{line}\n"
        print(text, end="", file=self._stream, flush=True)
