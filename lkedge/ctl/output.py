"""How replies get to standard output."""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Iterable
from typing import Any

from lkedge.ctl.errors import BadReply
from lkedge.ctl.tables import printable


def show(args: argparse.Namespace, reply: Any, lines: Callable[[Any], Iterable[str]]) -> int:
    """Print a reply: as JSON when asked to, else as `lines` tells it. Returns the exit status 0."""
    if wants_json(args):
        print_json(reply)
    else:
        print("\n".join(map(printable, _told(reply, lines))))
    return 0


def _told(reply: Any, lines: Callable[[Any], Iterable[str]]) -> list[str]:
    try:
        return list(lines(reply))
    except (KeyError, TypeError) as error:
        raise BadReply(f"the daemon is of another version than lkedgectl ({error}); --json shows its reply") from error


def done(args: argparse.Namespace, reply: Any, sentence: str) -> int:
    """Say that something was done; with --json what the daemon replied."""
    return show(args, reply, lambda _: [sentence])


def print_json(value: Any) -> None:
    print(json.dumps(value, indent=2, ensure_ascii=False), flush=True)


def wants_json(args: argparse.Namespace) -> bool:
    return bool(getattr(args, "json", False))
