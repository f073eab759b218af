from __future__ import annotations

from pathlib import Path

import pytest

from lkedge.daemon.machine import cache_folder, this_machine


def test_the_board_is_the_first_that_is_told(tmp_path: Path) -> None:
    (tmp_path / "model").write_bytes(b"Raspberry Pi 4 Model B Rev 1.4\0")

    machine = this_machine([str(tmp_path / "missing"), str(tmp_path / "model")])

    assert machine.board == "Raspberry Pi 4 Model B Rev 1.4"
    assert machine.kernel
    assert this_machine([]).board == ""


@pytest.mark.parametrize(
    ("environ", "folder"),
    [
        ({"CACHE_DIRECTORY": "/var/cache/lkedge:/other", "HOME": "/root"}, "/var/cache/lkedge"),
        ({"XDG_CACHE_HOME": "/x", "HOME": "/home/pi"}, "/x/lkedge"),
        ({"HOME": "/home/pi"}, "/home/pi/.cache/lkedge"),
    ],
)
def test_where_the_cache_is(environ: dict[str, str], folder: str) -> None:
    assert cache_folder(environ) == Path(folder)
