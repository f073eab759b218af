#!/usr/bin/env python3
"""Writes the completions of bash, zsh and fish for both programs. Run with .venv/bin/python."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from parsers import FILES, TRACK, Command, Option, Positional, Program, control, daemon

ETC = Path(__file__).resolve().parent.parent / "etc"
NOTE = "# Made by tools/make_completions.py from the parsers; do not edit.\n"
TRACKS = "lkedgectl tracks --names 2>/dev/null"


def files() -> dict[Path, str]:
    """What each file has to be."""
    made: dict[Path, str] = {}
    for program in (daemon(), control()):
        made[ETC / f"bash-completion/{program.name}"] = bash(program)
        made[ETC / f"zsh-completion/_{program.name}"] = zsh(program)
        made[ETC / f"fish-completion/{program.name}.fish"] = fish(program)
    return made


def bash(program: Program) -> str:
    """A function for `complete -F`; bash-completion loads it by its name."""
    function = f"_{program.name}"
    names = " ".join(command.name for command in program.commands)
    lines = [
        NOTE,
        f"{function}() {{",
        "    local current=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD-1]}",
        "    local command= files= place=0 i word",
        "    local -a words=()",
        "    for ((i = 1; i < COMP_CWORD; i++)); do",
        "        case ${COMP_WORDS[i]} in",
        *_bash_skipped(program),
        "            -*) ;;",
        "            *) if [[ -z $command ]]; then command=${COMP_WORDS[i]}; else ((++place)); fi ;;",
        "        esac",
        "    done",
        "    COMPREPLY=()",
        "    case $command:$previous in",
        *_bash_values(program),
        "    esac",
        "    case $command in",
        f"        '') words=({names} {' '.join(_flags(program.options))}) ;;",
        *(line for command in program.commands for line in _bash_command(program, command)),
        "    esac",
        '    if [[ -n $files ]]; then mapfile -t COMPREPLY < <(compgen -f -- "$current"); return; fi',
        # Not `compgen -W`, which would run what stands between $( and ) in the name of a track.
        '    for word in "${words[@]}"; do',
        "        if [[ $word == -* && $current != -* ]]; then continue; fi",
        '        if [[ $word == "$current"* ]]; then printf -v word %q "$word"; COMPREPLY+=("$word"); fi',
        "    done",
        "}",
        f"complete -o bashdefault -F {function} {program.name}",
    ]
    return "\n".join(lines) + "\n"


def _bash_skipped(program: Program) -> list[str]:
    """Options whose next word is their value."""
    taking = {flag for one in _all_options(program) if one.metavar for flag in one.flags}
    return [f"            {'|'.join(sorted(taking))}) ((i++)) ;;"] if taking else []


def _bash_values(program: Program) -> list[str]:
    """After an option that takes a value: its values, or nothing. One line for all that have the same."""
    patterns: dict[str, list[str]] = {}
    for name, options in [("", program.options), *((command.name, command.options) for command in program.commands)]:
        for option in options:
            is_own = name and option.flags not in program.shared
            if option.metavar and (is_own or not name):
                found = patterns.setdefault(_bash_reply(option), [])
                found += [f"{name if is_own else '*'}:{flag}" for flag in option.flags]
    return [f"        {'|'.join(found)}) {reply}return ;;" for reply, found in patterns.items()]


def _bash_reply(option: Option) -> str:
    if option.metavar in FILES:
        return 'mapfile -t COMPREPLY < <(compgen -f -- "$current"); '
    if not option.choices:
        return ""
    return f"mapfile -t COMPREPLY < <(compgen -W '{' '.join(option.choices)}' -- \"$current\"); "


def _bash_command(program: Program, command: Command) -> list[str]:
    lines = [f"        {command.name})", f"            words=({' '.join(_flags(command.options))})"]
    lines += ["            case $place in"] if command.positionals else []
    for place, positional in enumerate(command.positionals):
        pattern = "*" if positional.is_many and place == len(command.positionals) - 1 else str(place)
        lines.append(f"                {pattern}) {_bash_positional(positional)} ;;")
    lines += ["            esac"] if command.positionals else []
    return [*lines, "            ;;"]


def _bash_positional(positional: Positional) -> str:
    if positional.metavar in FILES:
        return "files=yes"
    if positional.metavar == TRACK:
        return f"mapfile -t -O ${{#words[@]}} words < <({TRACKS})"
    return f"words+=({' '.join(positional.choices)})" if positional.choices else ":"


def zsh(program: Program) -> str:
    """A function for compinit; the file's name is the function's."""
    commands = [f"        {_zsh_quoted(f'{one.name}:{one.summary}')}" for one in program.commands]
    lines = [
        f"#compdef {program.name}",
        NOTE,
        f'_{program.name}_tracks() {{ local -a tracks; tracks=(${{(f)"$({TRACKS})"}}); compadd -a tracks }}',
        "",
        f"_{program.name}() {{",
        "    local context state state_descr line",
        "    local -a commands",
        "    typeset -A opt_args",
        "    commands=(",
        *commands,
        "    )",
        "    _arguments -C \\",
        *(f"        {_zsh_option(option)} \\" for option in program.options),
        "        '1:command:->command' '*::argument:->argument'",
        "    case $state in",
        "        command) _describe command commands ;;",
        "        argument)",
        "            case $words[1] in",
        *(line for command in program.commands for line in _zsh_command(program, command)),
        "            esac",
        "            ;;",
        "    esac",
        "}",
        "",
        f'_{program.name} "$@"',
    ]
    return "\n".join(lines) + "\n"


def _zsh_command(program: Program, command: Command) -> list[str]:
    arguments = [_zsh_option(option) for option in command.options]
    arguments += [_zsh_positional(program, positional) for positional in command.positionals]
    joined = " \\\n                        ".join(arguments)
    return [f"                {command.name})", f"                    _arguments {joined}", "                    ;;"]


def _zsh_option(option: Option) -> str:
    what = _zsh_text(option.help)
    value = f":{_zsh_text(option.metavar)}:{_zsh_values(option.choices, option.metavar)}" if option.metavar else ""
    specs = [_zsh_quoted(f"{flag}[{what}]{value}") for flag in option.flags]
    return " ".join(specs)


def _zsh_positional(program: Program, positional: Positional) -> str:
    if positional.metavar == TRACK:
        values = f"_{program.name}_tracks"
    else:
        values = _zsh_values(positional.choices, positional.metavar)
    return _zsh_quoted(f"{'*' if positional.is_many else ''}:{_zsh_text(positional.metavar)}:{values}")


def _zsh_values(choices: Iterable[str], metavar: str) -> str:
    words = " ".join(choices)
    return f"({words})" if words else "_files" if metavar in FILES else " "


def _zsh_text(text: str) -> str:
    """Characters that mean something in a specification of _arguments."""
    return "".join(f"\\{character}" if character in "[]:\\" else character for character in text)


def _zsh_quoted(text: str) -> str:
    return "'" + text.replace("'", "'\\''") + "'"


def fish(program: Program) -> str:
    """One `complete` for each word."""
    names = " ".join(command.name for command in program.commands)
    before = f"not __fish_seen_subcommand_from {names}"
    lines = [NOTE, f"complete -c {program.name} -f"]
    lines += [_fish_option(program, before, option) for option in program.options]
    for command in program.commands:
        lines.append(f"complete -c {program.name} -n '{before}' -a {command.name} -d {_fish_quoted(command.summary)}")
        inside = f"__fish_seen_subcommand_from {command.name}"
        own = [option for option in command.options if option.flags not in program.shared]
        lines += [_fish_option(program, inside, option) for option in own]
        lines += [_fish_positional(program, inside, one) for one in command.positionals if _fish_words(one)]
    return "\n".join(lines) + "\n"


def _fish_option(program: Program, condition: str, option: Option) -> str:
    names = [f"-l {flag[2:]}" if flag.startswith("--") else f"-s {flag[1:]}" for flag in option.flags]
    value = ""
    if option.metavar in FILES:
        value = " -r -F"
    elif option.metavar:
        value = f" -x -a {_fish_quoted(' '.join(option.choices))}" if option.choices else " -x"
    is_everywhere = option.flags in program.shared
    when = "" if is_everywhere else f" -n '{condition}'"
    return f"complete -c {program.name}{when} {' '.join(names)}{value} -d {_fish_quoted(option.help)}"


def _fish_positional(program: Program, condition: str, positional: Positional) -> str:
    words = _fish_words(positional)
    return f"complete -c {program.name} -n '{condition}' {words}"


def _fish_words(positional: Positional) -> str:
    if positional.metavar == TRACK:
        return f"-a '({TRACKS})' -d track"
    if positional.metavar in FILES:
        return "-F"
    return f"-a {_fish_quoted(' '.join(positional.choices))}" if positional.choices else ""


def _fish_quoted(text: str) -> str:
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"


def _flags(options: Iterable[Option]) -> list[str]:
    return [flag for option in options for flag in option.flags]


def _all_options(program: Program) -> list[Option]:
    return [*program.options, *(option for command in program.commands for option in command.options)]


def main() -> None:
    for path, text in files().items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


if __name__ == "__main__":
    main()
