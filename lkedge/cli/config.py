"""`lkedge config`: documents made from the models, and the configuration in effect."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from lkedge.cli.loading import raw_help
from lkedge.cli.program import COMMANDS
from lkedge.plugin.manager import PluginManager

EPILOG = """\
examples:
  lkedge config --example > lkedge.toml     every setting with its meaning; a configuration that works
  lkedge config --reference                 the same as a Markdown page
  lkedge config --schema > lkedge.schema.json   for editors: completion and checks while typing
  lkedge config --show front.toml           what is in effect, and which file and line says so
  lkedge config --show                      the same of the system's configuration
"""


def add_parser(subparsers: Any) -> None:
    """Add this command."""
    parser = subparsers.add_parser(
        "config", help=COMMANDS["config"], description=f"{COMMANDS['config'].capitalize()}.", **raw_help(EPILOG)
    )
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("--example", action="store_true", help="a commented example, every setting in it")
    what.add_argument("--schema", action="store_true", help="a JSON Schema")
    what.add_argument("--reference", action="store_true", help="the reference page in Markdown")
    what.add_argument("--show", nargs="?", const="", metavar="FILE", help="what is in effect, with origins")
    parser.add_argument("--builtin-only", action="store_true", help="leave out the settings of installed plugins")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Print what is asked for."""
    plugins = PluginManager(load_entry_points=not args.builtin_only)
    print(_text(args, plugins), end="")
    return 0


def _text(args: argparse.Namespace, plugins: PluginManager) -> str:
    if args.example:
        from lkedge.config.example import example

        return example(plugins.registry)
    if args.schema:
        from lkedge.config.schema import schema_text

        return schema_text(plugins.registry)
    if args.reference:
        from lkedge.config.reference import reference

        return reference(plugins.registry)
    return _shown(args.show, plugins)


def _shown(file: str, plugins: PluginManager) -> str:
    from lkedge.config.loader import load, read_document
    from lkedge.config.show import effective

    path = Path(file) if file else None
    load(path, plugins.registry)
    return effective(read_document(path), plugins.registry)
