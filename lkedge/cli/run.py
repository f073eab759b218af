"""`lkedge run`: publish until told to stop."""

from __future__ import annotations

import argparse
import asyncio
import faulthandler
import gc
import os
import socket
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from lkedge.config.models import Config
    from lkedge.daemon.notify import Notifier
    from lkedge.plugin.manager import PluginManager

EX_CONFIG = 78
"""sysexits.h: wrong configuration; systemd does not restart after it."""

SETTLED_AFTER_S = 3.0
"""By then everything that stays is imported and built, when the server answers."""

STDERR = 2

START_S = 60.0
"""On the smallest boards the first start, without compiled files in the cache, takes long."""

HELP = "publish the configured tracks until stopped"

DESCRIPTION = """\
Join the room of the configuration, publish every track, and stay: lost connections and
lost devices are repaired for ever. SIGTERM or Ctrl-C leaves the room and ends, a second one
ends at once; SIGHUP reloads the configuration.
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
    from lkedge.daemon import listen, notify
    from lkedge.plugin.manager import PluginManager

    # A crash, or the watchdog's SIGABRT, leaves the stacks of all threads on stderr: in the journal.
    faulthandler.enable(STDERR)
    log.configure(args.log_level or "info")
    notifier = notify.Notifier()
    notifier.extend(START_S, "loading the configuration and the plugins")
    sockets = listen.inherited_sockets()
    plugins = PluginManager()
    config = load_or_complain(args.config, plugins)
    if config is None:
        return _refuse(sockets)
    log.configure(args.log_level or config.log_level)
    control = [sock for name, sock in sockets.items() if name == listen.CONTROL]
    if config.control.is_open_to_read:
        listen.open_to_everyone(control)
    asyncio.run(serve(config, plugins, notifier, control))
    return 0


async def serve(
    config: Config, plugins: PluginManager, notifier: Notifier, control_sockets: Sequence[socket.socket] = ()
) -> None:
    """Run a daemon until SIGTERM or SIGINT. control_sockets: of the service manager, listening."""
    from lkedge.daemon.app import Daemon
    from lkedge.daemon.notify import watchdog_interval_ns
    from lkedge.daemon.service import Service

    daemon = Daemon(config, plugins=plugins, has_control=True, control_sockets=control_sockets)
    watchdog_ns = watchdog_interval_ns(os.environ, os.getpid())
    await Service(daemon, notifier, watchdog_ns=watchdog_ns, ready=_settle_later).run()


def _refuse(sockets: Mapping[str, socket.socket]) -> int:
    """Tell those who wait at the control socket, too. Returns the exit status."""
    from lkedge.daemon import listen

    for sock in sockets.values():
        listen.turn_away(sock, "the configuration is wrong: `lkedge check` names every mistake; then start the daemon")
    return EX_CONFIG


def _settle_later() -> None:
    asyncio.get_running_loop().call_later(SETTLED_AFTER_S, _settle)


def _settle() -> None:
    """Collect garbage from now on, save among what the start has left, which is none."""
    gc.freeze()
    gc.enable()
