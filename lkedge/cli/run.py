"""`lkedge run`: publish until told to stop."""

from __future__ import annotations

import argparse
import asyncio
import gc
import signal
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from lkedge.config.models import Config
    from lkedge.plugin.manager import PluginManager

EX_CONFIG = 78
"""sysexits.h: wrong configuration; systemd does not restart after it."""

SETTLED_AFTER_S = 3.0
"""By then everything that stays is imported and built, when the server answers."""

HELP = "publish the configured tracks until stopped"

DESCRIPTION = """\
Join the room of the configuration, publish every track, and stay: lost connections and
lost devices are repaired for ever. SIGTERM or Ctrl-C leaves the room and ends.
"""

EPILOG = """\
examples:
  lkedge run                           the system's configuration, /etc/lkedge/lkedge.toml
  lkedge run --config front.toml       a file of your own
  lkedge run --config front.toml --log-level debug
"""


def add_parser(subparsers: Any) -> None:
    parser = subparsers.add_parser(
        "run",
        help=HELP,
        description=DESCRIPTION,
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--config", metavar="FILE", help="configuration file (default: the system's)")
    parser.add_argument("--log-level", choices=("debug", "info", "warning", "error"), help="instead of the configured")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Load, then serve. Returns the exit status: 0 after a signal, 78 for a wrong configuration."""
    # What is imported stays; to look for garbage in it all the while is an eighth of the start.
    gc.disable()
    try:
        return _run(args)
    finally:
        gc.enable()


def _run(args: argparse.Namespace) -> int:
    from lkedge import log
    from lkedge.cli.loading import load_or_complain
    from lkedge.plugin.manager import PluginManager

    plugins = PluginManager()
    config = load_or_complain(args.config, plugins)
    if config is None:
        return EX_CONFIG
    log.configure(args.log_level or config.log_level)
    asyncio.run(serve(config, plugins))
    return 0


async def serve(config: Config, plugins: PluginManager) -> None:
    """Run a daemon until SIGTERM or SIGINT."""
    from lkedge.daemon.app import Daemon

    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopped.set)
    daemon = Daemon(config, plugins=plugins)
    await daemon.start()
    loop.call_later(SETTLED_AFTER_S, _settle)
    await stopped.wait()
    await daemon.stop()


def _settle() -> None:
    """Collect garbage from now on, save among what the start has left, which is none."""
    gc.freeze()
    gc.enable()
