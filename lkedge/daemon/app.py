"""The composition root: the one place that builds and joins the parts."""

from __future__ import annotations

import logging
import os
import socket
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager

from lkedge import __version__
from lkedge.clock import Clock, SystemClock
from lkedge.config.models import Config
from lkedge.control.target import ControlTarget
from lkedge.daemon.changes import Changes
from lkedge.daemon.configuration import Configuration
from lkedge.daemon.encoder_switch import EncoderSwitch
from lkedge.daemon.encoders import Encoders
from lkedge.daemon.frontends import Frontends
from lkedge.daemon.hotplug import HotplugMonitor
from lkedge.daemon.notices import Notices
from lkedge.daemon.persist import StateFile, state_path
from lkedge.daemon.reload import ReloadPlan
from lkedge.daemon.target import DaemonTarget
from lkedge.daemon.tokens import token_keeper
from lkedge.plugin.hookspecs import StartupContext
from lkedge.plugin.manager import PluginManager
from lkedge.publish.publisher import Publisher
from lkedge.publish.state import Status

logger = logging.getLogger(__name__)


class Daemon:
    """The running daemon. Owned by one event loop.

    plugins: loaded here when None. on_changed: called when `status` may differ, at most once per turn of the loop.
    has_control: offer the interfaces of `config.control`. control_sockets: for HTTP, of the
        service manager, listening already. state: where kept changes are; found here when None.
    """

    def __init__(
        self,
        config: Config,
        *,
        plugins: PluginManager | None = None,
        clock: Clock | None = None,
        on_changed: Callable[[], None] = lambda: None,
        has_control: bool = False,
        control_sockets: Sequence[socket.socket] = (),
        state: StateFile | None = None,
    ) -> None:
        clock = clock or SystemClock()
        self._plugins = plugins or PluginManager()
        self._notices = Notices()
        self._on_changed = on_changed
        self._configuration = Configuration(config, self._plugins.registry, state or _state_file(config))
        self.publisher = Publisher(
            config.livekit,
            token_keeper(config.livekit, clock),
            clock=clock,
            plugins=self._plugins.targets,
            notify=self._plugins.notify,
            on_changed=self._changed,
        )
        self._encoders = Encoders(self._plugins, EncoderSwitch(self.publisher))
        self._changes = Changes(
            self._configuration,
            self.publisher,
            self._encoders,
            self._plugins,
            self._notices,
            lambda livekit: token_keeper(livekit, clock),
        )
        self.target: ControlTarget = DaemonTarget(
            self.publisher, self._configuration, self._changes, self._plugins, self._notices, clock.monotonic_ns()
        )
        self._hotplug = HotplugMonitor(self.publisher.retry_sources)
        self._frontends = Frontends(self.target, config.control, control_sockets) if has_control else None

    async def start(self) -> None:
        """Start all tracks, then begin to connect; returns when the daemon can be controlled."""
        self._changes.adopt(self._configuration.restored())
        config, kept = self._configuration.current, self._configuration.kept
        self._plugins.configure(config.plugins)
        for track in config.tracks:
            wanted = self._encoders.with_encoder(track) if track.enabled else track
            self.publisher.add_track(wanted, limits=kept.limits.get(track.name), controls=kept.controls.get(track.name))
        if kept.permissions is not None:
            self.publisher.set_permissions(kept.permissions)
        self.publisher.start()
        self._hotplug.start()
        self._encoders.start()
        if self._frontends is not None:
            await self._frontends.start()
        enabled = tuple(track.name for track in config.tracks if track.enabled)
        self._plugins.notify("lkedge_startup", context=StartupContext(__version__, enabled))

    async def stop(self) -> None:
        """Leave the room, then stop the workers. In this order, so that nobody sees frozen pictures."""
        self._plugins.notify("lkedge_shutdown")
        self._hotplug.stop()
        if self._frontends is not None:
            await self._frontends.stop()
        await self._encoders.stop()
        await self.publisher.stop()
        await self._changes.close()
        logger.info("stopped")

    def status(self) -> Status:
        return self.publisher.status()

    def problems(self) -> dict[str, str]:
        """What is wrong with each part that has to live, for the watchdog; "" for one that is well."""
        control = self._frontends.problem if self._frontends is not None else ""
        return self.publisher.problems() | {"control server": control}

    async def reload(self) -> ReloadPlan:
        """Read the configuration again and apply what is different.

        Raises:
            ConfigError: with all problems; the old configuration stays.
        """
        return await self._changes.reload()

    def surround_reloads(self, around: Callable[[], AbstractContextManager[None]]) -> None:
        """Enter this for every reload from now on, of control too; what a reload raises passes through it."""
        self._changes.around_reload = around

    def _changed(self) -> None:
        self._notices.look(self.publisher.publications)
        self._on_changed()


def _state_file(config: Config) -> StateFile:
    path = config.document.path if config.document is not None else None
    return StateFile(state_path(path, os.environ))
