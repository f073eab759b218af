"""Settings of plugins themselves: registered, handed over, handed over again."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import pytest

from lkedge.plugin.api import option
from lkedge.plugin.hookspecs import hookimpl
from lkedge.plugin.manager import PluginManager


@pytest.fixture
def manager() -> PluginManager:
    return PluginManager(load_entry_points=False)


@dataclass(frozen=True)
class LampOptions:
    pin: int = option(1, help="which pin")


class Lamp:
    def __init__(self) -> None:
        self.settings: list[LampOptions | None] = []

    @hookimpl
    def lkedge_register_settings(self, register: Callable[[type[object]], None]) -> None:
        register(LampOptions)

    @hookimpl
    def lkedge_configure(self, settings: LampOptions | None) -> None:
        self.settings.append(settings)
        if settings is not None and settings.pin == 13:
            raise OSError("there is no pin 13")


class TestSettings:
    def test_are_handed_over_once_and_again_only_when_they_change(self, manager: PluginManager) -> None:
        lamp, dark = Lamp(), Lamp()
        manager.add("lamp", lamp)
        manager.add("dark", dark)

        for plugins in ({"lamp": {"pin": 3}}, {"lamp": {"pin": 3}}, {"lamp": {"pin": 4}}, {}, {}):
            manager.configure(plugins)

        assert lamp.settings == [LampOptions(3), LampOptions(4), None]
        assert dark.settings == []

    def test_a_plugin_that_cannot_use_them_is_named(self, manager: PluginManager) -> None:
        manager.add("lamp", Lamp())
        manager.configure({"lamp": {"pin": 13}})
        assert manager.records[-1].reason == "lkedge_configure: OSError: there is no pin 13"

    def test_a_plugin_that_does_not_want_them_is_no_matter(self, manager: PluginManager) -> None:
        manager.configure({"builtin": {}, "nobody": {"pin": 1}})

    def test_are_in_the_catalogue_by_plugin(self, manager: PluginManager) -> None:
        manager.add("lamp", Lamp())
        assert dict(manager.registry.settings) == {"lamp": LampOptions}
