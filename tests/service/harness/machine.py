"""One Debian booted by systemd-nspawn from a root of the service lab, which is never written to.

The network is the host's: a livekit-server on its loop-back is reached as on the host itself. The clock is the host's
too, and devices are none.
"""

from __future__ import annotations

import contextlib
import os
import shlex
import signal
import subprocess
import tempfile
import time
from pathlib import Path

from tests.finished import Finished, LabError

ROOT = Path(__file__).resolve().parents[3]
BOOT_DEADLINE_S = 60.0
COMMAND_DEADLINE_S = 60.0
STOP_DEADLINE_S = 10.0
POLL_S = 0.1
CGROUPS = (Path("/sys/fs/cgroup/unified"), Path("/sys/fs/cgroup"))
PATH = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

SCRIPT = """
mount -t tmpfs tmpfs {folder} && mkdir {folder}/upper {folder}/work {folder}/root &&
mount -t overlay -o lowerdir={lower},upperdir={folder}/upper,workdir={folder}/work overlay {folder}/root &&
echo $$ > {cgroup}/cgroup.procs && exec systemd-nspawn {options}
"""


def lab_folder() -> Path:
    """Where the roots and packages are. Raises CalledProcessError when they are not; the script says why."""
    command = [str(ROOT / "tools/setup-service-lab.sh"), "--print"]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, timeout=60)
    return Path(done.stdout.strip())


class Machine:
    """Boots at once; `stop` ends it, and nothing of it is left. Ends by itself when its test run ends.

    Any thread may run commands, several at once.
    """

    def __init__(self, root: Path) -> None:
        """root: a root of the lab."""
        self._folder = Path(tempfile.mkdtemp(prefix="lkedge-service-"))
        self._console = self._folder.with_suffix(".console")
        self._cgroup = _new_cgroup(self._folder.name)
        command = ["unshare", "--mount", "sh", "-c", _script(self._folder, root.resolve(), self._cgroup)]
        with self._console.open("wb") as console:
            self._process = subprocess.Popen(
                # setpriv: a killed test run leaves no machine behind.
                ["setpriv", "--pdeathsig", "KILL", *command],
                stdin=subprocess.DEVNULL,
                stdout=console,
                stderr=console,
                env={**os.environ, "SYSTEMD_NSPAWN_UNIFIED_HIERARCHY": "1"},
            )
        self._leader = 0

    def wait_ready(self) -> None:
        """Until it has booted. Raises LabError with the console."""
        until = time.monotonic() + BOOT_DEADLINE_S
        while not self._booted():
            if self._process.poll() is not None or time.monotonic() > until:
                raise LabError(f"the machine does not boot:\n{self.console()}")
            time.sleep(POLL_S)

    def run(self, *argv: str, user: str = "", data: str | bytes = b"", timeout: float = COMMAND_DEADLINE_S) -> Finished:
        """Run a command inside to its end, as root or another user.

        data: its standard input. timeout: seconds until it is killed. A command that fails is no error.

        Raises:
            LabError: it did not end in time.
        """
        try:
            done = subprocess.run(
                [*self._enter(), *(("runuser", "-u", user, "--") if user else ()), *argv],
                input=data.encode() if isinstance(data, str) else data,
                capture_output=True,
                timeout=timeout,
            )
        except subprocess.TimeoutExpired as error:
            raise LabError(f"{shlex.join(argv)} did not end within {timeout} s\n{error.stdout!r}") from error
        return Finished(argv, done.returncode, _text(done.stdout), _text(done.stderr))

    def start(self, *argv: str, lifetime_s: int = 30) -> subprocess.Popen[bytes]:
        """Start a command inside that is ended after so long at the latest; the caller waits for its output."""
        command = [*self._enter(), "timeout", str(lifetime_s), *argv]
        return subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)

    def shell(self, script: str, **options: float) -> Finished:
        """A line of shell as root; an error when it fails."""
        return self.run("sh", "-ec", script, **options).check()  # type: ignore[arg-type]

    def write(self, path: str, text: str, mode: int = 0o644) -> None:
        """Write a file inside, with the folders it needs."""
        script = 'mkdir -p "$(dirname "$0")" && cat > "$0" && chmod "$1" "$0"'
        self.run("sh", "-c", script, path, f"{mode:o}", data=text).check()

    def read(self, path: str) -> str:
        """The text of a file inside. Raises LabError."""
        return self.run("cat", path).check().stdout

    def wait_for(self, *argv: str, deadline_s: float = 30.0) -> Finished:
        """Repeat a command until it succeeds. Raises LabError with its last output."""
        until = time.monotonic() + deadline_s
        while (done := self.run(*argv)).returncode != 0:
            if time.monotonic() > until:
                raise LabError(f"not within {deadline_s} s: {shlex.join(argv)}\n{done.output}")
            time.sleep(POLL_S)
        return done

    def console(self, lines: int = 40) -> str:
        """The end of what was written on the console."""
        return "\n".join(self._console.read_text(errors="replace").splitlines()[-lines:])

    def stop(self) -> None:
        """End it at once: its disk goes with it."""
        for number in (signal.SIGTERM, signal.SIGKILL):
            if self._leader:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(self._leader, signal.SIGKILL)
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.send_signal(number)
                self._process.wait(STOP_DEADLINE_S)
                break
        _remove_cgroup(self._cgroup)
        self._folder.rmdir()
        self._console.unlink()

    def _booted(self) -> bool:
        self._leader = self._leader or _first_inside(self._process.pid)
        if not self._leader:
            return False
        state = self.run("systemctl", "is-system-running").stdout.strip()
        return state in ("running", "degraded")

    def _enter(self) -> list[str]:
        target = ["nsenter", "--target", str(self._leader), "--mount", "--uts", "--ipc", "--pid", "--cgroup", "--"]
        return [*target, "env", "-i", PATH, "LC_ALL=C.UTF-8", "HOME=/root", "TERM=dumb"]


def _script(folder: Path, lower: Path, cgroup: Path) -> str:
    options = [
        *("--directory", f"{folder}/root", "--boot", "--register=no", "--keep-unit", "--console=read-only"),
        *(f"--machine={folder.name.replace('_', '0')}", "--resolv-conf=replace-host"),
    ]
    return SCRIPT.format(folder=folder, lower=lower, cgroup=cgroup, options=shlex.join(options))


def _new_cgroup(name: str) -> Path:
    """One of its own for each machine: nspawn makes that which it runs in the root of all inside."""
    top = next(path for path in CGROUPS if (path / "cgroup.procs").exists())
    (top / name).mkdir()
    return top / name


def _remove_cgroup(folder: Path) -> None:
    """The kernel lets empty ones go, the innermost first; processes that were just killed need a moment."""
    until = time.monotonic() + STOP_DEADLINE_S
    while folder.exists() and time.monotonic() < until:
        for path in sorted(folder.rglob("*/"), reverse=True):
            with contextlib.suppress(OSError):
                path.rmdir()
        with contextlib.suppress(OSError):
            folder.rmdir()
            return
        time.sleep(POLL_S)


def _first_inside(pid: int) -> int:
    """Of all descendants the one that is PID 1 in its own namespace; 0 while there is none."""
    for child in _children(pid):
        with contextlib.suppress(OSError):
            numbers = _field(child, "NSpid").split()
            if len(numbers) > 1 and numbers[-1] == "1" and Path(f"/proc/{child}/comm").read_text() == "systemd\n":
                return child
        if found := _first_inside(child):
            return found
    return 0


def _children(pid: int) -> list[int]:
    try:
        return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except OSError:
        return []


def _field(pid: int, name: str) -> str:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(line.partition(":")[2] for line in lines if line.startswith(f"{name}:"))


def _text(data: bytes) -> str:
    return data.decode(errors="replace")
