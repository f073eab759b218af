# lkedge: pure
"""What a source says of its controls, made fit for the link."""

from __future__ import annotations

import json
from collections.abc import Iterable

from lkedge.plugin.api import Control
from lkedge.worker.framing import MAX_CONTROL_BYTES
from lkedge.worker.jsonable import from_json, to_json

MAX_LIST_BYTES = MAX_CONTROL_BYTES - 1024
"""All controls go in one message."""

CONDITION_LENGTH = 200


def sendable(controls: Iterable[Control]) -> tuple[tuple[Control, ...], str]:
    """The controls that can be sent, and a sentence on those left out: malformed, or too many; "" when none is."""
    kept: list[Control] = []
    left_out: list[str] = []
    room = MAX_LIST_BYTES
    for control in controls:
        checked, size = _checked(control)
        room -= size
        if checked is None or room < 0:
            left_out.append(repr(getattr(control, "name", control))[:40])
        else:
            kept.append(checked)
    problem = f"controls left out, malformed or too many: {', '.join(left_out[:8])}" if left_out else ""
    return tuple(kept), problem


def one_line(condition: object) -> str:
    """A condition as it is shown."""
    return " ".join(str(condition).split())[:CONDITION_LENGTH]


def _checked(control: Control) -> tuple[Control | None, int]:
    """The control as the daemon would decode it, and its size in bytes; None when it would not."""
    try:
        data = json.dumps(to_json(control), separators=(",", ":"))
        return from_json(Control, json.loads(data)), len(data) + 1
    except (ValueError, TypeError, AttributeError, RecursionError):
        return None, 0
