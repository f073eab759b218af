"""Which socket is asked."""

from __future__ import annotations

from pathlib import Path

import pytest

from lkedge.ctl import address
from lkedge.ctl.address import socket_path
from lkedge.ctl.errors import NotRunning


def test_what_is_told_wins() -> None:
    assert socket_path("/a.sock", None, {"LKEDGE_SOCKET": "/b.sock"}) == "/a.sock"
    assert socket_path(None, "yard", {"LKEDGE_SOCKET": "/b.sock"}) == "/run/lkedge/yard/control.sock"
    assert socket_path(None, None, {"LKEDGE_SOCKET": "/b.sock"}) == "/b.sock"


@pytest.mark.parametrize(
    ("path", "unit"),
    [
        ("/run/lkedge/control.sock", "lkedge"),
        ("/run/lkedge/yard/control.sock", "lkedge@yard"),
        ("/tmp/x/control.sock", "lkedge"),
    ],
)
def test_who_is_not_running_is_named(path: str, unit: str) -> None:
    message = str(NotRunning(path, FileNotFoundError(2, "none")))
    assert message.startswith(f"{unit} is not running: there is no {path}")
    assert f"sudo systemctl start {unit}\n" in message


def test_the_own_daemon_is_asked_where_the_system_has_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(address, "SYSTEM_FOLDER", str(tmp_path / "system"))
    own = tmp_path / "lkedge/control.sock"
    environ = {"XDG_RUNTIME_DIR": str(tmp_path)}
    assert socket_path(None, None, environ) == str(tmp_path / "system/control.sock")
    own.parent.mkdir()
    own.touch()
    assert socket_path(None, None, environ) == str(own)
    (tmp_path / "system").mkdir()
    (tmp_path / "system/control.sock").touch()
    assert socket_path(None, None, environ) == str(tmp_path / "system/control.sock")
