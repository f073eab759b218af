"""The commented example: `etc/lkedge/lkedge.toml` and `lkedge config --example`.

`# ` begins a remark, `#` without a blank a setting that may be switched on by removing it.
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterator
from typing import Any

from lkedge.config.catalogue import Catalogue, SourceEntry
from lkedge.config.describe import Row, option_row, rows
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
from lkedge.config.suggest import toml_key

WIDTH = 100
SWITCHED_ON = {"url", "token_file", "name", "source"}

HEAD = """\
# lkedge: every setting there is. This file works as it stands, given a token in token.jwt:
#
#   lkedge token --room yard --identity yard-pi > token.jwt
#   lkedge check lkedge.toml
#   lkedge run --config lkedge.toml
#
# "# " begins a remark; remove a "#" without a blank behind it to use a setting.
# Relative paths are relative to this file. Files of lkedge.toml.d/ are laid over this one;
# a [[track]] there with a name from here changes that track.
#:schema ./lkedge.schema.json
"""


def example(catalogue: Catalogue) -> str:
    """The example with the settings of all sources of a catalogue."""
    blocks = [
        HEAD.strip(),
        _table("[livekit]", LiveKitSection, SWITCHED_ON - {"name"}),
        _table("[livekit.ice]", IceSection),
        _table("[log]", LogSection),
        _table("[control]", ControlSection),
        _table("[capture_defaults]", CaptureSection),
        _table("[publish_defaults]", PublishSection),
        _track(),
        *(_source(source) for source in catalogue.sources.values() if source.name != "testsrc"),
        *(_plugin(name, options) for name, options in catalogue.settings.items()),
    ]
    return "\n\n".join(blocks) + "\n"


def _table(header: str, section: type[Section], switched_on: set[str] | None = None) -> str:
    lines = [*_remark(" ".join((section.__doc__ or "").split())), header]
    for row in rows(section):
        if row.example:
            lines += _setting(row, is_on=row.name in (switched_on or ()))
    return "\n".join(lines)


def _track() -> str:
    lines = _table("[[track]]", TrackSection, SWITCHED_ON)
    capture = "#capture = { width = 1280, height = 720, framerate = 30 }"
    publish = '#publish = { video_codec = "vp8" }'
    about = "# {} settings of this track, as in [{}_defaults]"
    return "\n".join([lines, about.format("capture", "capture"), capture, about.format("publish", "publish"), publish])


def _source(source: SourceEntry) -> str:
    kinds = " or ".join(sorted(kind.value for kind in source.kinds))
    lines = [f'# A track of the source "{source.name}" ({kinds}): {source.summary}.']
    lines += ["#[[track]]", f'#name = "my-{source.name}"', f'#source = "{source.name}"']
    options = [option_row(field) for field in option_fields(source.options)]
    if options:
        lines.append(f"#[track.{source.name}]")
    for row in options:
        lines += _setting(row, is_on=False)
    return "\n".join(lines)


def _plugin(name: str, options: type[Any]) -> str:
    lines = [f'# Settings of the plugin "{name}" itself.', f"#[plugin.{toml_key(name)}]"]
    for field in option_fields(options):
        lines += _setting(option_row(field), is_on=False)
    return "\n".join(lines)


def _setting(row: Row, *, is_on: bool) -> Iterator[str]:
    default = f" Default: {row.default}." if row.default else " Required." if row.is_required else ""
    yield from _remark(f"{row.meaning} ({row.allowed}).{default}")
    yield f"{'' if is_on else '#'}{row.name} = {row.example}"


def _remark(text: str) -> list[str]:
    return textwrap.wrap(text, WIDTH, initial_indent="# ", subsequent_indent="#   ", break_long_words=False)
