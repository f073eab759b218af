"""`[plugin.NAME]`: settings of a plugin itself, in files, messages and documents."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from lkedge.config.example import example
from lkedge.config.loader import load, read_document
from lkedge.config.reference import reference
from lkedge.config.schema import schema_text
from lkedge.config.show import effective
from lkedge.errors import ConfigError
from lkedge.plugin.api import option
from lkedge.plugin.hookspecs import hookimpl
from lkedge.plugin.manager import PluginManager
from lkedge.plugin.registry import Registry

LIVEKIT = '[livekit]\nurl = "ws://127.0.0.1:7880"\ntoken_file = "token.jwt"\n'


@dataclass(frozen=True)
class LampOptions:
    led: str = option(help="name of the light")
    brightness: float = option(1.0, help="how bright", ge=0, le=1)
    map: str = option("", help="a file", is_path=True)


class Lamp:
    @hookimpl
    def lkedge_register_settings(self, register: Callable[[type[Any]], None]) -> None:
        register(LampOptions)


@pytest.fixture
def catalogue() -> Registry:
    manager = PluginManager(load_entry_points=False)
    manager.add("lamp", Lamp())
    return manager.registry


@pytest.fixture
def file(folder: Path) -> Callable[[str], Path]:
    def write(text: str) -> Path:
        (folder / "lkedge.toml").write_text(LIVEKIT + text)
        return folder / "lkedge.toml"

    return write


def test_settings_are_complete_and_checked(file: Callable[[str], Path], catalogue: Registry) -> None:
    path = file('[plugin.lamp]\nled = "red"\nbrightness = 0\nmap = "lamp.txt"\n')
    assert load(path, catalogue).plugins == {
        "lamp": {"led": "red", "brightness": 0.0, "map": str(path.with_name("lamp.txt"))}
    }


def test_plugin_without_a_table_is_not_configured(file: Callable[[str], Path], catalogue: Registry) -> None:
    assert load(file(""), catalogue).plugins == {}


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("[plugin.lampe]\n", '4: plugin.lampe: there is no plugin of this name with settings; did you mean "lamp"?'),
        (
            "[plugin.gpio]\n",
            "4: plugin.gpio: there is no plugin of this name with settings; those with settings are "
            '"lamp"; is it installed?',
        ),
        ("[plugin.lamp]\n", "4: plugin.lamp.led is required: name of the light"),
        ('[plugin.lamp]\nled = "x"\nbrightness = 2\n', "6: plugin.lamp.brightness = 2: must be at most 1"),
        (
            '[plugin.lamp]\nled = "x"\nbrightnes = 1\n',
            '6: plugin.lamp.brightnes = 1: there is no such setting; did you mean "brightness"?',
        ),
        ("[plugin]\nlamp = 1\n", "5: plugin.lamp = 1: must be a table of settings"),
        ("[[plugin]]\n", "plugin: write [plugin.NAME] for the settings of a plugin"),
    ],
)
def test_what_is_wrong_is_said(text: str, problem: str, file: Callable[[str], Path], catalogue: Registry) -> None:
    with pytest.raises(ConfigError) as caught:
        load(file(text), catalogue)
    (said,) = caught.value.problems
    assert said.endswith(problem)


def test_documents_tell_of_them(file: Callable[[str], Path], catalogue: Registry) -> None:
    assert '#[plugin.lamp]\n# name of the light (text). Required.\n#led = "..."' in example(catalogue)
    assert "### `[plugin.lamp]`\n\n| setting |" in reference(catalogue)
    table = json.loads(schema_text(catalogue))["properties"]["plugin"]["properties"]["lamp"]
    assert (table["required"], table["properties"]["brightness"]["maximum"]) == (["led"], 1)
    shown = effective(read_document(file('[plugin.lamp]\nled = "red"\n')), catalogue)
    assert '[plugin.lamp]\nled = "red"' in shown
    assert "# brightness" in shown
