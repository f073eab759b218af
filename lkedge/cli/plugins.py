"""`lkedge plugins`: what is installed, and what is wrong with it."""

from __future__ import annotations

import argparse
import dataclasses
import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from lkedge import interrupts
from lkedge.cli.loading import raw_help
from lkedge.cli.program import COMMANDS
from lkedge.cli.quiet import quiet
from lkedge.plugin.api import EncoderRegistration
from lkedge.plugin.manager import PluginManager, PluginRecord, PluginStatus
from lkedge.plugin.registry import Registry

if TYPE_CHECKING:
    from lkedge.daemon.encoder_report import EncoderState

    States = Mapping[str, EncoderState]

EPILOG = """\
examples:
  lkedge plugins                 one line for each plugin; the reason when one fails
  lkedge plugins --try           try every encoder anew, with real pictures
  lkedge plugins --json          the same for programs

A plugin is a Python distribution with an entry point of group "lkedge";
`pip install` it into the environment of lkedge and it is here. Exits 1 when one fails.
"""


def add_parser(subparsers: Any) -> None:
    """Add this command."""
    parser = subparsers.add_parser(
        "plugins", help=COMMANDS["plugins"], description=f"{COMMANDS['plugins'].capitalize()}.", **raw_help(EPILOG)
    )
    parser.add_argument("--try", action="store_true", dest="try_all", help="try every encoder anew, not only hardware")
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Print the records of all plugins."""
    with quiet(), interrupts.raising():
        return _print(PluginManager(), args)


def _print(plugins: PluginManager, args: argparse.Namespace) -> int:
    """The table is there at once; what has to be tried follows."""
    if not args.json:
        print(table(plugins.records), flush=True)
    states = _states(plugins, args.try_all)
    if args.json:
        print(json.dumps([_as_json(record, plugins, states) for record in plugins.records], indent=2))
    else:
        print(_offers(plugins, states))
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


def _states(plugins: PluginManager, try_all: bool) -> States:
    """Of the video encoders, by name; hardware that is not known yet is tried now."""
    from lkedge.daemon.encoder_report import encoder_states

    return {state.encoder.name: state for state in encoder_states(plugins, try_all=try_all)}


def _offers(plugins: PluginManager, states: States) -> str:
    registry = plugins.registry
    sources = [f"  {entry.name:<14}{entry.summary}" for entry in registry.sources.values()]
    encoders = [f"  {entry.name:<14}{encoder_facts(entry, states.get(entry.name))}" for entry in _by_rank(registry)]
    lines = ["", "sources:", *sources, "", "encoders, the best of each codec first:", *encoders]
    processors = [f"  {entry.name:<14}{entry.summary}" for entry in registry.processors.values()]
    return "\n".join([*lines, "", "audio processors:", *processors] if processors else lines)


def _by_rank(registry: Registry) -> list[EncoderRegistration]:
    return sorted(registry.encoders.values(), key=lambda entry: (entry.codec.kind, entry.codec.value, -entry.rank))


def encoder_facts(entry: EncoderRegistration, state: EncoderState | None) -> str:
    """What it is, and what its trial showed. state: None for sound, which is not tried."""
    text = state.text if state is not None else _unusable(entry)
    return f"{entry.summary}, rank {entry.rank}" + (f"; {text}" if text else "")


def _unusable(entry: EncoderRegistration) -> str:
    reason = entry.is_usable()
    return f"not usable here: {reason}" if reason else ""


def _as_json(record: PluginRecord, plugins: PluginManager, states: States) -> dict[str, Any]:
    registry = plugins.registry
    return dataclasses.asdict(record) | {
        "status": record.status.value,
        "sources": [_source(name, registry.sources[name]) for name in record.sources],
        "encoders": [_encoder(registry.encoders[name], states.get(name)) for name in record.encoders],
    }


def _source(name: str, entry: Any) -> dict[str, Any]:
    return {"name": name, "kinds": sorted(kind.value for kind in entry.kinds), "summary": entry.summary}


def _encoder(entry: EncoderRegistration, state: EncoderState | None) -> dict[str, Any]:
    """unusable: why it cannot be used on this machine, "" when it can. trial: null when it was not tried."""
    facts = {"name": entry.name, "codec": entry.codec.value, "rank": entry.rank, "summary": entry.summary}
    if state is None:
        return facts | {"unusable": entry.is_usable(), "trial": None}
    trial = dataclasses.asdict(state.trial) if state.trial is not None else None
    return facts | {"unusable": "" if state.is_usable else state.text, "trial": trial}


def _names(names: Sequence[str]) -> str:
    return ", ".join(names) or "-"
