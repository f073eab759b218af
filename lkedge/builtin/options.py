# lkedge: pure
"""The settings of the built-in sources; apart from their code, which is imported by workers only."""

from __future__ import annotations

from dataclasses import dataclass

from lkedge.plugin.api import option


@dataclass(frozen=True, slots=True)
class TestSourceOptions:
    """`testsrc` has no settings of its own; size and rate are capture settings."""

    __test__ = False


@dataclass(frozen=True, slots=True)
class ToneOptions:
    """`tone` has no settings of its own."""


@dataclass(frozen=True, slots=True)
class FileOptions:
    """What `file` plays."""

    path: str = option(help="media file, anything that FFmpeg opens", is_path=True)
    loop: bool = option(True, help="start again at the end; without it the track ends with the file")
    passthrough: str = option(
        "auto",
        help="send the file's own H.264, VP8 or Opus: auto = when it is the track's codec and needs no change, "
        "always = or fail, never = decode and encode",
        choices=("auto", "always", "never"),
    )
