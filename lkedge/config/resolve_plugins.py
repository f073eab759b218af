"""The settings of plugins themselves: `[plugin.NAME]`, checked against what the plugin registered."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from lkedge.config.catalogue import Catalogue
from lkedge.config.document import Document
from lkedge.config.locate import KeyPath
from lkedge.config.options import check_options
from lkedge.config.problems import Problems
from lkedge.config.resolve_livekit import absolute
from lkedge.config.suggest import did_you_mean, listed

TABLE = "plugin"


def resolve_plugins(document: Document, catalogue: Catalogue, problems: Problems) -> dict[str, Mapping[str, Any]]:
    """The complete settings of every plugin that has a table, by its name; what is wrong is noted."""
    tables = document.data.get(TABLE, {})
    if not isinstance(tables, dict):
        problems.add_plain((TABLE,), "plugin: write [plugin.NAME] for the settings of a plugin")
        return {}
    return {name: _resolved(name, table, document, catalogue, problems) for name, table in tables.items()}


def _resolved(name: str, table: Any, document: Document, catalogue: Catalogue, problems: Problems) -> Mapping[str, Any]:
    path: KeyPath = (TABLE, name)
    if name not in catalogue.settings:
        known = catalogue.settings
        hint = did_you_mean(name, known) or f"; those with settings are {listed(known)}; is it installed?"
        problems.add_plain(path, f"plugin.{name}: there is no plugin of this name with settings{hint}")
        return {}
    if not isinstance(table, dict):
        problems.add(path, "must be a table of settings")
        return {}
    values, wrong = check_options(
        catalogue.settings[name], table, lambda key, value: str(absolute(document, (*path, key), value))
    )
    for problem in wrong:
        if problem.key:
            problems.add((*path, problem.key), problem.text)
        else:
            problems.add_plain(path, f"{problems.place(path)}.{problem.text}")
    return values
