"""plugins/_template under another name is a plugin: it installs, its tests pass, a configuration may name it."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
TEMPLATE = ROOT / "plugins" / "_template"
NEW_PLUGIN = ROOT / "tools" / "new-plugin.sh"
DEADLINE_S = 90

CONFIG = """\
[livekit]
url = "ws://127.0.0.1:7880"
token_file = "token.jwt"

[[track]]
name = "wall"
source = "dusk_sky"
publish_as = "camera"
dusk_sky = {{ luma = {luma} }}
"""


def run(*command: str | Path, environ: Mapping[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(part) for part in command],
        env={**os.environ, **(environ or {})},
        cwd=ROOT,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        timeout=DEADLINE_S,
        check=False,
    )


@pytest.fixture(scope="module")
def plugin(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The template as the plugin "dusk_sky"."""
    folder = tmp_path_factory.mktemp("plugin") / "lkedge-dusk_sky"
    made = run(NEW_PLUGIN, "dusk_sky", folder)
    assert made.returncode == 0, made.stdout
    return folder


@pytest.fixture(scope="module")
def installed(plugin: Path, tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, str]:
    """The environment variables with which Python finds the plugin as an installed distribution."""
    site = tmp_path_factory.mktemp("site")
    options = ("--no-deps", "--no-build-isolation", "--no-index", "--target")
    pip = run(sys.executable, "-m", "pip", "install", "-q", *options, site, plugin)
    assert pip.returncode == 0, pip.stdout
    return {"PYTHONPATH": os.pathsep.join([str(site), str(ROOT)])}


def test_nothing_of_the_old_name_is_left(plugin: Path) -> None:
    texts = {path: path.read_text() for path in plugin.rglob("*.*") if path.is_file()}
    assert texts
    assert not [path for path, text in texts.items() if "grey" in f"{path.relative_to(plugin)} {text}".lower()]


def test_its_tests_pass(plugin: Path, installed: Mapping[str, str]) -> None:
    result = run(
        sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--rootdir", plugin, plugin, environ=installed
    )
    assert result.returncode == 0, result.stdout
    assert "passed" in result.stdout


def test_it_is_listed_and_its_settings_are_checked(installed: Mapping[str, str], tmp_path: Path) -> None:
    listed = run(sys.executable, "-m", "lkedge", "plugins", environ=installed)
    assert re.search(r"dusk_sky .*ready", listed.stdout), listed.stdout
    config = tmp_path / "lkedge.toml"
    (tmp_path / "token.jwt").write_text("x.y.z")
    config.write_text(CONFIG.format(luma=60))
    right = run(sys.executable, "-m", "lkedge", "check", config, environ=installed)
    assert right.returncode == 0, right.stdout
    config.write_text(CONFIG.format(luma=600))
    wrong = run(sys.executable, "-m", "lkedge", "check", config, environ=installed)
    assert wrong.returncode == 78
    assert "600" in wrong.stdout
    assert "235" in wrong.stdout


def test_the_template_is_typed_and_tidy() -> None:
    mypy = run(sys.executable, "-m", "mypy", "--strict", TEMPLATE / "src", environ={"MYPYPATH": str(TEMPLATE / "src")})
    assert mypy.returncode == 0, mypy.stdout
    ruff = run(sys.executable, "-m", "ruff", "check", TEMPLATE)
    assert ruff.returncode == 0, ruff.stdout


@pytest.mark.parametrize("name", ["Grey", "two-words", "9lives", "v4l2"])
def test_a_name_that_cannot_be_is_refused(name: str, tmp_path: Path) -> None:
    result = run(NEW_PLUGIN, name, tmp_path / "new")
    assert result.returncode != 0
    assert name in result.stdout
    assert not (tmp_path / "new").exists()


def test_the_guide_shows_the_template_as_it_is() -> None:
    blocks = set(re.findall(r"```(?:python|toml)\n(.*?)```", (ROOT / "docs" / "plugins.md").read_text(), re.DOTALL))
    for name in ("plugin.py", "source.py"):
        text = (TEMPLATE / "src" / "lkedge_grey" / name).read_text()
        assert text in blocks, f"docs/plugins.md does not show {name} of plugins/_template: copy it there"
