"""The project keeps its word: hooks are documented and tested, generated files are current, links lead somewhere."""

from __future__ import annotations

import dataclasses
import importlib
import inspect
import json
import re
import sys
import tomllib
from pathlib import Path

import pytest

from lkedge.config.example import example
from lkedge.config.loader import load
from lkedge.config.reference import reference
from lkedge.config.schema import schema_text
from lkedge.plugin import hookspecs
from lkedge.plugin.contract import hook_names
from lkedge.plugin.discovery import FoundPlugin
from lkedge.plugin.manager import PluginManager, PluginStatus

TOP = Path(__file__).parents[1]
PLUGIN_GUIDE = TOP / "docs/plugins.md"

PAGES = sorted(
    path
    for pattern in ("*.md", "docs/**/*.md", "plugins/*.md", "plugins/*/*.md", "bench/*.md")
    for path in TOP.glob(pattern)
)


@pytest.fixture(scope="module")
def manager() -> PluginManager:
    return PluginManager(load_entry_points=False)


@pytest.mark.parametrize("hook", hook_names())
def test_every_hook_is_documented_with_all_its_arguments(hook: str) -> None:
    arguments = ", ".join(inspect.signature(getattr(hookspecs, hook)).parameters)
    assert f"`{hook}({arguments})`" in PLUGIN_GUIDE.read_text()


@pytest.mark.parametrize("hook", hook_names())
def test_every_hook_has_a_test(hook: str) -> None:
    tests = "".join(path.read_text() for path in (TOP / "tests/contract").glob("test_plugin*.py"))
    assert f"def {hook}(" in tests


@pytest.mark.parametrize("status", list(PluginStatus))
def test_every_plugin_status_is_documented(status: PluginStatus) -> None:
    assert f"| `{status.value}` |" in PLUGIN_GUIDE.read_text()


@pytest.mark.parametrize(
    ("path", "make", "how"),
    [
        ("etc/lkedge/lkedge.toml", example, "--example"),
        ("etc/lkedge/lkedge.schema.json", schema_text, "--schema"),
        ("docs/configuration.md", reference, "--reference"),
    ],
)
def test_generated_files_equal_their_models(path: str, make: object, how: str, manager: PluginManager) -> None:
    assert callable(make)
    assert (TOP / path).read_text() == make(manager.registry), f"run: lkedge config --builtin-only {how} > {path}"


def test_the_example_works_as_it_stands(tmp_path: Path, manager: PluginManager) -> None:
    (tmp_path / "token.jwt").write_text("token")
    (tmp_path / "lkedge.toml").write_text((TOP / "etc/lkedge/lkedge.toml").read_text())

    config = load(tmp_path / "lkedge.toml", manager.registry, environ={})
    assert [track.source for track in config.tracks] == ["testsrc"]


def switched_on() -> list[str]:
    text = (TOP / "etc/lkedge/lkedge.toml").read_text()
    return [line[1:] for line in text.splitlines() if re.match(r"#[a-z_]+ = ", line)]


@pytest.mark.parametrize("line", sorted(set(switched_on())))
def test_every_setting_of_the_example_is_valid_toml(line: str) -> None:
    assert tomllib.loads(line)


def test_the_whole_example_switched_on_is_right(tmp_path: Path, manager: PluginManager) -> None:
    """All but the other ways to get a token, which exclude each other."""
    text = (TOP / "etc/lkedge/lkedge.toml").read_text()
    text = re.sub(r"^#(?=[a-z_]+ = |\[)", "", text, flags=re.M)
    text = re.sub(r"^(api_key_file|api_secret_file|token_endpoint) = .*\n", "", text, flags=re.M)
    (tmp_path / "token.jwt").write_text("token")
    (tmp_path / "lkedge.toml").write_text(text)

    config = load(tmp_path / "lkedge.toml", manager.registry, environ={})
    assert {track.source for track in config.tracks} == set(manager.registry.sources)


def test_the_schema_is_json_and_knows_every_source(manager: PluginManager) -> None:
    schema = json.loads(schema_text(manager.registry))
    assert set(manager.registry.sources) <= set(schema["$defs"]["TrackSection"]["properties"])
    assert "null" not in json.dumps(schema)


def test_every_option_of_every_source_is_in_the_reference(manager: PluginManager) -> None:
    text = (TOP / "docs/configuration.md").read_text()
    for source in manager.registry.sources.values():
        for field in dataclasses.fields(source.options):
            assert f"| `{field.name}` |" in text


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(TOP)))
def test_links_lead_somewhere(page: Path) -> None:
    text = re.sub(r"```.*?```", "", page.read_text(), flags=re.S)
    targets = re.findall(r"\]\(([^)\s#]+)[^)]*\)", text)
    missing = [target for target in targets if "://" not in target and not (page.parent / target).exists()]
    assert missing == []


def test_the_plugin_of_the_guide_works(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    blocks = re.findall(r"```(\w+)\n(.*?)```", PLUGIN_GUIDE.read_text(), flags=re.S)
    plugin, source = [text for language, text in blocks if language == "python"][:2]
    project = tomllib.loads(next(text for language, text in blocks if language == "toml"))
    package = tmp_path / "lkedge_grey"
    package.mkdir()
    (package / "plugin.py").write_text(plugin)
    (package / "source.py").write_text(source)
    monkeypatch.syspath_prepend(str(tmp_path))
    ((name, target),) = project["project"]["entry-points"]["lkedge"].items()

    manager = PluginManager(find=lambda: [FoundPlugin(name, target, "", "")])

    assert manager.records[-1].status is PluginStatus.READY, manager.records[-1].reason
    deliver(manager)
    for module in [module for module in sys.modules if module.startswith("lkedge_grey")]:
        del sys.modules[module]


def deliver(manager: PluginManager) -> None:
    """One frame of the guide's source."""
    api = importlib.import_module("lkedge.plugin.api")
    registration = manager.registry.sources["grey"]
    assert registration.video is not None
    grey = registration.video(api.VideoCaptureSettings(64, 48, 100), registration.options(luma=60))
    assert grey.open().width == 64
    frame = grey.read()
    assert (frame.width, frame.height, frame.owner[0]) == (64, 48, 60)
    grey.close()
