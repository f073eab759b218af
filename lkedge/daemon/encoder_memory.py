"""Remembers how the trials of encoders went, for this board, kernel and version.

One file, `encoders.json`, in the cache folder. It is read when first asked for, and written
after each trial. Whatever is wrong with it costs a trial, never a start.
"""

from __future__ import annotations

import contextlib
import json
import logging
import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from lkedge.clock import SECOND_NS, Clock, SystemClock
from lkedge.daemon.machine import Machine, cache_folder, this_machine
from lkedge.worker.jsonable import from_json, to_json
from lkedge.worker.trial_values import TrialLayer, TrialRequest, TrialResult

logger = logging.getLogger(__name__)

FILE = "encoders.json"

MAX_TRIALS = 64
"""One for each encoder and set of sizes; the oldest are forgotten."""


@dataclass(frozen=True, slots=True)
class Trial:
    """One that was made.

    version: of the plugin. layers: what was tried. tried_at_s: Unix time.
    """

    version: str
    layers: tuple[TrialLayer, ...]
    result: TrialResult
    tried_at_s: int


@dataclass(frozen=True, slots=True)
class _File:
    machine: Machine
    trials: tuple[Trial, ...]


class EncoderMemory:
    """For one thread at a time. Another process may write the same file; the last one wins."""

    def __init__(
        self, folder: Path | None = None, *, machine: Machine | None = None, clock: Clock | None = None
    ) -> None:
        self.path = (folder or cache_folder()) / FILE
        self._machine = machine or this_machine()
        self._clock = clock or SystemClock()
        self._trials: tuple[Trial, ...] | None = None

    @property
    def trials(self) -> tuple[Trial, ...]:
        """All that are valid for this machine, the oldest first."""
        if self._trials is None:
            self._trials = self._read()
        return self._trials

    def find(self, request: TrialRequest, version: str) -> Trial | None:
        """The trial of this encoder, in this version of its plugin, with these layers."""
        return next((trial for trial in self.trials if _is_of(trial, request, version)), None)

    def latest(self, encoder: str, version: str) -> Trial | None:
        """The newest trial of this encoder, whatever the layers."""
        found = [trial for trial in self.trials if (trial.result.encoder, trial.version) == (encoder, version)]
        return found[-1] if found else None

    def keep(self, request: TrialRequest, version: str, result: TrialResult) -> Trial:
        """Remember it, instead of the one before."""
        trial = Trial(version, request.layers, result, self._clock.wall_ns() // SECOND_NS)
        others = [other for other in self._read() if not _is_of(other, request, version)]
        self._trials = (*others, trial)[-MAX_TRIALS:]
        self._write()
        return trial

    def _read(self) -> tuple[Trial, ...]:
        try:
            content = from_json(_File, json.loads(self.path.read_text(encoding="utf-8")))
        except FileNotFoundError:
            return self._trials or ()
        except (OSError, ValueError, TypeError, RecursionError) as error:
            logger.debug("%s cannot be read: %s", self.path, error)
            return self._trials or ()
        return content.trials if content.machine == self._machine else ()

    def _write(self) -> None:
        """Best effort, and whole: readers see the old file or the new one."""
        new = self.path.with_name(f"{FILE}.{os.getpid()}")
        content = json.dumps(to_json(_File(self._machine, self._trials or ())), indent=1)
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            new.write_text(content, encoding="utf-8")
            new.replace(self.path)
        except OSError as error:
            logger.debug("%s cannot be written: %s", self.path, error)
            with contextlib.suppress(OSError):
                new.unlink()


def results_by_name(trials: Iterable[Trial | None]) -> dict[str, TrialResult]:
    return {trial.result.encoder: trial.result for trial in trials if trial is not None}


def _is_of(trial: Trial, request: TrialRequest, version: str) -> bool:
    return (trial.result.encoder, trial.version, trial.layers) == (request.encoder, version, request.layers)
