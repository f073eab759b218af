# lkedge: pure
"""The settings under `[plugin.indicator]`."""

from __future__ import annotations

from dataclasses import dataclass

from lkedge.plugin.api import option


@dataclass(frozen=True)
class IndicatorOptions:
    """Which light, and for what. One of `led` and `gpio_line` is needed."""

    led: str = option("", help="name of a light in /sys/class/leds, such as ACT")
    gpio_line: str = option("", help="name or number of a GPIO line, such as GPIO17 or 17")
    gpio_chip: str = option(
        "", help="chip of the line, such as gpiochip0; empty for the first that has a line of its name"
    )
    active_low: bool = option(False, help="the light is on when the line is low, or the LED's brightness 0")
    tracks: tuple[str, ...] = option((), help="names of the tracks that count; empty for all")
