"""The files as one tree: read, laid over each other, and where every value came from."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from lkedge.config.locate import KeyPath, locate

VENDOR = Path("/usr/lib/lkedge")
SYSTEM = Path("/etc/lkedge/lkedge.toml")


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a value stands."""

    file: Path
    line: int

    def __str__(self) -> str:
        return f"{self.file}:{self.line}"


@dataclass(slots=True)
class Document:
    """All files merged.

    data: tables are merged key by key, tracks by their name, everything else is replaced
        by the later file. files: in the order of reading.
    origins: None for what is not from a file. unreadable: one sentence for each file that could not be used.
    path: the file of --config; None for the system's files.
    """

    data: dict[str, Any] = field(default_factory=dict)
    origins: dict[KeyPath, Origin | None] = field(default_factory=dict)
    files: list[Path] = field(default_factory=list)
    unreadable: list[str] = field(default_factory=list)
    path: Path | None = None

    def origin(self, path: KeyPath) -> Origin | None:
        """Where this key, or the nearest table around it, stands; None when it is not from a file."""
        for length in range(len(path), 0, -1):
            if path[:length] in self.origins:
                return self.origins[path[:length]]
        return Origin(self.files[0], 1) if self.files else None

    def value(self, path: KeyPath) -> Any:
        """The value at this path; None when there is none."""
        value: Any = self.data
        for key in path:
            try:
                value = value[key]
            except (KeyError, IndexError, TypeError):
                return None
        return value


def files_to_read(config: Path | None, root: Path = Path("/")) -> list[Path]:
    """The configuration files, the least important first.

    Args:
        config: the file of --config, which replaces all others but its own `.d` folder.
        root: where /usr and /etc are found.
    """
    if config is not None:
        return [config, *_folder(Path(f"{config}.d"))]
    system = root / SYSTEM.relative_to("/")
    return [
        *_folder(root / VENDOR.relative_to("/")),
        *([system] if system.exists() else []),
        *_folder(Path(f"{system}.d")),
    ]


def read(files: Iterable[Path]) -> Document:
    """Read and merge; a file that cannot be used is named in `unreadable`."""
    document = Document()
    for file in files:
        document.files.append(file)
        _read_into(document, file)
    return document


def _read_into(document: Document, file: Path) -> None:
    try:
        text = file.read_text(encoding="utf-8")
        data = tomllib.loads(text)
    except OSError as error:
        document.unreadable.append(f"{file}: cannot be read: {error.strerror or error}")
    except UnicodeDecodeError as error:
        document.unreadable.append(f"{file}: is not UTF-8 text: {error.reason} at byte {error.start}")
    except tomllib.TOMLDecodeError as error:
        document.unreadable.append(_syntax_problem(file, str(error)))
    else:
        lines = locate(text.replace("\r\n", "\n"))
        _Merge(document, {path: Origin(file, line) for path, line in lines.items()}).table((), (), data)


SYNTAX_HINTS = {
    "Invalid value": 'a text stands in quotes, as in name = "front"',
    "Expected '='": 'a setting is written key = value, as in name = "front"',
    "Cannot overwrite a value": "this setting stands in its table twice",
    "Cannot declare": "this table stands in the file twice; write its settings together",
}
"""For what the parser says, what is usually behind it."""


def _syntax_problem(file: Path, message: str) -> str:
    text, _, place = message.partition(" (at line ")
    line = place.partition(",")[0]
    position = f"{file}:{line}" if line.isdigit() else str(file)
    hint = next((f"; {words}" for begin, words in SYNTAX_HINTS.items() if text.startswith(begin)), "")
    return f"{position}: is not valid TOML: {text[:1].lower()}{text[1:]}{hint}"


class _Merge:
    """One file laid over a document.

    Paths of the document (`there`) and of the file (`here`) differ in the indexes of tracks.
    """

    def __init__(self, document: Document, origins: Mapping[KeyPath, Origin]) -> None:
        self._document = document
        self._origins = origins

    def table(self, there: KeyPath, here: KeyPath, new: Mapping[str, Any]) -> None:
        old = self._document.value(there)
        for key, value in new.items():
            self._entry(old, key, (*there, key), (*here, key), value)

    def _entry(self, old: dict[str, Any], key: str, there: KeyPath, here: KeyPath, value: Any) -> None:
        if there == ("track",) and _is_tables(value) and _is_tables(old.get(key, [])):
            self._mark(there, here)
            self._tracks(old.setdefault(key, []), value)
        elif isinstance(value, dict) and isinstance(old.get(key), dict):
            self.table(there, here, value)
        else:
            old[key] = value
            self._replace_origins(there, here)

    def _tracks(self, old: list[dict[str, Any]], new: Sequence[dict[str, Any]]) -> None:
        indexes = {str(track["name"]): index for index, track in enumerate(old) if "name" in track}
        for here, track in enumerate(new):
            there = indexes.get(str(track.get("name")))
            if there is None:
                there = len(old)
                old.append({})
                self._mark(("track", there), ("track", here))
            self.table(("track", there), ("track", here), track)

    def _mark(self, there: KeyPath, here: KeyPath) -> None:
        if here in self._origins:
            self._document.origins[there] = self._origins[here]

    def _replace_origins(self, there: KeyPath, here: KeyPath) -> None:
        origins = self._document.origins
        for path in [path for path in origins if path[: len(there)] == there]:
            del origins[path]
        for path, origin in self._origins.items():
            if path[: len(here)] == here:
                origins[(*there, *path[len(here) :])] = origin


def _is_tables(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(entry, dict) for entry in value)


def _folder(directory: Path) -> list[Path]:
    return sorted(directory.glob("*.toml"))
