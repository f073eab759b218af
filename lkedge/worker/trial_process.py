"""`python -m lkedge.worker.trial_process PARENT`: one trial of an encoder, in a process that may hang or crash.

A request comes as JSON on stdin. On stdout go lines of JSON: a string for each step, so that whoever
gives up waiting knows where it hangs, and the result as an object at the end.
"""

from __future__ import annotations

import json
import logging
import os
import sys
from typing import TextIO

from lkedge import interrupts
from lkedge.terms import TrackKind
from lkedge.worker import factories
from lkedge.worker.jsonable import from_json, to_json
from lkedge.worker.parent import die_with
from lkedge.worker.sentence import describe
from lkedge.worker.trial import run_trial
from lkedge.worker.trial_values import TrialRequest, TrialResult


def main() -> None:
    """Entry point. Argument: the process id of who waits for the result."""
    die_with(int(sys.argv[1]))
    interrupts.leave_to_parent()
    out = _own_stdout()
    logging.disable(logging.CRITICAL)
    request = from_json(TrialRequest, json.load(sys.stdin))
    try:
        result = _tried(request, out)
    except Exception as error:
        result = TrialResult(request.encoder, describe(request.encoder, error))
    _write(out, to_json(result))
    # A driver's library may hang in its destructors.
    os._exit(0)


def _own_stdout() -> TextIO:
    """Libraries that print must not disturb the answer: what they print goes to stderr."""
    out = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    return out


def _tried(request: TrialRequest, out: TextIO) -> TrialResult:
    registration = factories.load_registry(request.plugins).encoders.get(request.encoder)
    if registration is None or registration.codec.kind is not TrackKind.VIDEO:
        return TrialResult(request.encoder, "no plugin offers this encoder; see `lkedge plugins`")
    return run_trial(registration, request, factories.make_scaler(), tell=lambda stage: _write(out, stage))


def _write(out: TextIO, value: object) -> None:
    out.write(json.dumps(value) + "\n")
    out.flush()


if __name__ == "__main__":
    main()
