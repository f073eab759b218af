"""From what the daemon raises to the stable codes of control."""

from __future__ import annotations

import logging

from lkedge.control.errors import Code, ControlError
from lkedge.errors import ConfigError, LkedgeError, NoSuchTrack
from lkedge.log import redact

logger = logging.getLogger(__name__)


def as_control_error(name: str, error: Exception) -> ControlError:
    """The refusal of command `name`. What lkedge did not foresee is logged with its traceback."""
    match error:
        case ControlError():
            return error
        case NoSuchTrack():
            return ControlError(Code.NOT_FOUND, redact(str(error)))
        case ConfigError():
            problems = [redact(problem) for problem in error.problems]
            return ControlError(Code.INVALID_ARGUMENT, f"{name}: {'; '.join(problems[:3])}", problems)
        case TimeoutError():
            return ControlError(Code.TIMEOUT, f"{name}: no answer in time; look at the status before trying again")
        case LkedgeError():
            return ControlError(Code.NOT_POSSIBLE_NOW, redact(str(error)))
    logger.error("%s failed", name, exc_info=error)
    return ControlError(Code.INTERNAL, f"{name} failed by a fault of lkedge; the journal has the details")
