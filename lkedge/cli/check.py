"""`lkedge check`: is the configuration right?"""

from __future__ import annotations

import argparse
from typing import Any

from lkedge.cli.loading import load_or_complain, raw_help
from lkedge.cli.program import COMMANDS, EX_CONFIG

EPILOG = """\
examples:
  lkedge check                   the system's configuration, /etc/lkedge/lkedge.toml and its folders
  lkedge check front.toml        one file, with the files of front.toml.d/ if there are any

Prints one line for every problem, with file, line and what is allowed, and exits 78;
prints a summary and exits 0 when all is well.
"""


def add_parser(subparsers: Any) -> None:
    """Add this command."""
    parser = subparsers.add_parser(
        "check", help=COMMANDS["check"], description="Check the configuration.", **raw_help(EPILOG)
    )
    parser.add_argument("file", nargs="?", metavar="FILE", help="configuration file (default: the system's)")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Print problems or a summary."""
    config = load_or_complain(args.file)
    if config is None:
        return EX_CONFIG
    from lkedge.config.show import summary

    print(summary(config))
    return 0
