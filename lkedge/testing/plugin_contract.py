"""The contract suite of a plugin: subclass `PluginContract` in the plugin's own tests.

    class TestPlugin(PluginContract):
        name = "v4l2"
        target = "lkedge_v4l2.plugin"
        heavy_modules = ("av",)

Every test can fail: tests/contract/test_plugins.py runs each against a plugin that breaks it.
"""

from __future__ import annotations

import ast
import importlib.util
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar

from lkedge.config.options import check_options, option_fields
from lkedge.plugin.discovery import FoundPlugin, installed_plugins
from lkedge.plugin.manager import PluginManager, PluginRecord, PluginStatus

PUBLIC = ("plugin", "media", "terms", "errors", "testing", "clock")
"""The modules of lkedge that a plugin may import."""

STARTUP_BUDGET_S = 20.0


class PluginContract:
    """What every plugin must keep.

    name: of the entry point. target: its value. heavy_modules: hardware libraries and
    decoders that loading the plugin must not import.
    """

    name: ClassVar[str]
    target: ClassVar[str]
    heavy_modules: ClassVar[tuple[str, ...]] = ()

    def test_it_is_found_by_its_entry_point(self) -> None:
        assert (self.name, self.target) in [(found.name, found.target) for found in self.installed()]

    def test_it_loads_and_offers_something(self) -> None:
        record = self.record()
        assert record.status is PluginStatus.READY, record.reason
        has_settings = record.name in self.loaded().registry.settings
        assert record.sources or record.encoders or record.processors or has_settings

    def test_loading_it_imports_no_heavy_module(self) -> None:
        module = self.target.partition(":")[0]
        script = f"import sys, {module}; print(*[name for name in {self.heavy_modules!r} if name in sys.modules])"
        done = subprocess.run(
            [sys.executable, "-c", script],
            capture_output=True,
            text=True,
            timeout=STARTUP_BUDGET_S,
            env={"PYTHONPATH": ":".join(sys.path)},
        )
        assert done.returncode == 0, done.stderr
        assert done.stdout.split() == []

    def test_every_option_is_of_a_known_type_and_has_help(self) -> None:
        for name, options in self.tables():
            for field in option_fields(options):
                assert field.type in (bool, int, float, str, dict), f"{name}.{field.name}: {field.type}"
                assert field.help, f"{name}.{field.name} has no help"

    def test_every_default_is_allowed(self) -> None:
        for name, options in self.tables():
            defaults = {
                field.name: list(field.default) if field.is_list else field.default
                for field in option_fields(options)
                if not field.is_required
            }
            _, problems = check_options(options, defaults, lambda _, value: value)
            wrong = [problem for problem in problems if problem.key]
            assert not wrong, f"{name}: {wrong}"

    def test_options_are_frozen(self) -> None:
        for _, options in self.tables():
            parameters = options.__dataclass_params__
            assert parameters.frozen, f"{options.__name__} is not frozen"

    def test_it_imports_only_what_lkedge_makes_public(self) -> None:
        wrong = [
            f"{path.name} imports {name}" for path in self.files() for name in _imports(path) if not _is_public(name)
        ]
        assert not wrong

    def installed(self) -> list[FoundPlugin]:
        """The plugins that are installed here."""
        return installed_plugins()

    def loaded(self) -> PluginManager:
        """A manager with only this plugin beside the built-in ones."""
        return PluginManager(find=lambda: [FoundPlugin(self.name, self.target, "", "")])

    def tables(self) -> Iterator[tuple[str, type[Any]]]:
        """Every table of settings, by the source or plugin that it belongs to."""
        registry = self.loaded().registry
        yield from ((source.name, source.options) for source in registry.sources.values())
        yield from registry.settings.items()

    def record(self) -> PluginRecord:
        """The record of this plugin."""
        return next(record for record in self.loaded().records if record.target == self.target)

    def files(self) -> Iterator[Path]:
        """The source files of the package that the plugin is in."""
        package = self.target.partition(":")[0].rpartition(".")[0]
        spec = importlib.util.find_spec(package or self.target)
        assert spec is not None, f"{self.target} cannot be found"
        for location in spec.submodule_search_locations or ():
            yield from sorted(Path(location).rglob("*.py"))


def _imports(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node.module or ""


def _is_public(name: str) -> bool:
    top, _, rest = name.partition(".")
    return top != "lkedge" or rest.partition(".")[0] in PUBLIC


__all__ = ["PluginContract"]
