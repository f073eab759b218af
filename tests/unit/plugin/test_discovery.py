from __future__ import annotations

import importlib.metadata
from pathlib import Path

from lkedge.plugin.discovery import FoundPlugin, installed_plugins

ENTRY_POINTS = "[console_scripts]\nx = y:z\n\n[lkedge]\nCam = lkedge_cam.plugin\nmic=lkedge_mic:plugin\n"


def install(folder: Path, name: str, entry_points: str, metadata: str = "METADATA") -> None:
    info = folder / name
    info.mkdir(parents=True)
    (info / "entry_points.txt").write_text(entry_points)
    (info / metadata).write_text("Metadata-Version: 2.1\nName: lkedge-cam\nVersion: 1.2\n\nName: not this one\n")


def test_reads_the_entry_points_of_our_group(tmp_path: Path) -> None:
    install(tmp_path, "lkedge_cam-1.2.dist-info", ENTRY_POINTS)

    assert installed_plugins([str(tmp_path)]) == [
        FoundPlugin("Cam", "lkedge_cam.plugin", "lkedge-cam", "1.2"),
        FoundPlugin("mic", "lkedge_mic:plugin", "lkedge-cam", "1.2"),
    ]


def test_a_distribution_that_is_there_twice_counts_once(tmp_path: Path) -> None:
    install(tmp_path / "a", "lkedge_cam-1.2.dist-info", ENTRY_POINTS)
    install(tmp_path / "b", "lkedge_cam.egg-info", ENTRY_POINTS, "PKG-INFO")

    assert len(installed_plugins([str(tmp_path / "a"), str(tmp_path / "b")])) == 2


def test_other_groups_and_broken_files_are_left_out(tmp_path: Path) -> None:
    install(tmp_path, "a.dist-info", "[pytest11]\nx = y\n")
    install(tmp_path, "b.dist-info", "[lkedge]\nno equals sign\n")
    (tmp_path / "c.dist-info").mkdir()
    (tmp_path / "c.dist-info/entry_points.txt").write_bytes(b"\xff[lkedge]")

    assert installed_plugins([str(tmp_path), str(tmp_path / "missing")]) == []


def test_finds_what_importlib_finds() -> None:
    expected = {(entry.name, entry.value) for entry in importlib.metadata.entry_points(group="lkedge")}

    assert {(plugin.name, plugin.target) for plugin in installed_plugins()} == expected
