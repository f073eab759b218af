"""The composition root: the one place that builds and joins the parts."""

from __future__ import annotations

import logging
from collections.abc import Callable

from lkedge.clock import Clock, SystemClock
from lkedge.config.models import Config
from lkedge.daemon.tokens import token_keeper
from lkedge.publish.publisher import Publisher
from lkedge.publish.state import Status

logger = logging.getLogger(__name__)


class Daemon:
    """The running daemon. Owned by one event loop.

    on_changed: called when `status` may differ, at most once per turn of the loop.
    """

    def __init__(
        self,
        config: Config,
        *,
        clock: Clock | None = None,
        plugins: tuple[str, ...] = (),
        on_changed: Callable[[], None] = lambda: None,
    ) -> None:
        self._config = config
        clock = clock or SystemClock()
        self.publisher = Publisher(
            config.livekit, token_keeper(config.livekit, clock), clock=clock, plugins=plugins, on_changed=on_changed
        )

    async def start(self) -> None:
        """Start all tracks, then begin to connect; returns at once."""
        for track in self._config.tracks:
            if track.enabled:
                self.publisher.add_track(track)
        self.publisher.start()

    async def stop(self) -> None:
        """Leave the room, then stop the workers. In this order, so that nobody sees frozen pictures."""
        await self.publisher.stop()
        logger.info("stopped")

    def status(self) -> Status:
        return self.publisher.status()
