"""`lkedge plugins`: what is installed, and what is wrong with it."""

from __future__ import annotations

import argparse
import dataclasses
import json
import logging
from collections.abc import Sequence
from typing import Any

from lkedge.cli import COMMANDS
from lkedge.cli.loading import raw_help
from lkedge.plugin.api import EncoderRegistration
from lkedge.plugin.manager import PluginManager, PluginRecord, PluginStatus

EPILOG = """\
examples:
  lkedge plugins                 one line for each plugin; the reason when one fails
  lkedge plugins --json          the same for programs

A plugin is a Python distribution with an entry point of group "lkedge";
`pip install` it into the environment of lkedge and it is here. Exits 1 when one fails.
"""


def add_parser(subparsers: Any) -> None:
    """Add this command."""
    parser = subparsers.add_parser(
        "plugins", help=COMMANDS["plugins"], description=f"{COMMANDS['plugins'].capitalize()}.", **raw_help(EPILOG)
    )
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Print the records of all plugins."""
    # The table names every failure; the log would only say it twice.
    logging.getLogger("lkedge.plugin").setLevel(logging.CRITICAL)
    plugins = PluginManager()
    if args.json:
        print(json.dumps([_as_json(record, plugins) for record in plugins.records], indent=2))
    else:
        print(table(plugins.records))
        print(_offers(plugins))
    return 0 if all(record.status is PluginStatus.READY for record in plugins.records) else 1


def table(records: Sequence[PluginRecord]) -> str:
    """One line for each plugin, the columns aligned; reasons on lines of their own."""
    rows = [("PLUGIN", "VERSION", "STATUS", "SOURCES", "ENCODERS", "PROCESSORS"), *map(_row, records)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
    return "\n".join([lines[0], *(_with_reason(line, record) for line, record in zip(lines[1:], records, strict=True))])


def _row(record: PluginRecord) -> tuple[str, ...]:
    offers = (record.sources, record.encoders, record.processors)
    return record.name, record.version or "-", record.status.value, *map(_names, offers)


def _with_reason(line: str, record: PluginRecord) -> str:
    origin = f" ({record.distribution})" if record.distribution else ""
    return f"{line}\n    {record.reason}{origin}" if record.reason else line


def _offers(plugins: PluginManager) -> str:
    sources = [f"  {entry.name:<14}{entry.summary}" for entry in plugins.registry.sources.values()]
    encoders = [f"  {entry.name:<14}{encoder_facts(entry)}" for entry in plugins.registry.encoders.values()]
    lines = ["", "sources:", *sources, "", "encoders:", *encoders]
    processors = [f"  {entry.name:<14}{entry.summary}" for entry in plugins.registry.processors.values()]
    return "\n".join([*lines, "", "audio processors:", *processors] if processors else lines)


def encoder_facts(entry: EncoderRegistration) -> str:
    """What it is, and why it cannot be used on this machine."""
    reason = entry.is_usable()
    return f"{entry.summary}, rank {entry.rank}" + (f"; not usable here: {reason}" if reason else "")


def _as_json(record: PluginRecord, plugins: PluginManager) -> dict[str, Any]:
    registry = plugins.registry
    return dataclasses.asdict(record) | {
        "status": record.status.value,
        "sources": [_source(name, registry.sources[name]) for name in record.sources],
        "encoders": [_encoder(name, registry.encoders[name]) for name in record.encoders],
    }


def _source(name: str, entry: Any) -> dict[str, Any]:
    return {"name": name, "kinds": sorted(kind.value for kind in entry.kinds), "summary": entry.summary}


def _encoder(name: str, entry: EncoderRegistration) -> dict[str, Any]:
    """unusable: why it cannot be used on this machine, "" when it can."""
    facts = {"name": name, "codec": entry.codec.value, "rank": entry.rank, "summary": entry.summary}
    return facts | {"unusable": entry.is_usable()}


def _names(names: Sequence[str]) -> str:
    return ", ".join(names) or "-"
