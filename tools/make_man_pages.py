#!/usr/bin/env python3
"""Writes docs/man: lkedge(8), lkedgectl(1) and lkedge.toml(5), from the parsers and the models of the configuration.

Run with .venv/bin/python. Source of the format: man(7), man-pages(7).
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from parsers import Command, Option, Positional, Program, control, daemon

import lkedge
from lkedge.config.describe import Row, option_row, rows, tables
from lkedge.config.options import option_fields
from lkedge.config.sections import FileSection, Section
from lkedge.plugin.manager import PluginManager

FOLDER = Path(__file__).resolve().parent.parent / "docs/man"

DAEMON_TEXT = """\
lkedge captures cameras, microphones, screens and files, encodes them in simulcast layers, and publishes them
to a LiveKit room. It runs for ever: a lost network, an unplugged camera or a crashed driver is repaired without
a restart. As a service it is lkedge.service; lkedgectl(1) and D-Bus (org.lkedge1) show and control it.
"""

CONTROL_TEXT = """\
lkedgectl shows and controls a running lkedge(8) through its control socket. Root, the daemon's own user and the
members of the group lkedge may do everything; others may look where the configuration says so.
"""

CONFIGURATION_TEXT = """\
TOML. Files are laid over each other, the later ones win: /usr/lib/lkedge/*.toml, /etc/lkedge/lkedge.toml,
/etc/lkedge/lkedge.toml.d/*.toml. With --config FILE only FILE and FILE.d/*.toml are read. Tables are merged setting
by setting, a [[track]] by its name, everything else is replaced. Relative paths are relative to the file that names
them. Unknown settings are errors. `lkedge check` names everything that is wrong, `lkedge config --show` prints what
is in effect and where it was said, `systemctl reload lkedge` applies a change.
"""

DAEMON_STATUS = (
    ("0", "Told to stop."),
    ("1", "It failed, and says why."),
    ("2", "Wrong arguments."),
    ("78", "The configuration is wrong; every problem is named. lkedge.service is not restarted after it."),
)

DAEMON_FILES = (
    ("/etc/lkedge/lkedge.toml", "The configuration, see lkedge.toml(5)."),
    ("/etc/lkedge/lkedge.toml.d/*.toml", "Laid over it, in the order of their names."),
    ("/run/lkedge/control.sock", "The control socket, HTTP and JSON; of an instance, /run/lkedge/NAME/control.sock."),
    ("/var/lib/lkedge", "Changes that were made with --persist."),
)

CONTROL_ENVIRONMENT = (("LKEDGE_SOCKET", "Path of the socket to use without --socket and --instance."),)

DAEMON_ENVIRONMENT = (
    ("LKEDGE_LOG", 'Levels of single parts, such as "rtc=debug,signaling=debug".'),
    ("LIVEKIT_URL, LIVEKIT_API_KEY, LIVEKIT_API_SECRET", "Used for what the configuration does not say."),
    ("DBUS_SYSTEM_BUS_ADDRESS", "Another system bus."),
)


def files() -> dict[Path, str]:
    """What each file has to be."""
    return {
        FOLDER / "lkedge.8": daemon_page(daemon()),
        FOLDER / "lkedgectl.1": control_page(control()),
        FOLDER / "lkedge.toml.5": configuration_page(),
    }


def daemon_page(program: Program) -> str:
    """lkedge(8)."""
    parts = [
        _head("LKEDGE", 8, "lkedge", "publish cameras and microphones to a LiveKit room"),
        _synopsis(program),
        _section("DESCRIPTION", _text(DAEMON_TEXT)),
        _commands(program),
        _section("EXIT STATUS", *_entries(DAEMON_STATUS)),
        _section("ENVIRONMENT", *_entries(DAEMON_ENVIRONMENT)),
        _section("FILES", *_entries(DAEMON_FILES)),
        _see("lkedgectl(1)", "lkedge.toml(5)", "systemctl(1)", "journalctl(1)"),
    ]
    return "".join(parts)


def control_page(program: Program) -> str:
    """lkedgectl(1)."""
    examples, _, status = program.epilog.partition("exit status:\n")
    parts = [
        _head("LKEDGECTL", 1, "lkedgectl", "show and control a running lkedge"),
        _synopsis(program),
        _section("DESCRIPTION", _text(CONTROL_TEXT)),
        _section("OPTIONS", "These may stand before and after the command.\n", *map(_option, program.options)),
        _commands(program),
        _section("EXIT STATUS", *_entries(line.split(None, 1) for line in status.strip().splitlines())),
        _section("ENVIRONMENT", *_entries(CONTROL_ENVIRONMENT)),
        _section("EXAMPLES", _verbatim(examples.removeprefix("examples:\n"))),
        _see("lkedge(8)", "lkedge.toml(5)", "busctl(1)"),
    ]
    return "".join(parts)


def configuration_page() -> str:
    """lkedge.toml(5)."""
    parts = [
        _head("LKEDGE.TOML", 5, "lkedge.toml", "configuration of lkedge"),
        _section("SYNOPSIS", _verbatim("/etc/lkedge/lkedge.toml\n/etc/lkedge/lkedge.toml.d/*.toml")),
        _section("DESCRIPTION", _text(CONFIGURATION_TEXT)),
        *_tables(),
        _section("SETTINGS OF THE SOURCES", *_sources()),
        _section("EXAMPLE", _verbatim(EXAMPLE)),
        _see("lkedge(8)", "lkedgectl(1)"),
    ]
    return "".join(parts)


EXAMPLE = """\
[livekit]
url = "wss://livekit.example.com"
token_file = "token.jwt"

[[track]]
name = "front"
source = "v4l2"
v4l2 = { device = "/dev/video0" }
capture = { width = 1280, height = 720, framerate = 30 }
"""


def _tables() -> Iterator[str]:
    for name, section in tables(FileSection):
        yield _section(f"[[{name}]]" if name == "track" else f"[{name}]", *_settings(name, section))


def _settings(path: str, section: type[Section]) -> Iterator[str]:
    yield _text(section.__doc__ or "")
    yield from (_row(row) for row in rows(section))
    for name, inner in tables(section):
        if path != "track" or name not in ("capture", "publish"):
            yield f'.SS "[{_escaped(f"{path}.{name}")}]"\n'
            yield from _settings(f"{path}.{name}", inner)
    if path == "track":
        yield ".PP\ncapture takes the settings of [capture_defaults], publish those of [publish_defaults].\n"


def _sources() -> Iterator[str]:
    """Of the sources that lkedge itself has; those of plugins are in `lkedge config --reference`."""
    yield _text(
        "They stand in a table of the track that is named like the source. "
        "`lkedge config --reference` has those of installed plugins too."
    )
    for source in PluginManager(load_entry_points=False).registry.sources.values():
        yield f'.SS "[track.{_escaped(source.name)}]"\n'
        yield _text(f"{source.summary[:1].upper()}{source.summary[1:]}.")
        yield from (_row(option_row(one)) for one in option_fields(source.options))


def _row(row: Row) -> str:
    default = "Required." if row.is_required else f"Default: {row.default}." if row.default else ""
    text = f"{row.meaning[:1].upper()}{row.meaning[1:]} ({row.allowed}). {default}".strip()
    return _entry(row.name, text)


def _head(title: str, number: int, name: str, summary: str) -> str:
    lines = [
        '.\\" Made by tools/make_man_pages.py; do not edit.',
        f'.TH "{title}" "{number}" "" "lkedge {lkedge.__version__}" "lkedge"',
        ".nh",
        '.SH "NAME"',
        f"{_escaped(name)} \\- {_escaped(summary)}",
    ]
    return "\n".join(lines) + "\n"


def _synopsis(program: Program) -> str:
    return _section("SYNOPSIS", f"\\fB{program.name}\\fR [\\fIOPTION\\fR ...] \\fICOMMAND\\fR [\\fIARGUMENT\\fR ...]\n")


def _commands(program: Program) -> str:
    return _section("COMMANDS", *(_command(program, command) for command in program.commands))


def _command(program: Program, command: Command) -> str:
    own = [option for option in command.options if option.flags not in program.shared]
    arguments = [(one.metavar, one.help) for one in command.positionals if one.help]
    parts = [
        f'.SS "{_escaped(_usage(program, command))}"\n',
        _text(command.description),
        *_entries(arguments),
        *map(_option, own),
        _epilog(command.epilog),
    ]
    return "".join(parts)


def _usage(program: Program, command: Command) -> str:
    """With its own options only: the shared ones stand in a section of their own."""
    own = [option for option in command.options if option.flags not in program.shared]
    words = [f"[{' '.join(filter(None, (option.flags[-1], _value(option))))}]" for option in own]
    return " ".join([command.name, *words, *map(_argument, command.positionals)])


def _argument(positional: Positional) -> str:
    shown = f"{positional.metavar} ..." if positional.is_many else positional.metavar
    return f"[{shown}]" if positional.is_optional else shown


def _value(option: Option) -> str:
    return f"[{option.metavar}]" if option.is_optional else option.metavar


def _epilog(text: str) -> str:
    """Examples are kept as they stand, the rest is filled."""
    parts = []
    for block in filter(None, text.strip("\n").split("\n\n")):
        title, _, rest = block.partition("\n")
        is_listing = title.endswith(":") and rest.startswith(" ")
        parts.append(f".PP\n{_escaped(title)}\n{_verbatim(rest)}" if is_listing else _text(block))
    return "".join(parts)


def _option(option: Option) -> str:
    value = f" \\fI{_escaped(_value(option))}\\fR" if option.metavar else ""
    names = ", ".join(f"\\fB{_escaped(flag)}\\fR{value}" for flag in option.flags)
    text = f"{option.help[:1].upper()}{option.help[1:]}."
    return f".TP\n{names}\n{_lines(text)}\n"


def _entries(entries: Iterable[Iterable[str]]) -> Iterator[str]:
    for name, text in entries:
        yield _entry(name, f"{text[:1].upper()}{text[1:]}")


def _entry(name: str, text: str) -> str:
    return f".TP\n\\fB{_escaped(name)}\\fR\n{_lines(text)}\n"


def _see(*pages: str) -> str:
    shown = [re.sub(r"(.+)\((\d)\)", r"\\fB\1\\fR(\2)", _escaped(page)) for page in pages]
    return _section("SEE ALSO", ",\n".join(shown) + "\n")


def _section(title: str, *parts: str) -> str:
    return "".join([f'.SH "{_escaped(title)}"\n', *parts])


def _text(text: str) -> str:
    return f".PP\n{_lines(' '.join(text.split()))}\n"


def _verbatim(text: str) -> str:
    indent = min((len(line) - len(line.lstrip()) for line in text.splitlines() if line.strip()), default=0)
    lines = "\n".join(_lines(line[indent:]) for line in text.rstrip().splitlines())
    return f".PP\n.RS 4\n.nf\n{lines}\n.fi\n.RE\n"


def _lines(text: str) -> str:
    """A line that begins with a control character would be a request."""
    escaped = _escaped(text)
    return f"\\&{escaped}" if escaped[:1] in (".", "'") else escaped


def _escaped(text: str) -> str:
    """Source: groff_char(7): \\- is the ASCII hyphen, \\(aq the straight quote."""
    escaped = text.replace("\\", "\\e").replace("-", "\\-").replace("'", "\\(aq").replace('"', "\\(dq")
    return escaped.replace("`", "\\(ga").replace("^", "\\(ha").replace("~", "\\(ti")


def main() -> None:
    FOLDER.mkdir(parents=True, exist_ok=True)
    for path, text in files().items():
        path.write_text(text)


if __name__ == "__main__":
    main()
