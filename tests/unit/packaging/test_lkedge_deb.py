"""The Debian package: what it depends on and contains, without building one."""

from __future__ import annotations

import gzip
import re
import shutil
import subprocess
from pathlib import Path

import pytest
from lkedge_deb import control, stage, wheels
from lkedge_deb.build import Order
from lkedge_deb.extension import compile_command
from lkedge_deb.target import ARCHITECTURES, SUITES, Target

TRIXIE_ARM64 = Target(SUITES["trixie"], ARCHITECTURES["arm64"])
BOOKWORM_AMD64 = Target(SUITES["bookworm"], ARCHITECTURES["amd64"])


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A staged tree with lkedge's metadata as the only thing installed."""
    stage.make_venv(tmp_path, TRIXIE_ARM64)
    metadata = stage.site_packages(tmp_path, TRIXIE_ARM64) / "lkedge-1.2.dist-info"
    metadata.mkdir()
    (metadata / "entry_points.txt").write_text("[console_scripts]\nlkedge = lkedge.cli:main\n")
    return tmp_path


def test_the_interpreter_is_pinned_to_its_minor_version() -> None:
    assert control.depends(TRIXIE_ARM64)[:2] == ["python3 (>= 3.13~)", "python3 (<< 3.14~)"]
    assert control.depends(BOOKWORM_AMD64)[:2] == ["python3 (>= 3.11~)", "python3 (<< 3.12~)"]


def test_who_builds_is_the_maintainer() -> None:
    assert control.maintainer({"DEBFULLNAME": "Ada", "DEBEMAIL": "ada@example.org"}) == "Ada <ada@example.org>"
    assert control.maintainer({"DEBEMAIL": ""}) == "lkedge authors <authors@lkedge.invalid>"


def test_libasound_has_the_name_of_the_release() -> None:
    assert "libasound2t64" in control.depends(TRIXIE_ARM64)
    assert "libasound2" in control.depends(BOOKWORM_AMD64)


@pytest.mark.parametrize(("target", "suffix"), [(TRIXIE_ARM64, "313-aarch64"), (BOOKWORM_AMD64, "311-x86_64")])
def test_compiled_modules_have_the_name_that_the_interpreter_looks_for(target: Target, suffix: str) -> None:
    assert target.extension_suffix == f".cpython-{suffix}-linux-gnu.so"


def test_a_newer_release_has_a_higher_version_of_the_package() -> None:
    old, new = (Order(target, Path(), "1.0", 0).full_version for target in (BOOKWORM_AMD64, TRIXIE_ARM64))
    assert subprocess.run(["dpkg", "--compare-versions", old, "lt", new]).returncode == 0


def test_wheels_older_than_the_release_are_accepted() -> None:
    assert {"manylinux_2_36_aarch64", "manylinux_2_17_aarch64", "manylinux2014_aarch64"} <= set(
        TRIXIE_ARM64.architecture.platforms
    )


def test_extensions_are_compiled_for_the_machine_of_the_target() -> None:
    command = compile_command(TRIXIE_ARM64, "/mnt/a.c", "/mnt/a.so")
    assert command[0] == "aarch64-linux-gnu-gcc"
    assert "-I/usr/include/python3.13" in command


def test_the_environment_sees_the_distributions_packages(tree: Path) -> None:
    text = (tree / stage.VENV / "pyvenv.cfg").read_text()
    assert "home = /usr/bin\n" in text
    assert "include-system-site-packages = true\n" in text
    assert (tree / stage.VENV / "bin/python3").readlink() == Path("/usr/bin/python3")


def test_commands_run_in_the_environment_and_are_found_in_usr_bin(tree: Path) -> None:
    stage.add_commands(tree, TRIXIE_ARM64)
    command = tree / "usr/bin/lkedge"
    assert command.resolve() == (tree / stage.VENV / "bin/lkedge").resolve()
    assert command.read_text().startswith("#!/usr/lib/lkedge/venv/bin/python3 ")
    assert "from lkedge.cli import main\n" in command.read_text()


@pytest.mark.skipif(shutil.which("dpkg-parsechangelog") is None, reason="apt install dpkg-dev")
def test_the_changelog_is_one_for_debians_tools(tree: Path) -> None:
    control.add_changelog(tree, TRIXIE_ARM64, "1.2-1+deb13", 0)
    text = gzip.decompress((tree / "usr/share/doc/lkedge/changelog.Debian.gz").read_bytes()).decode()
    (tree / "changelog").write_text(text)
    parsed = subprocess.run(
        ["dpkg-parsechangelog", "-l", str(tree / "changelog")], check=True, capture_output=True, text=True
    )
    assert "Version: 1.2-1+deb13\nDistribution: trixie\n" in parsed.stdout
    assert "Timestamp: 0\n" in parsed.stdout
    assert parsed.stderr == ""


def test_only_files_of_etc_are_conffiles(tree: Path) -> None:
    stage.add_files(tree, TRIXIE_ARM64)
    control.write_control(tree, TRIXIE_ARM64, "1.2-1")
    conffiles = (tree / "DEBIAN/conffiles").read_text().splitlines()
    assert conffiles == ["/etc/lkedge/lkedge.toml"]
    assert "etc/lkedge/lkedge.toml" not in (tree / "DEBIAN/md5sums").read_text()


def test_settings_that_only_newer_systemds_know_are_left_out_of_bookworm(tmp_path: Path) -> None:
    for target, expected in ((TRIXIE_ARM64, True), (BOOKWORM_AMD64, False)):
        tree = tmp_path / target.suite.name
        stage.make_venv(tree, target)
        stage.add_files(tree, target)
        found = list((tree / "usr/lib/systemd/system").glob("*.d/*"))
        assert bool(found) is expected


def test_every_folder_of_systemd_is_packaged() -> None:
    packaged = {path for place in stage.PLACES for path in wheels.CHECKOUT.glob(place.pattern)}
    there = {path for path in (wheels.CHECKOUT / "systemd").rglob("*") if path.is_file() and path.suffix != ".md"}
    assert there - packaged == set()


def test_the_control_file_is_one_that_dpkg_reads(tree: Path) -> None:
    control.write_control(tree, TRIXIE_ARM64, "1.2-1")
    fields = dict(re.findall(r"^([A-Z][A-Za-z-]*): (.*)$", (tree / "DEBIAN/control").read_text(), re.M))
    assert (fields["Version"], fields["Architecture"]) == ("1.2-1", "arm64")
    assert int(fields["Installed-Size"]) > 0
    for name in control.MAINTAINER_SCRIPTS:
        assert (tree / "DEBIAN" / name).stat().st_mode & 0o111


@pytest.mark.parametrize("name", control.MAINTAINER_SCRIPTS)
def test_maintainer_scripts_are_valid_shell(name: str) -> None:
    subprocess.run(["sh", "-n", control.SCRIPTS / name], check=True)
