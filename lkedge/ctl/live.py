"""The commands that go on until they are stopped."""

from __future__ import annotations

import argparse
import itertools
import json
import shutil
import sys
import time
from collections.abc import Iterator, Sequence
from typing import Any, TextIO

from lkedge.ctl import tables
from lkedge.ctl.client import Client
from lkedge.ctl.errors import BadReply, CtlError, NoAnswer, NotRunning
from lkedge.ctl.output import print_json, wants_json

CLEAR_LINE = "\033[K"
CLEAR_BELOW = "\033[J"


def top(client: Client, args: argparse.Namespace) -> int:
    """Redrawn in place on a terminal, one after the other else; goes on while the daemon restarts."""
    screen = Screen(sys.stdout)
    for number in _counted(args.count):
        if number:
            time.sleep(args.interval)
        try:
            status = client.get("status")
        except (NotRunning, NoAnswer, BadReply) as error:
            if not number:
                raise
            screen.draw(str(error).split("\n"))
            continue
        if wants_json(args):
            print_json(status)
        else:
            screen.draw(tables.status_lines(status))
    return 0


def events(client: Client, args: argparse.Namespace) -> int:
    """One line for each event: its name and its data. The first is the present state."""
    with client.events() as stream:
        for number, (name, data) in enumerate(stream, 1):
            print(_event_line(name, data, is_json=wants_json(args)), flush=True)
            if number == args.count:
                return 0
    raise CtlError("the daemon has ended the stream of events")


class Screen:
    """Draws lines over those drawn before. The terminal may be resized."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._height = 0
        self._is_terminal = stream.isatty()

    def draw(self, lines: Sequence[str]) -> None:
        lines = [tables.printable(line) for line in lines]
        if not self._is_terminal:
            print("\n".join([*lines, ""]), file=self._stream, flush=True)
            return
        size = shutil.get_terminal_size()
        shown = [line[: size.columns - 1] for line in lines][: size.lines - 1]
        up = f"\033[{self._height}A" if self._height else ""
        text = "".join(f"{line}{CLEAR_LINE}\n" for line in shown)
        print(f"{up}\r{text}{CLEAR_BELOW}", end="", file=self._stream, flush=True)
        self._height = len(shown)


def _counted(count: int) -> Iterator[int]:
    return iter(range(count)) if count else itertools.count()


def _event_line(name: str, data: Any, *, is_json: bool) -> str:
    if is_json:
        return json.dumps({"event": name, "data": data}, ensure_ascii=False)
    return f"{time.strftime('%H:%M:%S')} {tables.printable(tables.event_line(name, data))}"
