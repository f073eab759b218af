"""`lkedge devices`: what is plugged in, ready to paste."""

from __future__ import annotations

import argparse
import dataclasses
import json
import logging
import sys
from typing import Any

from lkedge.cli import COMMANDS
from lkedge.cli.loading import raw_help
from lkedge.plugin.api import DeviceInfo
from lkedge.plugin.manager import PluginManager
from lkedge.terms import TrackKind

EPILOG = """\
examples:
  lkedge devices                 everything that the plugins find
  lkedge devices --kind audio    microphones only
  lkedge devices --json          the same for programs

Paste the lines that begin with [[track]] into your configuration.
"""


def add_parser(subparsers: Any) -> None:
    """Add this command."""
    parser = subparsers.add_parser(
        "devices", help=COMMANDS["devices"], description=f"{COMMANDS['devices'].capitalize()}.", **raw_help(EPILOG)
    )
    parser.add_argument("--kind", choices=[kind.value for kind in TrackKind], help="only these (default: all)")
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Ask all plugins, print what they found."""
    logging.getLogger("lkedge.plugin").setLevel(logging.CRITICAL)
    plugins = PluginManager()
    devices = plugins.probe(TrackKind(args.kind) if args.kind else None)
    failures = [record for record in plugins.records if record.reason]
    for record in failures:
        print(f"lkedge: plugin {record.name} ({record.status.value}): {record.reason}", file=sys.stderr)
    if args.json:
        print(json.dumps([_as_json(device) for device in devices], indent=2))
    else:
        print("\n\n".join(map(describe, devices)) or _nothing(plugins))
    return 0


def describe(device: DeviceInfo) -> str:
    """One device for people: its name, its facts as comments, its configuration."""
    facts = [f"#   {name}: {value}" for name, value in device.details.items()]
    return "\n".join([f"# {device.name} ({device.kind.value}, plugin {device.plugin})", *facts, device.config.strip()])


def _nothing(plugins: PluginManager) -> str:
    names = ", ".join(record.name for record in plugins.records)
    hint = "" if "v4l2" in plugins.registry.sources else " Webcams need the plugin lkedge-v4l2, which is not installed."
    return f'No devices found (plugins: {names}).{hint} The sources "testsrc" and "tone" need no device.'


def _as_json(device: DeviceInfo) -> dict[str, Any]:
    return dataclasses.asdict(device) | {"kind": device.kind.value, "details": dict(device.details)}
