from __future__ import annotations

from pathlib import Path

from lkedge.config.document import files_to_read, read


def write(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def test_system_files_in_order_of_importance(tmp_path: Path) -> None:
    vendor = write(tmp_path / "usr/lib/lkedge/10.toml", "")
    system = write(tmp_path / "etc/lkedge/lkedge.toml", "")
    second = write(tmp_path / "etc/lkedge/lkedge.toml.d/20-b.toml", "")
    first = write(tmp_path / "etc/lkedge/lkedge.toml.d/10-a.toml", "")

    assert files_to_read(None, tmp_path) == [vendor, system, first, second]


def test_a_file_of_ones_own_replaces_the_system(tmp_path: Path) -> None:
    write(tmp_path / "etc/lkedge/lkedge.toml", "")
    own = write(tmp_path / "own.toml", "")
    more = write(tmp_path / "own.toml.d/x.toml", "")

    assert files_to_read(own, tmp_path) == [own, more]


def test_tables_merge_and_lists_are_replaced(tmp_path: Path) -> None:
    a = write(tmp_path / "a.toml", "list = [1, 2]\n[t]\nx = 1\ny = 2\n")
    b = write(tmp_path / "b.toml", "list = [3]\n[t]\ny = 3\n")

    document = read([a, b])

    assert document.data == {"list": [3], "t": {"x": 1, "y": 3}}
    assert str(document.origin(("t", "x"))) == f"{a}:3"
    assert str(document.origin(("t", "y"))) == f"{b}:3"
    assert ("list", 1) not in document.origins


def test_tracks_merge_by_name_across_files(tmp_path: Path) -> None:
    a = write(tmp_path / "a.toml", '[[track]]\nname = "one"\nsource = "tone"\n[[track]]\nname = "two"\n')
    b = write(tmp_path / "b.toml", '[[track]]\nname = "three"\n[[track]]\nname = "one"\nmuted = true\n')

    document = read([a, b])

    assert [track["name"] for track in document.data["track"]] == ["one", "two", "three"]
    assert document.data["track"][0] == {"name": "one", "source": "tone", "muted": True}
    assert str(document.origin(("track", 0, "muted"))) == f"{b}:5"
    assert str(document.origin(("track", 2, "name"))) == f"{b}:2"


def test_unknown_keys_have_the_origin_of_the_table_around(tmp_path: Path) -> None:
    a = write(tmp_path / "a.toml", "\n[t]\nx = 1\n")

    assert str(read([a]).origin(("t", "missing"))) == f"{a}:2"


def test_all_unreadable_files_are_named(tmp_path: Path) -> None:
    broken = write(tmp_path / "broken.toml", "a = 1\nb = \n")
    binary = tmp_path / "binary.toml"
    binary.write_bytes(b"\xff\xfe")

    document = read([broken, binary, tmp_path / "missing.toml"])

    assert document.unreadable[0].startswith(f"{broken}:2: is not valid TOML: invalid value")
    assert "is not UTF-8" in document.unreadable[1]
    assert "No such file" in document.unreadable[2]


def test_windows_line_ends_do_not_shift_lines(tmp_path: Path) -> None:
    path = tmp_path / "a.toml"
    path.write_bytes(b"a = 1\r\n[t]\r\nb = 2\r\n")

    assert str(read([path]).origin(("t", "b"))) == f"{path}:3"
