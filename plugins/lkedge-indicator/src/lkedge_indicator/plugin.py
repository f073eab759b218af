"""The hooks. Nothing is touched before `[plugin.indicator]` says which light."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from lkedge.plugin.hookspecs import hookimpl
from lkedge_indicator.options import IndicatorOptions

if TYPE_CHECKING:
    from lkedge_indicator.indicator import Indicator


class IndicatorPlugin:
    """One for the daemon; without settings it does nothing."""

    def __init__(self) -> None:
        self._indicator: Indicator | None = None

    @hookimpl
    def lkedge_register_settings(self, register: Callable[[type[Any]], None]) -> None:
        register(IndicatorOptions)

    @hookimpl
    def lkedge_configure(self, settings: IndicatorOptions | None) -> None:
        self._made().use(settings)

    @hookimpl
    def lkedge_capture_changed(self, track: str, captures: bool) -> None:
        self._made().captures(track, captures)

    @hookimpl
    def lkedge_shutdown(self) -> None:
        if self._indicator is not None:
            self._indicator.end()

    def _made(self) -> Indicator:
        """Before there are settings too: a light that is configured later has to know what is open."""
        if self._indicator is None:
            from lkedge_indicator.indicator import Indicator

            self._indicator = Indicator()
        return self._indicator


plugin = IndicatorPlugin()
