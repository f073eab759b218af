"""`lkedge check`: is the configuration right?"""

from __future__ import annotations

import argparse
import dataclasses
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lkedge.cli.loading import load_or_complain, raw_help
from lkedge.cli.program import COMMANDS, EX_CONFIG
from lkedge.errors import JoinRefused
from lkedge.plugin.manager import PluginManager

if TYPE_CHECKING:
    from lkedge.config.models import Config

EPILOG = """\
examples:
  lkedge check                   the system's configuration, /etc/lkedge/lkedge.toml and its folders
  lkedge check front.toml        one file, with the files of front.toml.d/ if there are any

Prints one line for every problem, with file, line and what is allowed, and exits 78;
prints a summary and exits 0 when all is well, with what will fail all the same, such as
an expired token.
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
    plugins = PluginManager()
    config = load_or_complain(args.file, plugins)
    if config is None:
        return EX_CONFIG
    from lkedge.config.show import summary

    print(summary(config))
    for note in notes(config, plugins, time.time()):
        print(f"But {note}")
    return 0


def notes(config: Config, plugins: PluginManager, now_s: float) -> Iterator[str]:
    """What will fail all the same, as things are now; whoever mends it need not touch the configuration."""
    yield from _token_notes(config, now_s)
    for track in config.tracks:
        for field in dataclasses.fields(plugins.registry.sources[track.source].options):
            path = track.source_options.get(field.name)
            is_file = field.metadata.get("is_path") and isinstance(path, str) and path and "://" not in path
            if is_file and not Path(str(path)).exists():
                yield f"track {track.name}: there is no {path}"
    if not config.tracks:
        yield "there is no [[track]], so nothing is published; `lkedge devices` lists what there is"


def _token_notes(config: Config, now_s: float) -> Iterator[str]:
    from lkedge.config.models import TokenFile
    from lkedge.signaling.claims import read_claims

    credentials = config.livekit.credentials
    if not isinstance(credentials, TokenFile):
        return
    try:
        complaint = read_claims(credentials.path.read_text(errors="replace").strip()).complaint(now_s)
    except JoinRefused as error:
        complaint = str(error)
    except OSError:
        # Whoever runs the daemon may read it, and says so if not.
        return
    if complaint:
        yield f"{credentials.path}: {complaint}"
