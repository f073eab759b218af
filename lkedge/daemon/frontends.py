"""The interfaces of control: optional, imported only when wanted, and never the end of the daemon."""

from __future__ import annotations

import logging
import socket
from collections.abc import Sequence
from typing import TYPE_CHECKING

from lkedge.config.models import ControlConfig
from lkedge.control.target import ControlTarget

if TYPE_CHECKING:
    from lkedge.control.dbus import DbusService
    from lkedge.control.handler import Handler
    from lkedge.control.http_server import HttpControl

logger = logging.getLogger(__name__)


class Frontends:
    """HTTP and D-Bus over one handler. Owned by the event loop."""

    def __init__(self, target: ControlTarget, settings: ControlConfig, sockets: Sequence[socket.socket] = ()) -> None:
        """sockets: of the service manager, listening already."""
        self._target = target
        self._settings = settings
        self._sockets = sockets
        self._handler: Handler | None = None
        self._http: HttpControl | None = None
        self._dbus: DbusService | None = None

    @property
    def problem(self) -> str:
        """What is wrong with the control server, for the watchdog; "" when it is well, or not wanted."""
        return self._http.problem if self._http is not None else ""

    async def start(self) -> None:
        """When this returns, the control socket answers; the bus may come later."""
        settings = self._settings
        has_http = bool(settings.socket or settings.metrics_port or self._sockets)
        if not (has_http or settings.dbus):
            return
        try:
            await self._start(has_http=has_http)
        except Exception:
            logger.exception("the daemon cannot be controlled; it publishes all the same")

    async def stop(self) -> None:
        """Answer no more; what still runs is given up."""
        if self._http is not None:
            await self._http.stop()
        if self._dbus is not None:
            await self._dbus.stop()
        if self._handler is not None:
            await self._handler.close()

    async def _start(self, *, has_http: bool) -> None:
        from lkedge.control.handler import Handler

        self._handler = Handler(self._target)
        if has_http:
            from lkedge.control.http_server import HttpControl

            self._http = HttpControl(self._handler, self._settings)
            await self._http.start(self._sockets)
        if self._settings.dbus:
            from lkedge.control.dbus import DbusService
            from lkedge.control.dbus_names import bus_name
            from lkedge.control.peer import Rights

            name = bus_name(self._settings.instance)
            self._dbus = DbusService(self._handler, Rights(self._settings), bus_name=name)
            self._dbus.start()
