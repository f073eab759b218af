"""The parsers of `lkedge` and `lkedgectl` as plain values, for completion and manual pages."""

from __future__ import annotations

import argparse
from dataclasses import dataclass

from lkedge.cli.program import COMMANDS
from lkedge.cli.program import build_parser as build_daemon_parser
from lkedge.ctl.changing import CONTROL, LAYERS
from lkedge.ctl.parser import build_parser as build_control_parser

TRACK = "TRACK"
FILES = ("FILE", "PATH", "DIR")


@dataclass(frozen=True)
class Option:
    """metavar: "" for one that takes no value. is_optional: the value may be left out."""

    flags: tuple[str, ...]
    metavar: str
    choices: tuple[str, ...]
    help: str
    is_optional: bool = False


@dataclass(frozen=True)
class Positional:
    """choices: words to complete; those of a mixed argument are only some of what may stand there."""

    metavar: str
    choices: tuple[str, ...]
    help: str
    is_many: bool
    is_optional: bool


@dataclass(frozen=True)
class Command:
    name: str
    summary: str
    description: str
    epilog: str
    options: tuple[Option, ...]
    positionals: tuple[Positional, ...]


@dataclass(frozen=True)
class Program:
    """options: those that every command knows too come first in each command's own."""

    name: str
    description: str
    epilog: str
    options: tuple[Option, ...]
    commands: tuple[Command, ...]

    @property
    def shared(self) -> frozenset[tuple[str, ...]]:
        """Flags that the program and all its commands have."""
        return frozenset(option.flags for option in self.options)


def daemon() -> Program:
    """`lkedge`. Its parser is built for one command at a time."""
    parsers = {name: build_daemon_parser(name) for name in COMMANDS}
    commands = tuple(_command(parser, name) for name, parser in parsers.items())
    return _program(build_daemon_parser(), commands)


def control() -> Program:
    """`lkedgectl`."""
    parser = build_control_parser()
    return _program(parser, tuple(_command(parser, name) for name in _subparsers(parser).choices))


def _program(parser: argparse.ArgumentParser, commands: tuple[Command, ...]) -> Program:
    return Program(parser.prog, parser.description or "", parser.epilog or "", _options(parser), commands)


def _command(parser: argparse.ArgumentParser, name: str) -> Command:
    action = _subparsers(parser)
    own: argparse.ArgumentParser = action.choices[name]
    summary = next(entry.help for entry in action._choices_actions if entry.dest == name)
    positionals = tuple(
        _positional(one, name) for one in own._actions if not one.option_strings and not isinstance(one, _Subparsers)
    )
    return Command(name, summary or "", own.description or "", own.epilog or "", _options(own), positionals)


def _options(parser: argparse.ArgumentParser) -> tuple[Option, ...]:
    return tuple(
        Option(tuple(one.option_strings), _metavar(one), _choices(one), one.help or "", one.nargs == "?")
        for one in parser._actions
        if one.option_strings
    )


def _metavar(action: argparse.Action) -> str:
    if action.nargs == 0:
        return ""
    return str(action.metavar or "|".join(_choices(action)) or action.dest.upper())


def _positional(action: argparse.Action, command: str) -> Positional:
    is_mixed = command == "set" and action.dest == "words"
    choices = (*LAYERS, CONTROL) if is_mixed else _choices(action)
    metavar = str(action.metavar or "|".join(choices) or action.dest.upper())
    return Positional(metavar, choices, action.help or "", action.nargs in ("+", "*"), action.nargs in ("?", "*"))


def _choices(action: argparse.Action) -> tuple[str, ...]:
    return tuple(map(str, action.choices or ()))


_Subparsers = argparse._SubParsersAction


def _subparsers(parser: argparse.ArgumentParser) -> argparse._SubParsersAction:  # type: ignore[type-arg]
    return next(one for one in parser._actions if isinstance(one, _Subparsers))
