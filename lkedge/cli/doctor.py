"""`lkedge doctor`: what keeps this machine from publishing, and what to do about it."""

from __future__ import annotations

import argparse
import json
import os
import shutil
import sys
from pathlib import Path
from typing import Any

from lkedge import interrupts
from lkedge.cli.loading import raw_help
from lkedge.cli.program import COMMANDS
from lkedge.cli.quiet import quiet
from lkedge.plugin.manager import PluginManager

EPILOG = """\
examples:
  lkedge doctor                        all checks, with the system's configuration
  lkedge doctor --config front.toml    with a file of your own
  sudo lkedge doctor                   on behalf of the service: may its user do what it needs?
  lkedge doctor --join                 enter the room for a moment too, which shows that media gets through
  lkedge doctor --bench                measure encoders, cameras and scaling, and print a block for a report
  lkedge doctor --json                 for programs

Each finding is ok, warn or FAIL, with the remedy below it. Exits 1 when something fails.
"""


def add_parser(subparsers: Any) -> None:
    """Add this command."""
    parser = subparsers.add_parser(
        "doctor", help=COMMANDS["doctor"], description=f"{COMMANDS['doctor'].capitalize()}.", **raw_help(EPILOG)
    )
    parser.add_argument("--config", metavar="FILE", help="configuration file (default: the system's)")
    parser.add_argument("--join", action="store_true", help="enter the room for a moment, with a test picture")
    parser.add_argument("--bench", action="store_true", help="measure this machine, for a minute or two")
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Examine, or measure; 1 when something fails."""
    with quiet(), interrupts.raising():
        return _bench(args) if args.bench else _examine(args)


def _examine(args: argparse.Namespace) -> int:
    from lkedge.doctor.checks import examine
    from lkedge.doctor.finding import Level, worst
    from lkedge.doctor.gather import gather
    from lkedge.doctor.report import as_json, text

    if sys.stderr.isatty() and not args.json:
        print("Looking around, this takes some seconds ...", file=sys.stderr)
    path = Path(args.config) if args.config else None
    findings = examine(gather(path, PluginManager(), with_join=args.join))
    print(json.dumps(as_json(findings), indent=2) if args.json else text(findings, _width()))
    return int(worst(findings) is Level.FAIL)


def _bench(args: argparse.Namespace) -> int:
    from lkedge.doctor.bench import run_bench

    return run_bench(PluginManager(), as_json=args.json, tell=lambda text: print(text, file=sys.stderr))


def _width() -> int:
    return shutil.get_terminal_size().columns if os.isatty(1) else 100
