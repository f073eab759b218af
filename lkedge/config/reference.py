"""The reference page: `docs/configuration.md` and `lkedge config --reference`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from lkedge.config.catalogue import Catalogue, SourceEntry
from lkedge.config.describe import Row, option_row, rows, tables
from lkedge.config.options import option_fields
from lkedge.config.presets import AUDIO_PRESETS
from lkedge.config.sections import FileSection, Section
from lkedge.config.suggest import toml_key
from lkedge.media.layers import PRESETS_4_3, PRESETS_16_9, Preset

HEAD = """\
# Configuration

*Made by `lkedge config --reference` from the models; do not edit.*

The configuration is TOML. Without `--config` these files are laid over each other, the later
ones win: `/usr/lib/lkedge/*.toml`, `/etc/lkedge/lkedge.toml`, `/etc/lkedge/lkedge.toml.d/*.toml`.
With `--config FILE` only `FILE` and `FILE.d/*.toml` are read. Tables are merged setting by setting,
a `[[track]]` by its `name`, everything else is replaced. Relative paths are relative to the file
that names them.

`lkedge check FILE` names everything that is wrong with file, line and remedy;
`lkedge config --show FILE` prints what is in effect and where it was said;
`lkedge config --example` is a file to begin with, [etc/lkedge/lkedge.toml](../etc/lkedge/lkedge.toml);
[etc/lkedge/lkedge.schema.json](../etc/lkedge/lkedge.schema.json) tells editors the same.

The smallest useful file:

```toml
[livekit]
url = "ws://127.0.0.1:7880"
token_file = "token.jwt"

[[track]]
name = "front"
source = "testsrc"
```
"""


def reference(catalogue: Catalogue) -> str:
    """The page, with the settings of all sources of a catalogue."""
    parts = [HEAD.strip()]
    for name, section in tables(FileSection):
        header = f"[[{name}]]" if name == "track" else f"[{name}]"
        parts += _section(header, name, section, 2)
    parts += [_sources(catalogue), *_plugins(catalogue), _presets()]
    return "\n\n".join(parts) + "\n"


def _section(header: str, path: str, section: type[Section], depth: int) -> list[str]:
    doc = " ".join((section.__doc__ or "").split())
    parts = [f"{'#' * depth} `{header}`", doc, _table(rows(section))]
    is_track = path == "track"
    for name, inner in tables(section):
        if not (is_track and name in ("capture", "publish")):
            parts += _section(f"{path}.{name}", f"{path}.{name}", inner, depth + 1)
    if is_track:
        parts.append("`capture` takes the settings of `[capture_defaults]`, `publish` those of `[publish_defaults]`.")
    return parts


def _sources(catalogue: Catalogue) -> str:
    intro = "## Settings of the sources\n\nThey stand in a table of the track that is named like the source."
    return "\n\n".join([intro, *map(_source, catalogue.sources.values())])


def _source(source: SourceEntry) -> str:
    kinds = " and ".join(sorted(kind.value for kind in source.kinds))
    options = [option_row(field) for field in option_fields(source.options)]
    body = _table(options) if options else "It has no settings."
    return f"### `[track.{source.name}]`\n\n{source.summary[:1].upper()}{source.summary[1:]} ({kinds}).\n\n{body}"


def _plugins(catalogue: Catalogue) -> Iterator[str]:
    yield "## Settings of plugins\n\nA plugin may have settings of its own, in a table `[plugin.NAME]`."
    for name, options in catalogue.settings.items():
        yield f"### `[plugin.{toml_key(name)}]`\n\n{_table(map(option_row, option_fields(options)))}"


def _table(entries: Iterable[Row]) -> str:
    lines = ["| setting | value | default | meaning |", "|---|---|---|---|"]
    for row in entries:
        default = "**required**" if row.is_required else row.default
        cells = (f"`{row.name}`", row.allowed, default, row.meaning)
        lines.append("| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |")
    return "\n".join(lines)


def _presets() -> str:
    lines = ["## Presets", "", "| picture | 16:9 | 4:3 |", "|---|---|---|"]
    wide = {preset.height: preset for preset in PRESETS_16_9}
    narrow = {preset.height: preset for preset in PRESETS_4_3}
    for height in sorted({*wide, *narrow}):
        lines.append(f"| `h{height}` | {_preset(wide.get(height))} | {_preset(narrow.get(height))} |")
    lines += ["", "| sound | bit/s |", "|---|---|"]
    lines += [f"| `{name}` | {bitrate} |" for name, bitrate in AUDIO_PRESETS.items()]
    return "\n".join(lines)


def _preset(preset: Preset | None) -> str:
    if preset is None:
        return ""
    encoding = preset.encoding
    return f"{preset.width}x{preset.height}, {encoding.max_bitrate // 1000} kbit/s, {encoding.max_framerate:g}/s"
