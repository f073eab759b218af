"""The command line. Each command is a module with `add_parser(subparsers)` and `run(args) -> int`.

Only the module of the command that is called is imported: `lkedge run` starts without the
others, and `lkedge --help` without any.
"""

from __future__ import annotations

import argparse
import importlib
import os
import sys
from collections.abc import Sequence

import lkedge
from lkedge import interrupts
from lkedge.errors import ConfigError, LkedgeError

EX_CONFIG = 78
"""Exit status for a wrong configuration (sysexits.h); the unit is not restarted after it."""

COMMANDS = {
    "run": "publish the configured tracks until stopped",
    "check": "check the configuration and name everything that is wrong",
    "config": "print an example, the reference, the JSON Schema, or what is in effect",
    "plugins": "list the plugins, with what they offer or why they fail",
    "devices": "list cameras, HDMI inputs, microphones and encoders, with configuration to paste",
    "doctor": "say what keeps this machine from publishing, and what to do about it",
    "demo": "publish a test picture and a tone, and show them in a browser",
    "token": "make an access token from an API key",
}

DESCRIPTION = """\
lkedge publishes cameras and microphones to a LiveKit room.
"""

EPILOG = """\
first steps:
  lkedge demo                                    see it work, without any configuration
  lkedge config --example > lkedge.toml          begin a configuration of your own
  lkedge devices                                 what to put into it
  lkedge check lkedge.toml                       is it right?
  lkedge run --config lkedge.toml                publish
  lkedge doctor                                  when something does not work

`lkedge COMMAND --help` tells more about each command.
LKEDGE_LOG=rtc=debug,signaling=debug makes single parts talk.
"""


def run(arguments: Sequence[str]) -> int:
    """Run one command; returns the exit status."""
    parser = build_parser(_command_of(arguments))
    args = parser.parse_args(arguments)
    if not hasattr(args, "run"):
        parser.print_help()
        return 0
    try:
        return int(args.run(args))
    except ConfigError as error:
        print(error, file=sys.stderr)
        return EX_CONFIG
    except LkedgeError as error:
        print(f"lkedge: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt as error:
        return interrupts.status_of(error)
    except BrokenPipeError:
        return _closed_output()


def build_parser(command: str = "") -> argparse.ArgumentParser:
    """The parser of all commands; only `command` has its own arguments."""
    parser = argparse.ArgumentParser(
        prog="lkedge",
        description=DESCRIPTION,
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"lkedge {lkedge.__version__}")
    subparsers = parser.add_subparsers(title="commands", metavar="COMMAND")
    for name, help_text in COMMANDS.items():
        if name == command:
            importlib.import_module(f"lkedge.cli.{name}").add_parser(subparsers)
        else:
            subparsers.add_parser(name, help=help_text)
    return parser


def _command_of(arguments: Sequence[str]) -> str:
    return next((argument for argument in arguments if not argument.startswith("-")), "")


def _closed_output() -> int:
    """The reader of our output (`| head`) has gone; keep Python from complaining when it ends."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return 1
