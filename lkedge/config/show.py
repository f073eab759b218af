"""The configuration in effect, for people: a summary, and every setting with its origin."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from lkedge.config.catalogue import Catalogue
from lkedge.config.describe import Row, option_row, rows
from lkedge.config.document import Document
from lkedge.config.locate import KeyPath
from lkedge.config.models import Config, VideoPublish
from lkedge.config.options import option_fields
from lkedge.config.sections import (
    CaptureSection,
    ControlSection,
    IceSection,
    LiveKitSection,
    LogSection,
    PublishSection,
    Section,
    TrackSection,
)
from lkedge.config.suggest import shown, toml_key

REMARK_COLUMN = 60


def summary(config: Config) -> str:
    """What `lkedge check` prints when all is well."""
    lines = [f"files    {', '.join(map(str, config.files))}"]
    lines.append(f"server   {config.livekit.url or 'as the token endpoint says'}")
    for track in config.tracks:
        publish = track.publish
        codec = publish.video_codec.value if isinstance(publish, VideoPublish) else "opus"
        state = "" if track.enabled else ", disabled"
        lines.append(f"track    {track.name}: {track.source} as {track.publish_as.value}, {codec}{state}")
    return "\n".join([*lines, "The configuration is right."])


def effective(document: Document, catalogue: Catalogue) -> str:
    """Every setting that is in effect, as TOML, with the file and line that says so.

    A setting that nobody says is a remark with its default.
    """
    show = _Show(document)
    lines = [
        *show.table("[livekit]", LiveKitSection, ("livekit",)),
        *show.table("[livekit.ice]", IceSection, ("livekit", "ice")),
        *show.table("[log]", LogSection, ("log",)),
        *show.table("[control]", ControlSection, ("control",)),
    ]
    for index, track in enumerate(document.data.get("track", [])):
        lines += _track(show, catalogue, ("track", index), track["source"])
    for name in document.data.get("plugin", {}):
        entries = [option_row(field) for field in option_fields(catalogue.settings[name])]
        lines += show.rows(f"[plugin.{toml_key(name)}]", entries, (("plugin", name),))
    return "\n".join(lines) + "\n"


def _track(show: _Show, catalogue: Catalogue, path: KeyPath, source: str) -> Iterator[str]:
    yield from show.table("[[track]]", TrackSection, path)
    yield from show.table("[track.capture]", CaptureSection, (*path, "capture"), ("capture_defaults",))
    yield from show.table("[track.publish]", PublishSection, (*path, "publish"), ("publish_defaults",))
    options = [option_row(field) for field in option_fields(catalogue.sources[source].options)]
    if options:
        yield from show.rows(f"[track.{source}]", options, ((*path, source),))


class _Show:
    def __init__(self, document: Document) -> None:
        self._document = document

    def table(self, header: str, section: type[Section], *paths: KeyPath) -> Iterator[str]:
        inner = {"ice", "capture", "publish"}
        return self.rows(header, [row for row in rows(section) if row.name not in inner], paths)

    def rows(self, header: str, entries: list[Row], paths: tuple[KeyPath, ...]) -> Iterator[str]:
        """paths: tables to look in, the most important first."""
        yield from ("", header) if header != "[livekit]" else (header,)
        for row in entries:
            yield self._line(row, paths)

    def _line(self, row: Row, paths: tuple[KeyPath, ...]) -> str:
        for path in paths:
            value: Any = self._document.value((*path, row.name))
            if value is not None:
                text = f"{toml_key(row.name)} = {shown(value, row.name, limit=10_000)}"
                return f"{text:<{REMARK_COLUMN}}# {self._document.origin((*path, row.name))}"
        return f"{'# ' + row.name:<{REMARK_COLUMN}}# default: {row.default or 'none'}"
