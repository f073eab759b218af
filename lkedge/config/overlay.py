# lkedge: pure
"""Tracks changed at run time, laid over what the files say, before anything is checked.

So a change by control goes through the same checks, defaults and sentences as a file does.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from lkedge.config.document import Document
from lkedge.config.locate import KeyPath

NAME = "name"
SOURCE = "source"


@dataclass(frozen=True, slots=True)
class TrackOverlay:
    """What became of one track.

    settings: a table as `[[track]]`, without its name. It is merged over that of the files
        (RFC 7396: a None takes a setting away), or is the whole table when `is_added`.
    """

    settings: Mapping[str, Any] = field(default_factory=dict)
    is_added: bool = False
    is_removed: bool = False

    @property
    def is_empty(self) -> bool:
        return not (self.settings or self.is_added or self.is_removed)

    def then(self, settings: Mapping[str, Any]) -> TrackOverlay:
        """With more settings on top."""
        return replace(self, settings=_merged_patches(self.settings, settings, keep_none=not self.is_added))


def track_table(document: Document, name: str) -> dict[str, Any] | None:
    """The table of a track; None when there is none of that name."""
    return next((table for table in _tables(document) if table.get(NAME) == name), None)


def overlaid(document: Document, tracks: Mapping[str, TrackOverlay]) -> Document:
    """A copy of the document with these changes; what names a track that is not there is left out.

    Values that come from here have no place in a file, so that problems are told without one.
    """
    changed = Document(
        copy.deepcopy(document.data), dict(document.origins), document.files, document.unreadable, document.path
    )
    for name, overlay in tracks.items():
        _lay(changed, name, overlay)
    return changed


def merged(table: Mapping[str, Any], patch: Mapping[str, Any]) -> dict[str, Any]:
    """A table with a merge patch (RFC 7396). With another source, the settings of the old one go."""
    result = _patched(table, patch)
    old = table.get(SOURCE)
    if isinstance(old, str) and old != result.get(SOURCE) and old not in patch:
        result.pop(old, None)
    return result


def _lay(document: Document, name: str, overlay: TrackOverlay) -> None:
    tables = _tables(document)
    index = next((at for at, table in enumerate(tables) if table.get(NAME) == name), None)
    if overlay.is_added:
        _put(document, len(tables) if index is None else index, {NAME: name, **overlay.settings})
    elif index is not None and not overlay.is_removed:
        tables[index] = merged(tables[index], overlay.settings)
        _forget_origins(document, ("track", index), overlay.settings)


def _put(document: Document, index: int, table: dict[str, Any]) -> None:
    tables = document.data.setdefault("track", [])
    tables[index : index + 1] = [copy.deepcopy(table)]
    _forget_origins(document, ("track", index), None)


def _forget_origins(document: Document, path: KeyPath, patch: object) -> None:
    """patch: a table of which only what it says is forgotten; anything else forgets all below `path`."""
    if isinstance(patch, Mapping):
        for key, value in patch.items():
            _forget_origins(document, (*path, key), value)
        return
    for known in [known for known in document.origins if known[: len(path)] == path]:
        del document.origins[known]
    document.origins[path] = None


def _tables(document: Document) -> list[dict[str, Any]]:
    """Of a document that has been found right before."""
    tables: list[dict[str, Any]] = document.data.get("track", [])
    return tables


def _patched(table: Mapping[str, Any], patch: Mapping[str, Any]) -> dict[str, Any]:
    result = dict(table)
    for key, value in patch.items():
        if value is None:
            result.pop(key, None)
        elif isinstance(value, Mapping):
            below = result.get(key)
            result[key] = _patched(below if isinstance(below, Mapping) else {}, value)
        else:
            result[key] = copy.deepcopy(value)
    return result


def _merged_patches(first: Mapping[str, Any], then: Mapping[str, Any], *, keep_none: bool) -> dict[str, Any]:
    """One patch that does what the two do one after the other; without None for a whole table."""
    if not keep_none:
        return merged(first, then)
    result = dict(first)
    for key, value in then.items():
        below = result.get(key)
        if isinstance(value, Mapping) and isinstance(below, Mapping):
            result[key] = _merged_patches(below, value, keep_none=True)
        else:
            result[key] = copy.deepcopy(value)
    return result
