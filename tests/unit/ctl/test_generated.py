"""Completion and manual pages: they are what the parsers and the models say, and the shells understand them."""

from __future__ import annotations

import importlib
import shutil
import subprocess
from pathlib import Path
from types import ModuleType

import pytest

TOP = Path(__file__).resolve().parents[3]
TOOLS = ("make_completions", "make_man_pages")


@pytest.fixture(params=TOOLS)
def tool(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(str(TOP / "tools"))
    return importlib.import_module(request.param)


def test_the_files_are_current(tool: ModuleType) -> None:
    for path, text in tool.files().items():
        assert path.read_text() == text, f"run: .venv/bin/python tools/{tool.__name__}.py"


def needs(program: str) -> pytest.MarkDecorator:
    return pytest.mark.skipif(shutil.which(program) is None, reason=f"no {program}: sudo apt install {program}")


@pytest.mark.parametrize("shell", [pytest.param(name, marks=needs(name)) for name in ("bash", "zsh", "fish")])
@pytest.mark.parametrize("program", ["lkedge", "lkedgectl"])
def test_the_shells_can_read_them(shell: str, program: str) -> None:
    names = {"bash": program, "zsh": f"_{program}", "fish": f"{program}.fish"}
    result = subprocess.run(
        [shell, "-n", TOP / f"etc/{shell}-completion" / names[shell]], capture_output=True, text=True, timeout=30
    )
    assert (result.returncode, result.stderr) == (0, "")


@needs("groff")
@pytest.mark.parametrize("page", ["lkedge.8", "lkedgectl.1", "lkedge.toml.5"])
def test_the_pages_have_no_faults(page: str) -> None:
    result = subprocess.run(
        ["groff", "-man", "-Tutf8", "-ww", "-z", TOP / "docs/man" / page], capture_output=True, text=True, timeout=30
    )
    assert (result.returncode, result.stderr) == (0, "")


def bash_completes(folder: Path, *words: str) -> list[str]:
    """What bash offers for the last word; the daemon has three tracks."""
    fake = folder / "lkedgectl"
    fake.write_text('#!/bin/sh\nprintf "front\\nback door\\n\\$(touch %s/run)\\n" "$(dirname "$0")"\n')
    fake.chmod(0o755)
    script = """
. "$1"; shift
PATH=$PWD:$PATH COMP_WORDS=("$@") COMP_CWORD=$(($# - 1))
_lkedgectl
((${#COMPREPLY[@]})) && printf '%s\\n' "${COMPREPLY[@]}"
true
"""
    result = subprocess.run(
        ["bash", "-c", script, "bash", TOP / "etc/bash-completion/lkedgectl", "lkedgectl", *words],
        cwd=folder, capture_output=True, text=True, timeout=30, check=True,
    )  # fmt: skip
    assert result.stderr == ""
    return result.stdout.splitlines()


@needs("bash")
@pytest.mark.parametrize(
    ("words", "offered"),
    [
        (["mu"], ["mute"]),
        (["mute", "--p"], ["--persist"]),
        (["--socket", "/x", "mute", "f"], ["front"]),
        (["mute", "front", "back"], ["back\\ door"]),
        (["set", "front", "s"], ["single"]),
        (["enable", "--source", "screen_share_"], ["screen_share_audio"]),
        (["log-level", ""], ["debug", "info", "warning", "error"]),
        (["status", ""], []),
        (["top", "--interval", ""], []),
    ],
)
def test_bash_completes(tmp_path: Path, words: list[str], offered: list[str]) -> None:
    assert bash_completes(tmp_path, *words) == offered


@needs("bash")
def test_the_name_of_a_track_is_not_run(tmp_path: Path) -> None:
    assert len(bash_completes(tmp_path, "mute", "")) == 3
    assert not (tmp_path / "run").exists()
