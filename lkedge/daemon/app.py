"""The composition root: the one place that builds and joins the parts."""

from __future__ import annotations

import logging
from collections.abc import Callable

from lkedge import __version__
from lkedge.clock import Clock, SystemClock
from lkedge.config.models import Config
from lkedge.daemon.encoders import Encoders
from lkedge.daemon.tokens import token_keeper
from lkedge.plugin.hookspecs import StartupContext
from lkedge.plugin.manager import PluginManager
from lkedge.publish.publisher import Publisher
from lkedge.publish.state import Status

logger = logging.getLogger(__name__)


class Daemon:
    """The running daemon. Owned by one event loop.

    plugins: loaded here when None. on_changed: called when `status` may differ, at most once per turn of the loop.
    """

    def __init__(
        self,
        config: Config,
        *,
        plugins: PluginManager | None = None,
        clock: Clock | None = None,
        on_changed: Callable[[], None] = lambda: None,
    ) -> None:
        self._config = config
        self._plugins = plugins or PluginManager()
        self._encoders = Encoders(self._plugins)
        clock = clock or SystemClock()
        self.publisher = Publisher(
            config.livekit,
            token_keeper(config.livekit, clock),
            clock=clock,
            plugins=self._plugins.targets,
            notify=self._plugins.notify,
            on_changed=on_changed,
        )

    async def start(self) -> None:
        """Start all tracks, then begin to connect; returns at once."""
        self._plugins.configure(self._config.plugins)
        enabled = [track for track in self._config.tracks if track.enabled]
        for track in enabled:
            self.publisher.add_track(self._encoders.with_encoder(track))
        self.publisher.start()
        self._encoders.start()
        self._plugins.notify("lkedge_startup", context=StartupContext(__version__, tuple(t.name for t in enabled)))

    async def stop(self) -> None:
        """Leave the room, then stop the workers. In this order, so that nobody sees frozen pictures."""
        self._plugins.notify("lkedge_shutdown")
        await self._encoders.stop()
        await self.publisher.stop()
        logger.info("stopped")

    def status(self) -> Status:
        return self.publisher.status()

    def problems(self) -> dict[str, str]:
        """What is wrong with each part that has to live, for the watchdog; "" for one that is well."""
        return self.publisher.problems()
