"""A command that ended in one of the labs' machines."""

from __future__ import annotations

import shlex
from dataclasses import dataclass


class LabError(Exception):
    """A machine does not boot or does not answer, or a command in it failed; the message has its output."""


@dataclass(frozen=True, slots=True)
class Finished:
    """One command that ended. returncode: None when it was killed after its deadline."""

    argv: tuple[str, ...]
    returncode: int | None
    stdout: str
    stderr: str

    @property
    def output(self) -> str:
        return f"{self.stdout}{self.stderr}"

    def check(self) -> Finished:
        """Itself. Raises LabError when the command failed."""
        if self.returncode != 0:
            raise LabError(f"{shlex.join(self.argv)} ended with {self.returncode}:\n{self.output[-8000:]}")
        return self
