# lkedge: pure
"""What a command answers when it is refused: a stable code, a sentence, and every problem."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum

from lkedge.errors import LkedgeError

DBUS_PREFIX = "org.lkedge1.Error."


class Code(StrEnum):
    """Stable: programs decide by it, people read the message."""

    NOT_FOUND = "not_found"
    """There is no such track, layer, control or address."""
    INVALID_ARGUMENT = "invalid_argument"
    """An argument is missing, unknown, of the wrong type or out of range; `problems` names each."""
    CONFLICT = "conflict"
    """It contradicts what there is, such as a second track of the same name."""
    FORBIDDEN = "forbidden"
    """The caller may not do this."""
    NOT_POSSIBLE_NOW = "not_possible_now"
    """It needs something that is not there at the moment: an open source, a connection."""
    BUSY = "busy"
    """Too much of it goes on already; try later."""
    TIMEOUT = "timeout"
    """No answer in time; whether it happened is not known."""
    INTERNAL = "internal"
    """A fault of lkedge; the journal has the details."""

    @property
    def dbus_name(self) -> str:
        """As an error name on D-Bus: "org.lkedge1.Error.NotFound"."""
        return DBUS_PREFIX + "".join(word.capitalize() for word in self.value.split("_"))


class ControlError(LkedgeError):
    """A command was refused.

    problems: one sentence each when there are several; `str()` is the message alone.
    """

    def __init__(self, code: Code, message: str, problems: Sequence[str] = ()) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.problems = tuple(problems)
        self.retryable = code in (Code.NOT_POSSIBLE_NOW, Code.BUSY, Code.TIMEOUT)
