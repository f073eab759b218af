"""A folder with a token, and a loader with the built-in plugin's sources."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from lkedge.config.loader import load
from lkedge.config.models import Config
from lkedge.errors import ConfigError
from lkedge.plugin.manager import PluginManager
from lkedge.plugin.registry import Registry

LIVEKIT = '[livekit]\nurl = "ws://127.0.0.1:7880"\ntoken_file = "token.jwt"\n'


@pytest.fixture(scope="session")
def registry() -> Registry:
    return PluginManager(load_entry_points=False).registry


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "token.jwt").write_text("a-token\n")
    return tmp_path


Loading = Callable[..., Config]


@pytest.fixture
def loaded(folder: Path, registry: Registry) -> Loading:
    """Loads [livekit] and the given text; `bare=True` leaves [livekit] away."""

    def do(text: str, *, bare: bool = False, environ: Mapping[str, str] | None = None) -> Config:
        path = folder / "lkedge.toml"
        path.write_text(text if bare else LIVEKIT + text)
        return load(path, registry, environ=environ or {})

    return do


Complaints = Callable[..., list[str]]


@pytest.fixture
def problems(folder: Path, loaded: Loading) -> Complaints:
    """The problems of a text, with the folder left out."""

    def do(text: str, **options: object) -> list[str]:
        with pytest.raises(ConfigError) as caught:
            loaded(text, **options)
        return [problem.replace(f"{folder}/", "") for problem in caught.value.problems]

    return do
