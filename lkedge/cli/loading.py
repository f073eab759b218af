"""What several commands need: the plugins and the configuration."""

from __future__ import annotations

import argparse
import logging
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from lkedge import log
from lkedge.errors import ConfigError
from lkedge.journal import MessageId, event
from lkedge.plugin.manager import PluginManager

if TYPE_CHECKING:
    from lkedge.config.models import Config

logger = logging.getLogger(__name__)


def load_or_complain(path: str | Path | None, plugins: PluginManager | None = None) -> Config | None:
    """The configuration; None after all problems were told. Exit with 78 then.

    They are printed to stderr; when that ends in the journal, they are one message there, to be found by its id.

    path: of --config; None for the system's files. plugins: loaded here when None.
    """
    from lkedge.config.loader import load

    plugins = plugins or PluginManager()
    try:
        return load(Path(path) if path else None, plugins.registry)
    except ConfigError as error:
        _complain(error)
        return None


def _complain(error: ConfigError) -> None:
    if log.is_journal(os.environ, sys.stderr):
        log.configure()
        logger.error("the configuration is refused: %s", error, extra=event(MessageId.CONFIG_REFUSED))
        return
    count = len(error.problems)
    print(error, file=sys.stderr)
    print(f"lkedge: {count} problem{'s' if count > 1 else ''} in the configuration", file=sys.stderr)


def raw_help(text: str) -> dict[str, object]:
    """Arguments of a parser that keep the lines of an epilog as they are."""
    return {"epilog": text, "formatter_class": argparse.RawDescriptionHelpFormatter}
