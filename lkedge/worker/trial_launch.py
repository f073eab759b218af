"""Has an encoder tried in a process of its own, and waits for the result no longer than it may take."""

from __future__ import annotations

import contextlib
import json
import os
import selectors
import subprocess
import sys
import tempfile
import time

from lkedge import interrupts
from lkedge.worker.jsonable import from_json, to_json
from lkedge.worker.launch import worker_environment
from lkedge.worker.trial_values import TrialRequest, TrialResult

PROGRAM = "lkedge.worker.trial_process"

DEADLINE_S = 20.0
"""A trial takes a second or two; a Pi Zero that is starting everything else too needs ten."""

NICENESS = 10
"""Of a trial in the background: publishing comes first."""

END_S = 1.0
"""How long a killed process may take to end; one that a driver holds in the kernel is left behind."""

LINE_LIMIT = 64 * 1024


class TrialProcess:
    """One trial that was started. `result` is for one thread; `kill` may come from any.

    It has a runtime folder of its own: what an encoder shares with others there, such as a budget
    of pixels, is neither taken from running tracks nor counted against what it can do.
    """

    def __init__(self, request: TrialRequest, *, niceness: int = 0) -> None:
        """Start it.

        Raises:
            OSError: there is no process to be had.
        """
        self._request = request
        self._stage = "starting"
        self._result: TrialResult | None = None
        self._runtime = tempfile.TemporaryDirectory(prefix="lkedge-trial-", ignore_cleanup_errors=True)
        with interrupts.held():
            self._process = subprocess.Popen(
                [*_nice(niceness), sys.executable, "-P", "-m", PROGRAM, str(os.getpid())],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                env=worker_environment() | {"RUNTIME_DIRECTORY": self._runtime.name},
            )

    def result(self, deadline_s: float = DEADLINE_S) -> TrialResult:
        """Wait for it. A trial that hangs is killed and is a failure that says where it hung."""
        until = time.monotonic() + deadline_s
        try:
            self._send_request()
            is_complete = self._read_until(until)
        finally:
            self.kill()
        if self._result is not None:
            return self._result
        return TrialResult(self._request.encoder, self._ending() if is_complete else self._hung(deadline_s))

    def kill(self) -> None:
        """End it at once. Any number of times."""
        self._process.kill()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(END_S)
        self._runtime.cleanup()

    def _send_request(self) -> None:
        assert self._process.stdin is not None
        with contextlib.suppress(BrokenPipeError), self._process.stdin as stdin:
            stdin.write(json.dumps(to_json(self._request)).encode())

    def _read_until(self, until: float) -> bool:
        """Take in what it says; False when the time is up before its end."""
        assert self._process.stdout is not None
        text = b""
        with self._process.stdout as stdout, selectors.DefaultSelector() as selector:
            selector.register(stdout, selectors.EVENT_READ)
            while selector.select(max(0.0, until - time.monotonic())):
                if not (data := os.read(stdout.fileno(), LINE_LIMIT)):
                    return True
                *lines, text = (text + data).split(b"\n")
                for line in lines:
                    self._take(line)
                if self._result is not None or len(text) > LINE_LIMIT:
                    return True
        return False

    def _take(self, line: bytes) -> None:
        """A step, or the result. What is neither was not said by us."""
        with contextlib.suppress(ValueError):
            message = json.loads(line)
            if isinstance(message, str):
                self._stage = message[:100]
            else:
                self._result = from_json(TrialResult, message)

    def _hung(self, deadline_s: float) -> str:
        return f"it hangs while {self._stage}: no result within {deadline_s:g} s; its driver may need a restart"

    def _ending(self) -> str:
        code = self._process.returncode
        how = f"by signal {-code}" if code is not None and code < 0 else f"with exit code {code}"
        return f"it crashed while {self._stage} (the trial ended {how})"


def try_encoder(request: TrialRequest, deadline_s: float = DEADLINE_S, *, niceness: int = 0) -> TrialResult:
    """Start a trial and wait for its result; blocks."""
    try:
        process = TrialProcess(request, niceness=niceness)
    except OSError as error:
        return TrialResult(request.encoder, f"it cannot be tried: {error}")
    return process.result(deadline_s)


def _nice(niceness: int) -> list[str]:
    return ["nice", "-n", str(niceness)] if niceness else []
