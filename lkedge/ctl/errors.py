"""Why a command of `lkedgectl` failed, and the exit status that says so."""

from __future__ import annotations

import os
import pwd

EX_OK = 0
EX_FAILED = 1
"""The daemon answered, and could not do it."""

EX_USAGE = 2
"""The command line is wrong, as argparse has it."""

EX_NOT_RUNNING = 3
EX_REFUSED = 4
"""The rights are missing."""


class CtlError(Exception):
    """What the user reads on standard error. status: of the process."""

    status = EX_FAILED


class UsageError(CtlError):
    """The arguments make no sense together."""

    status = EX_USAGE


class NotRunning(CtlError):
    """Nobody listens at the socket."""

    status = EX_NOT_RUNNING

    def __init__(self, path: str, error: OSError) -> None:
        unit = unit_of(path)
        found = "nobody listens at" if isinstance(error, ConnectionRefusedError) else "there is no"
        super().__init__(
            f"{unit} is not running: {found} {path}\n"
            f"  sudo systemctl start {unit}\n"
            f"      starts it\n"
            f"  systemctl status {unit}\n"
            f"      tells why it does not stay\n"
            f"  lkedgectl --instance NAME ..., lkedgectl --socket PATH ...\n"
            f"      ask lkedge@NAME.service, or any other"
        )


class NotAllowed(CtlError):
    """The socket's mode keeps us out."""

    status = EX_REFUSED

    def __init__(self, path: str) -> None:
        super().__init__(f"{user_name()} may not use {path}\n{GROUP_HINT}")


class NoAnswer(CtlError):
    """Something listens, and says nothing."""

    status = EX_NOT_RUNNING

    def __init__(self, path: str, timeout_s: float) -> None:
        super().__init__(
            f"{unit_of(path)} has not answered at {path} for {timeout_s:g} s\n"
            f"  systemctl status {unit_of(path)}\n"
            f"      tells whether it starts, runs or fails"
        )


class BadReply(CtlError):
    """What came back cannot be understood."""


class Broken(BadReply):
    """The connection ended before the reply did; the daemon may be about to restart."""


class Refused(CtlError):
    """The daemon said no.

    code: of the control interface, such as "not_found".
    """

    def __init__(self, code: str, message: str, problems: list[str]) -> None:
        lines = [message, *(f"  {problem}" for problem in problems if problem not in message)]
        if code == "forbidden":
            lines.append(GROUP_HINT)
        super().__init__("\n".join(lines))
        self.code = code
        self.status = EX_REFUSED if code == "forbidden" else EX_FAILED


GROUP_HINT = """\
  root and members of the group lkedge may:
  sudo usermod -aG lkedge "$USER"  and log in again, or use sudo"""


def unit_of(path: str) -> str:
    """The unit that a socket belongs to, as far as its path tells."""
    folder, _, _ = path.rpartition("/")
    instance = folder.removeprefix("/run/lkedge/")
    return f"lkedge@{instance}" if instance != folder and "/" not in instance else "lkedge"


def user_name() -> str:
    """Who we are; the number for a user without a name."""
    try:
        return pwd.getpwuid(os.geteuid()).pw_name
    except KeyError:
        return f"user {os.geteuid()}"
