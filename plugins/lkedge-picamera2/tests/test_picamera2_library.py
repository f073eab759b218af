"""Imports that fail, rights that are missing, the list of devices, and times."""

from __future__ import annotations

import json
import os
import re
import sys
from pathlib import Path
from types import SimpleNamespace

import fake_libcamera
import pytest
from lkedge_picamera2 import library, listing, probe, refusal
from lkedge_picamera2.times import CaptureTimes

from lkedge.clock import SECOND_NS
from lkedge.errors import SourceUnavailable
from lkedge.terms import TrackKind
from lkedge.testing.clock import FakeClock

TAG = f"{sys.version_info[0]}{sys.version_info[1]}"


def missing(name: str) -> ImportError:
    return ModuleNotFoundError(f"No module named {name!r}", name=name)


@pytest.mark.parametrize(
    ("error", "remedy"),
    [
        (missing("libcamera"), "python3-picamera2"),
        (missing("libcamera._libcamera"), "python3-picamera2"),
        (missing("picamera2"), "python3-picamera2"),
        (missing("pykms"), r"python3-kms\+\+"),
        (missing("simplejpeg"), "simplejpeg is missing"),
        (ValueError("numpy.dtype size changed, may indicate binary incompatibility"), "pip uninstall numpy"),
        (ImportError("numpy.core.multiarray failed to import"), "pip uninstall numpy"),
        (OSError("libcamera.so.0.4: cannot open shared object file"), "import picamera2"),
    ],
)
def test_an_import_that_fails_has_a_remedy(tmp_path: Path, error: Exception, remedy: str) -> None:
    sentence = library.explained(error, tmp_path)
    assert re.search(remedy, sentence)
    assert "install kms" not in sentence


@pytest.mark.parametrize(
    ("built_for", "sentence"), [(TAG, "does not see it"), ("27", "but not for this Python"), ("", "is not installed")]
)
def test_a_libcamera_for_another_python_is_told_apart(tmp_path: Path, built_for: str, sentence: str) -> None:
    if built_for:
        (tmp_path / "libcamera").mkdir()
        (tmp_path / f"libcamera/_libcamera.cpython-{built_for}-aarch64-linux-gnu.so").touch()
    assert sentence in library.explained(missing("libcamera"), tmp_path)
    assert "--system-site-packages" in library.explained(missing("libcamera"), tmp_path)


@pytest.fixture
def modules(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder for a picamera2 of the test's own; what is imported of it is forgotten afterwards."""
    for name in ("picamera2", "pykms", "kms"):
        monkeypatch.setitem(sys.modules, name, None)
        del sys.modules[name]
    monkeypatch.syspath_prepend(tmp_path)
    for variable in ("LIBCAMERA_LOG_LEVELS", library.TUNING_VARIABLE):
        monkeypatch.setenv(variable, "unset")
        monkeypatch.delenv(variable)
    return tmp_path


def test_picamera2_needs_no_kms(modules: Path) -> None:
    lines = "try:\n    import kms as pykms\nexcept ImportError:\n    import pykms\nFMT = pykms.PixelFormat.RGB888\n"
    (modules / "picamera2.py").write_text(lines)
    (modules / "kms.py").write_text("raise SystemExit('this is not the kms you are looking for')\n")
    assert library.load().FMT is None


def test_a_tuning_file_is_set_before_libcamera_looks(modules: Path) -> None:
    (modules / "picamera2.py").write_text(f"import os\nTUNING = os.environ.get({library.TUNING_VARIABLE!r})\n")
    assert library.load("/etc/imx219.json").TUNING == "/etc/imx219.json"


def test_a_failed_import_is_told_and_can_be_tried_again(modules: Path) -> None:
    file = modules / "picamera2.py"
    file.write_text("raise ValueError('numpy.dtype size changed')\n")
    with pytest.raises(SourceUnavailable, match="cannot be imported: numpy does not fit"):
        library.load()
    file.write_text("GOOD = True  # now\n")
    assert library.load().GOOD


def test_nodes_that_may_not_be_opened_are_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    node = tmp_path / "media0"
    node.touch()
    assert refusal.no_right([str(tmp_path / "media*")]) == ""
    monkeypatch.setattr(os, "access", lambda path, mode: False)
    assert "usermod -aG video" in refusal.no_right([str(tmp_path / "media*")])
    assert refusal.no_right([str(tmp_path / "none*")]) == ""


def printing(tables: object, code: int = 0) -> tuple[str, ...]:
    return (sys.executable, "-c", f"import sys; print({json.dumps(tables)!r}); sys.exit({code})")


def test_devices_are_listed_with_configuration_to_paste() -> None:
    table = {"id": "/base/soc/i2c0mux/imx219@10", "model": "imx219", "details": {"sensor": "1640x1232"}}
    webcam = {"id": "/base/usb@1-1", "model": "C270", "details": {}}
    (info,) = probe.probe(printing([table, webcam]))

    assert (info.plugin, info.name, info.kind) == ("picamera2", "imx219", TrackKind.VIDEO)
    assert 'picamera2 = { camera = "/base/soc/i2c0mux/imx219@10" }' in info.config
    assert info.details["sensor"] == "1640x1232"


@pytest.mark.parametrize("command", [printing([], 3), (sys.executable, "-c", "print('{')"), ("/no/such/program",)])
def test_a_list_that_cannot_be_had_is_empty(command: tuple[str, ...]) -> None:
    assert probe.probe(command) == []


def test_a_listing_that_crashes_takes_nobody_with_it() -> None:
    assert probe.probe((sys.executable, "-c", "import os; os.abort()")) == []


def test_the_listing_asks_libcamera_alone(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    properties = {fake_libcamera.ControlId("Location", None): 1, fake_libcamera.ControlId("Model", None): "imx219"}
    camera = SimpleNamespace(
        id="/base/imx219@10",
        properties=properties,
        controls=dict(fake_libcamera.controls().values()),
        generate_configuration=lambda roles: None,
    )
    manager = SimpleNamespace(singleton=lambda: SimpleNamespace(cameras=[camera]))
    monkeypatch.setitem(sys.modules, "libcamera", SimpleNamespace(CameraManager=manager, **vars(fake_libcamera.MODULE)))

    assert listing.main() == 0
    (table,) = json.loads(capsys.readouterr().out)
    assert (table["id"], table["model"], table["details"]["place"]) == ("/base/imx219@10", "imx219", "back")
    assert "af_mode = manual (manual, auto, continuous)" in table["details"]["controls"]
    assert "region = 0, 0, 1, 1" in table["details"]["controls"]


def test_the_listing_says_that_libcamera_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "libcamera", None)
    assert listing.main() == listing.NO_LIBCAMERA


def test_the_stamp_of_the_sensor_is_the_capture_time() -> None:
    clock = FakeClock(monotonic_ns=100 * SECOND_NS)
    times = CaptureTimes(clock, slept_ns=lambda: 7 * SECOND_NS)
    assert times.of(99_960_000_000) == 99_960_000_000


def test_a_stamp_in_boot_time_is_converted() -> None:
    clock = FakeClock(monotonic_ns=100 * SECOND_NS)
    times = CaptureTimes(clock, slept_ns=lambda: 7 * SECOND_NS)
    assert times.of(106_960_000_000) == 99_960_000_000


@pytest.mark.parametrize("stamp", [None, 0, 50 * SECOND_NS, 500 * SECOND_NS])
def test_a_stamp_that_cannot_be_is_replaced(stamp: int | None) -> None:
    clock = FakeClock(monotonic_ns=100 * SECOND_NS)
    assert CaptureTimes(clock, slept_ns=lambda: 0).of(stamp) == 100 * SECOND_NS


def test_times_rise_strictly() -> None:
    clock = FakeClock(monotonic_ns=100 * SECOND_NS)
    times = CaptureTimes(clock, slept_ns=lambda: 0)
    stamps = [times.of(99_900_000_000), times.of(99_900_000_000), times.of(99_800_000_000)]
    assert stamps == sorted(set(stamps))
