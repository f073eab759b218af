from __future__ import annotations

from pathlib import Path

import pytest

from lkedge.config.models import ControlConfig
from lkedge.config.resolve_control import default_socket, instance

SYSTEM = Path("/run/lkedge/control.sock")


@pytest.mark.parametrize(
    ("environ", "is_root", "expected"),
    [
        ({}, True, SYSTEM),
        ({}, False, SYSTEM),
        ({"XDG_RUNTIME_DIR": "/run/user/1000"}, False, Path("/run/user/1000/lkedge/control.sock")),
        ({"XDG_RUNTIME_DIR": "/run/user/0"}, True, SYSTEM),
        ({"RUNTIME_DIRECTORY": "/run/lkedge/yard"}, False, Path("/run/lkedge/yard/control.sock")),
        ({"RUNTIME_DIRECTORY": "/run/lkedge:/run/other", "XDG_RUNTIME_DIR": "/x"}, False, SYSTEM),
    ],
)
def test_default_socket(environ: dict[str, str], is_root: bool, expected: Path) -> None:
    assert default_socket(environ, is_root=is_root) == expected


def test_everything_said(loaded, folder: Path) -> None:
    config = loaded(
        "[control]\n"
        'socket = "c.sock"\nsocket_group = "video"\nallow_read = "everyone"\nmetrics_port = 9100\ndbus = false\n'
    )
    assert config.control == ControlConfig(folder / "c.sock", "video", True, 9100, False)


def test_nothing_said(loaded) -> None:
    control = loaded("", environ={"RUNTIME_DIRECTORY": "/run/lkedge"}).control
    assert control == ControlConfig(SYSTEM)


def test_an_empty_path_is_no_socket(loaded) -> None:
    assert loaded('[control]\nsocket = ""\n').control.socket is None


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("metrics_port = 70000", "control.metrics_port = 70000: must be at most 65535"),
        ('allow_read = "all"', 'control.allow_read = "all": must be "group" or "everyone"'),
        ("sockets = 1", 'control.sockets: there is no such setting; did you mean "socket"?'),
    ],
)
def test_what_is_refused(problems, text: str, complaint: str) -> None:
    assert problems(f"[control]\n{text}\n") == [f"lkedge.toml:5: {complaint}"]


@pytest.mark.parametrize(
    ("folders", "name"),
    [("/run/lkedge/yard", "yard"), ("/run/lkedge", ""), ("", ""), ("/run/lkedge/yard:/run/x", "yard"), ("/x/yard", "")],
)
def test_the_instance_is_known_by_its_runtime_folder(folders: str, name: str) -> None:
    assert instance({"RUNTIME_DIRECTORY": folders}) == name
