"""Which tracks capture, and the light that shows it."""

from __future__ import annotations

import atexit
import logging
from collections.abc import Callable

from lkedge.errors import PluginError
from lkedge_indicator.light import Light
from lkedge_indicator.options import IndicatorOptions

logger = logging.getLogger(__name__)


class Indicator:
    """Belongs to the thread that calls the hooks."""

    def __init__(self) -> None:
        self._options: IndicatorOptions | None = None
        self._light: Light | None = None
        self._capturing: set[str] = set()
        self._is_ending = False
        self._problem = ""

    def use(self, options: IndicatorOptions | None) -> None:
        """Show it with this light from now on, or with none.

        Raises:
            PluginError: it cannot be used; it is tried again when something changes.
        """
        self.release()
        self._options = options
        if options is not None:
            atexit.register(self.release)
            self._light = light_of(options)
            self._show()

    def captures(self, track: str, captures: bool) -> None:
        """A track's device was opened or closed."""
        self._capturing = self._capturing | {track} if captures else self._capturing - {track}
        self._show()
        if self._is_ending and not self._capturing:
            self.release()

    def end(self) -> None:
        """The daemon stops: the light follows until the last device is closed."""
        self._is_ending = True
        if not self._capturing:
            self.release()

    def release(self) -> None:
        """Off, and the light as it was found; nothing is shown any more. Any number of times."""
        self._options = None
        light, self._light = self._light, None
        atexit.unregister(self.release)
        if light is not None:
            self._guarded(light.close)

    def _show(self) -> None:
        options = self._options
        if options is None:
            return
        is_on = bool(self._capturing & set(options.tracks) if options.tracks else self._capturing)
        self._guarded(lambda: self._set(options, is_on))

    def _set(self, options: IndicatorOptions, is_on: bool) -> None:
        if self._light is None:
            self._light = light_of(options)
        self._light.set(is_on)

    def _guarded(self, action: Callable[[], None]) -> None:
        """A light that fails is told once, as an error: somebody relies on it."""
        try:
            action()
        except (OSError, PluginError) as error:
            if str(error) != self._problem:
                logger.error("the indicator does not show what is captured: %s", error)
            self._problem, self._light = str(error), None
        else:
            self._problem = ""


def light_of(options: IndicatorOptions) -> Light:
    """The configured light. Raises PluginError."""
    if bool(options.led) == bool(options.gpio_line):
        raise PluginError("indicator: set one of `led` and `gpio_line` in [plugin.indicator]")
    if options.led:
        from lkedge_indicator.led import Led

        return Led(options.led, active_low=options.active_low)
    from lkedge_indicator.gpio import GpioLine

    return GpioLine(options.gpio_line, options.gpio_chip, active_low=options.active_low)
