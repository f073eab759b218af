"""The light follows what is open, whatever happens to tracks, settings and the light itself."""

from __future__ import annotations

import logging
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from lkedge_indicator.plugin import IndicatorPlugin

from lkedge.plugin.manager import PluginManager
from lkedge.testing.plugin_contract import PluginContract

MakeLed = Callable[..., Path]


class TestPlugin(PluginContract):
    name = "indicator"
    target = "lkedge_indicator.plugin:plugin"
    heavy_modules = ("ctypes", "lkedge_indicator.gpio", "lkedge_indicator.led")


@pytest.fixture
def manager() -> Iterator[PluginManager]:
    manager = PluginManager(load_entry_points=False)
    manager.add("indicator", IndicatorPlugin())
    yield manager
    manager.configure({})


def configure(manager: PluginManager, **settings: object) -> None:
    defaults = {"led": "", "gpio_line": "", "gpio_chip": "", "active_low": False, "tracks": []}
    manager.configure({"indicator": {**defaults, **settings}})


def tell(manager: PluginManager, track: str, captures: bool) -> None:
    manager.notify("lkedge_capture_changed", track=track, captures=captures)


def brightness(led: Path) -> str:
    return (led / "brightness").read_text().strip()


def reason(manager: PluginManager) -> str:
    return next(record.reason for record in manager.records if record.name == "indicator")


def test_on_while_any_device_is_open(manager: PluginManager, make_led: MakeLed) -> None:
    led = make_led("red")
    configure(manager, led="red")
    seen = [brightness(led)]
    for track, captures in (("front", True), ("mic", True), ("front", False), ("mic", False), ("mic", True)):
        tell(manager, track, captures)
        seen.append(brightness(led))
    assert seen == ["0", "255", "255", "255", "0", "255"]


def test_only_the_named_tracks_count(manager: PluginManager, make_led: MakeLed) -> None:
    led = make_led("red")
    configure(manager, led="red", tracks=["front"])
    tell(manager, "mic", True)
    assert brightness(led) == "0"
    tell(manager, "front", True)
    assert brightness(led) == "255"


def test_active_low_is_the_other_way_round(manager: PluginManager, make_led: MakeLed) -> None:
    led = make_led("red", full=1)
    configure(manager, led="red", active_low=True)
    assert brightness(led) == "1"
    tell(manager, "front", True)
    assert brightness(led) == "0"


def test_trigger_is_set_aside_and_restored(manager: PluginManager, make_led: MakeLed) -> None:
    led = make_led("ACT")
    configure(manager, led="ACT")
    assert (led / "trigger").read_text() == "none"
    manager.notify("lkedge_shutdown")
    assert (brightness(led), (led / "trigger").read_text()) == ("0", "mmc0")


def test_stays_on_in_a_shutdown_until_the_last_device_is_closed(manager: PluginManager, make_led: MakeLed) -> None:
    led = make_led("ACT")
    configure(manager, led="ACT")
    tell(manager, "front", True)
    manager.notify("lkedge_shutdown")
    assert (brightness(led), (led / "trigger").read_text()) == ("255", "none")
    tell(manager, "front", False)
    assert (brightness(led), (led / "trigger").read_text()) == ("0", "mmc0")


def test_other_light_takes_over_what_is_shown(manager: PluginManager, make_led: MakeLed) -> None:
    red, green = make_led("red"), make_led("green")
    configure(manager, led="red")
    tell(manager, "front", True)
    configure(manager, led="green")
    assert (brightness(red), (red / "trigger").read_text(), brightness(green)) == ("0", "mmc0", "255")
    manager.configure({})
    assert (brightness(green), (green / "trigger").read_text()) == ("0", "mmc0")


def test_light_that_is_configured_later_knows_what_is_open(manager: PluginManager, make_led: MakeLed) -> None:
    led = make_led("red")
    tell(manager, "front", True)
    configure(manager, led="red")
    assert brightness(led) == "255"


def test_led_without_triggers(manager: PluginManager, make_led: MakeLed) -> None:
    led = make_led("usb", trigger="")
    configure(manager, led="usb")
    tell(manager, "front", True)
    assert brightness(led) == "255"
    manager.configure({})
    assert (brightness(led), (led / "trigger").exists()) == ("0", False)


def test_missing_led_is_named_and_taken_when_it_comes(
    manager: PluginManager, make_led: MakeLed, caplog: pytest.LogCaptureFixture
) -> None:
    make_led("green")
    configure(manager, led="red")
    assert 'there is no led "red"' in reason(manager)
    assert "there are: green" in reason(manager)
    with caplog.at_level(logging.ERROR, logger="lkedge_indicator"):
        tell(manager, "front", True)
        tell(manager, "front", False)
    assert [record.levelname for record in caplog.records] == ["WARNING", "ERROR"]
    assert "the indicator does not show what is captured" in caplog.text
    led = make_led("red")
    tell(manager, "front", True)
    assert brightness(led) == "255"


def test_led_that_is_unplugged_is_told_and_stops_nothing(
    manager: PluginManager, make_led: MakeLed, caplog: pytest.LogCaptureFixture
) -> None:
    led = make_led("usb")
    configure(manager, led="usb")
    shutil.rmtree(led)
    for captures in (True, False, True, False):
        tell(manager, "front", captures)
    assert "does not show what is captured" in caplog.text
    led = make_led("usb")
    tell(manager, "front", True)
    assert brightness(led) == "255"


@pytest.mark.parametrize("settings", [{}, {"led": "red", "gpio_line": "17"}])
def test_one_light_is_needed(manager: PluginManager, settings: dict[str, str]) -> None:
    configure(manager, **settings)
    assert "set one of `led` and `gpio_line`" in reason(manager)


def test_led_name_is_no_path(manager: PluginManager, make_led: MakeLed) -> None:
    make_led("red")
    configure(manager, led="../red")
    assert 'there is no led "../red"' in reason(manager)


CRASHING = """
import sys
from pathlib import Path
from lkedge_indicator import led
led.FOLDER = Path(sys.argv[1])
from lkedge_indicator.options import IndicatorOptions
from lkedge_indicator.plugin import plugin
plugin.lkedge_configure(IndicatorOptions(led="ACT"))
plugin.lkedge_capture_changed("front", True)
raise RuntimeError("the daemon fails")
"""


def test_daemon_that_fails_leaves_it_off_and_as_it_was_found(make_led: MakeLed) -> None:
    led = make_led("ACT")
    done = subprocess.run([sys.executable, "-c", CRASHING, str(led.parent)], capture_output=True, text=True, timeout=30)
    assert "the daemon fails" in done.stderr
    assert (brightness(led), (led / "trigger").read_text()) == ("0", "mmc0")
