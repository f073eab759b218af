"""Reads the configuration: files -> sections -> resolved values, with every problem at once."""

from __future__ import annotations

import copy
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from lkedge.config.catalogue import Catalogue
from lkedge.config.document import SYSTEM, Document, files_to_read, read
from lkedge.config.locate import KeyPath
from lkedge.config.models import Config, TrackConfig
from lkedge.config.problems import Problems, unknown_setting
from lkedge.config.resolve_control import resolve_control
from lkedge.config.resolve_livekit import LiveKitResolver
from lkedge.config.resolve_plugins import resolve_plugins
from lkedge.config.resolve_track import TrackResolver
from lkedge.config.samples import models_in
from lkedge.config.sections import (
    CaptureSection,
    ControlSection,
    FileSection,
    LiveKitSection,
    LogSection,
    PublishSection,
    Section,
    TrackSection,
)
from lkedge.errors import ConfigError

S = TypeVar("S", bound=Section)


def load(
    path: Path | None,
    catalogue: Catalogue,
    *,
    environ: Mapping[str, str] | None = None,
    root: Path = Path("/"),
) -> Config:
    """Read, check and resolve the configuration.

    Args:
        path: the file of --config; None for the layers of /usr/lib/lkedge and /etc/lkedge.
        catalogue: the sources and encoders that exist, a plugin registry.
        environ: instead of os.environ. root: where /usr and /etc are found.

    Raises:
        ConfigError: with one sentence for every problem of all files.
    """
    return resolve(read_document(path, root), catalogue, os.environ if environ is None else environ)


def read_document(path: Path | None, root: Path = Path("/")) -> Document:
    """All files merged, unchecked. Raises ConfigError when there is none."""
    files = files_to_read(path, root)
    if not files:
        raise ConfigError(
            [
                f"there is no configuration: {SYSTEM} does not exist; give a file with --config, "
                f"or begin with `lkedge config --example > {SYSTEM}`"
            ]
        )
    document = read(files)
    document.path = path
    return document


def resolve(document: Document, catalogue: Catalogue, environ: Mapping[str, str]) -> Config:
    """Check and resolve what was read. Raises as `load`."""
    return _Loading(document, catalogue, environ).run()


class _Loading:
    """One pass over one document."""

    def __init__(self, document: Document, catalogue: Catalogue, environ: Mapping[str, str]) -> None:
        self._document = document
        self._catalogue = catalogue
        self._environ = environ
        self._problems = Problems(document)

    def run(self) -> Config:
        self._check_top_level()
        livekit = self._livekit()
        log = self._section(LogSection, ("log",)) or LogSection()
        control = self._section(ControlSection, ("control",)) or ControlSection()
        tracks = self._tracks()
        plugins = resolve_plugins(self._document, self._catalogue, self._problems)
        self._problems.raise_if_any()
        assert livekit is not None, "a problem was noted otherwise"
        return Config(
            livekit=livekit,
            tracks=tracks,
            log_level=log.level or "info",
            files=tuple(self._document.files),
            control=resolve_control(control, self._document, self._environ),
            plugins=plugins,
            document=self._document,
        )

    def _check_top_level(self) -> None:
        known = list(FileSection.model_fields)
        for key in self._document.data.keys() - set(known):
            self._problems.add_plain((key,), f"{key}: {unknown_setting(key, known, known_settings(FileSection))}")

    def _livekit(self) -> Any:
        if self._document.unreadable and self._document.value(("livekit",)) is None:
            # It stands, no doubt, in what cannot be read, which is said.
            return None
        section = self._section(LiveKitSection, ("livekit",))
        if section is None:
            return None
        return LiveKitResolver(section, self._document, self._environ, self._problems).resolve()

    def _tracks(self) -> tuple[TrackConfig, ...]:
        capture = self._section(CaptureSection, ("capture_defaults",)) or CaptureSection()
        publish = self._section(PublishSection, ("publish_defaults",)) or PublishSection()
        resolver = TrackResolver(self._document, self._catalogue, capture, publish, self._problems)
        tables = self._document.data.get("track", [])
        if not isinstance(tables, list):
            self._problems.add_plain(("track",), "track: write [[track]], with two brackets, for every track")
            return ()
        self._check_names(tables)
        tracks = [self._track(index, table, resolver) for index, table in enumerate(tables)]
        return tuple(track for track in tracks if track is not None)

    def _track(self, index: int, table: Any, resolver: TrackResolver) -> TrackConfig | None:
        path: KeyPath = ("track", index)
        if not isinstance(table, dict):
            self._problems.add(path, "must be a table")
            return None
        names = table.keys() & self._source_tables(table)
        section = self._section(TrackSection, path, ignored=names)
        return None if section is None else resolver.resolve(index, section, {name: table[name] for name in names})

    def _source_tables(self, table: Mapping[str, Any]) -> set[str]:
        """Names that stand for settings of a source: of those that exist, and of a source that is misspelt."""
        wanted = table.get("source")
        names = set(self._catalogue.sources)
        if isinstance(wanted, str) and wanted not in TrackSection.model_fields:
            names.add(wanted)
        return names

    def _check_names(self, tables: list[Any]) -> None:
        first: dict[str, KeyPath] = {}
        for index, table in enumerate(tables):
            name = table.get("name") if isinstance(table, dict) else None
            if not isinstance(name, str):
                continue
            path: KeyPath = ("track", index, "name")
            if name in first:
                other = self._document.origin(first[name])
                self._problems.add(path, f"another track has this name already ({other}); every name must be unique")
            first.setdefault(name, path)

    def _section(self, model: type[S], path: KeyPath, ignored: set[str] | frozenset[str] = frozenset()) -> S | None:
        """One table as its model. What is wrong is noted and left out, so that the rest is checked too."""
        raw = self._document.value(path)
        if raw is not None and not isinstance(raw, dict):
            self._problems.add(path, "must be a table")
            raw = None
        table = {key: value for key, value in (raw or {}).items() if key not in ignored}
        if not table and model is not TrackSection:
            # Nothing is required there, and a model that is not validated need not be built.
            return model.model_construct()
        try:
            return model.model_validate(table)
        except ValidationError as error:
            known = known_settings(model)
            known[()] = [*known[()], *(self._catalogue.sources if model is TrackSection else [])]
            wrong = self._problems.add_invalid(path, error.errors(include_url=False), known, model)
            return _validated_without(model, table, wrong)


def _validated_without(model: type[S], table: dict[str, Any], wrong: list[KeyPath]) -> S | None:
    remaining = copy.deepcopy(table)
    for path in wrong:
        _remove(remaining, path)
    try:
        return model.model_validate(remaining)
    except ValidationError:
        return None


def _remove(table: Any, path: KeyPath) -> None:
    """Take out one value; of a list the whole list, since the others would change their places."""
    for depth, key in enumerate(path):
        is_last = depth == len(path) - 1 or isinstance(path[depth + 1], int)
        if not isinstance(table, dict) or key not in table:
            return
        if is_last:
            del table[key]
            return
        table = table[key]


def known_settings(model: type[BaseModel], prefix: KeyPath = ()) -> dict[KeyPath, list[str]]:
    """The settings that each table below a model may have, by path without indexes."""
    known = {prefix: list(model.model_fields)}
    for name, field in model.model_fields.items():
        for inner in models_in(field.annotation):
            known.update(known_settings(inner, (*prefix, name)))
    return known
