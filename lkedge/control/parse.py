# lkedge: pure
"""From plain values to the arguments of a command; every problem names the field, the value and what is allowed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError

from lkedge.config.document import Document
from lkedge.config.loader import known_settings
from lkedge.config.problems import Problems
from lkedge.control.api import Command
from lkedge.control.arguments import Arguments
from lkedge.control.errors import Code, ControlError
from lkedge.errors import ConfigError

MAX_PROBLEMS = 20
MAX_PROBLEM_LENGTH = 500


def from_values(command: Command, values: Mapping[str, Any]) -> Arguments:
    """Typed arguments from what JSON or D-Bus gave.

    Raises:
        ControlError: `invalid_argument`, with all problems.
    """
    return _checked(command, values, is_text=False)


def from_texts(command: Command, texts: Mapping[str, str]) -> Arguments:
    """The same from texts, such as those of a query: "640", "true". Raises as `from_values`."""
    return _checked(command, texts, is_text=True)


def _checked(command: Command, values: Mapping[str, Any], *, is_text: bool) -> Arguments:
    model = command.arguments
    try:
        return model.model_validate_strings(values) if is_text else model.model_validate(values)
    except ValidationError as error:
        raise invalid(command.name, _sentences(model, values, error)) from None


def invalid(name: str, problems: list[str]) -> ControlError:
    """The refusal of a command for its arguments."""
    short = tuple(_shortened(problem) for problem in problems[:MAX_PROBLEMS])
    return ControlError(Code.INVALID_ARGUMENT, f"{name}: {'; '.join(short[:3])}", short)


def _sentences(model: type[Arguments], values: Mapping[str, Any], error: ValidationError) -> list[str]:
    problems = Problems(Document(data=dict(values)))
    problems.add_invalid((), error.errors(include_url=False), known_settings(model))
    try:
        problems.raise_if_any()
    except ConfigError as found:
        return list(found.problems)
    return ["the arguments are wrong"]


def _shortened(text: str) -> str:
    """What came in may be long, and may be no Unicode."""
    shown = text if len(text) <= MAX_PROBLEM_LENGTH else text[: MAX_PROBLEM_LENGTH - 3] + "..."
    return shown.encode("utf-8", "backslashreplace").decode()
