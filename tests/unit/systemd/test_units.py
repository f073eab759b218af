"""The unit files: what systemd itself says of them, and that files which belong together agree."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Iterable
from pathlib import Path

import pytest

from lkedge.cli.run import EX_CONFIG
from lkedge.config import credentials
from lkedge.daemon.listen import CONTROL

SYSTEMD = Path(__file__).parents[3] / "systemd"
UNITS = Path("usr/lib/systemd/system")
DROP_IN = "10-systemd-254.conf"
FIRST_WITH_DROP_IN = 254
MOST_EXPOSED = 18
"""In tenths, as systemd-analyze counts them."""

SCRIPT = "#!/bin/sh\n"
PROGRAMS = ("usr/bin/lkedge", "bin/kill")


def systemd_version() -> int:
    if shutil.which("systemd-analyze") is None:
        pytest.skip("systemd-analyze is missing: apt install systemd")
    text = subprocess.run(["systemd-analyze", "--version"], capture_output=True, text=True, check=True).stdout
    return int(text.split()[1].split(".")[0])


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A root folder with the units of this machine's systemd and ours, as the package installs them."""
    version = systemd_version()
    shutil.copytree(Path("/") / UNITS, tmp_path / UNITS, symlinks=True, ignore_dangling_symlinks=True)
    for unit in [*SYSTEMD.glob("*.service"), *SYSTEMD.glob("*.socket")]:
        shutil.copy(unit, tmp_path / UNITS)
    if version >= FIRST_WITH_DROP_IN:
        for folder in SYSTEMD.glob("*.service.d"):
            shutil.copytree(folder, tmp_path / UNITS / folder.name)
    for program in PROGRAMS:
        path = tmp_path / program
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(SCRIPT)
        path.chmod(0o755)
    return tmp_path


def analyze(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["systemd-analyze", "--no-pager", *arguments], capture_output=True, text=True, timeout=60, check=False
    )


def instantiated(root: Path, unit: str) -> str:
    """`verify` wants a file: that of an instance is a copy of its template."""
    template = unit.replace("@yard", "@")
    if template != unit:
        shutil.copy(root / UNITS / template, root / UNITS / unit)
    return unit


@pytest.mark.parametrize("unit", ["lkedge.service", "lkedge.socket", "lkedge@yard.service", "lkedge@yard.socket"])
def test_systemd_finds_nothing_wrong(root: Path, unit: str) -> None:
    done = analyze("verify", "--man=no", f"--root={root}", instantiated(root, unit))
    complaints = [line for line in done.stderr.splitlines() if "lkedge" in line]
    assert (done.returncode, complaints) == (0, [])


def test_systemd_would_find_a_mistake(root: Path) -> None:
    unit = root / UNITS / "lkedge.service"
    unit.write_text(unit.read_text().replace("Type=notify", "Type=notifi").replace("WatchdogSec=30", "WatchdgSec=30"))
    done = analyze("verify", "--man=no", f"--root={root}", "lkedge.service")
    assert "notifi" in done.stderr
    assert "WatchdgSec" in done.stderr


@pytest.mark.parametrize("unit", ["lkedge.service", "lkedge@.service"])
def test_hardly_anything_is_exposed(unit: str, tmp_path: Path) -> None:
    systemd_version()
    # Alone in a folder: what older releases do not know in the drop-in beside it would be complained of.
    shutil.copy(SYSTEMD / unit, tmp_path)
    limit = f"--threshold={MOST_EXPOSED}"
    done = analyze("security", "--offline=true", limit, str(tmp_path / unit))
    assert done.returncode == 0, done.stdout.splitlines()[-1]


def test_a_plain_unit_is_far_more_exposed(tmp_path: Path) -> None:
    systemd_version()
    (tmp_path / "plain.service").write_text("[Service]\nExecStart=/bin/true\n")
    plain = analyze("security", "--offline=true", f"--threshold={MOST_EXPOSED}", str(tmp_path / "plain.service"))
    assert plain.returncode != 0


def settings(path: Path) -> list[str]:
    lines = path.read_text().splitlines()
    return [line for line in lines if line and not line.startswith("#")]


def test_an_instance_is_the_same_daemon_in_other_places() -> None:
    single = settings(SYSTEMD / "lkedge.service")
    instance = settings(SYSTEMD / "lkedge@.service")
    differing = [line for line in instance if line not in single]
    assert all("%" in line for line in differing), differing
    assert not [line for line in single if line not in instance and line.partition("=")[0] not in names(differing)]


def names(lines: Iterable[str]) -> set[str]:
    return {line.partition("=")[0] for line in lines}


def test_both_drop_ins_say_the_same() -> None:
    single = settings(SYSTEMD / "lkedge.service.d" / DROP_IN)
    instance = settings(SYSTEMD / "lkedge@.service.d" / DROP_IN)
    assert [line.split(" check")[0] for line in instance] == [line.split(" check")[0] for line in single]


@pytest.mark.parametrize("unit", ["lkedge.socket", "lkedge@.socket"])
def test_the_socket_has_the_name_that_the_daemon_looks_for(unit: str) -> None:
    assert f"FileDescriptorName={CONTROL}" in settings(SYSTEMD / unit)


@pytest.mark.parametrize("unit", ["lkedge.service", "lkedge@.service"])
def test_the_service_hands_over_every_conventional_credential_and_keeps_the_exit_status(unit: str) -> None:
    said = settings(SYSTEMD / unit)
    for name in (credentials.TOKEN, credentials.API_KEY, credentials.API_SECRET, credentials.E2EE_KEY):
        assert f"LoadCredential={name}" in said
    assert f"RestartPreventExitStatus={EX_CONFIG}" in said


@pytest.mark.parametrize("unit", ["lkedge.service", "lkedge@.service"])
def test_no_unit_has_a_secret_or_an_environment(unit: str) -> None:
    text = "\n".join(settings(SYSTEMD / unit))
    assert not re.search(r"^(Environment|EnvironmentFile|SetCredential|PassEnvironment)", text, re.MULTILINE)


def test_the_user_and_groups_are_those_that_sysusers_makes() -> None:
    lines = settings(SYSTEMD / "sysusers.d/lkedge.conf")
    said = settings(SYSTEMD / "lkedge.service")
    assert any(line.startswith("u lkedge - ") for line in lines)
    groups = {line.split()[2] for line in lines if line.startswith("m lkedge ")}
    assert f"SupplementaryGroups={' '.join(sorted(groups, key=['video', 'audio', 'render'].index))}" in said


def test_sysusers_takes_its_file(tmp_path: Path) -> None:
    if shutil.which("systemd-sysusers") is None:
        pytest.skip("systemd-sysusers is missing: apt install systemd")
    (tmp_path / "etc").mkdir()
    command = ["systemd-sysusers", f"--root={tmp_path}", str(SYSTEMD / "sysusers.d/lkedge.conf")]
    subprocess.run(command, check=True, timeout=30, capture_output=True)
    assert re.search(r"^lkedge:.*:/var/lib/lkedge:", (tmp_path / "etc/passwd").read_text(), re.MULTILINE)
    assert re.search(r"^video:.*:lkedge$", (tmp_path / "etc/group").read_text(), re.MULTILINE)


def test_every_file_says_where_it_is_installed() -> None:
    files = [path for path in SYSTEMD.rglob("*") if path.is_file()]
    assert len(files) >= 10
    for path in files:
        assert re.search(rf"# Installed as /usr/lib/\S+/{re.escape(path.name)}", path.read_text()), path
