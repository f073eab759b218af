# lkedge: pure
"""What an encoder is tried with, and what came of it."""

from __future__ import annotations

from dataclasses import dataclass

from lkedge.media.layers import SimulcastLayer
from lkedge.terms import BitsPerSecond, Codec, Rid

PICTURES = 12
"""Enough for a key frame on demand in the middle, and to see the speed after the first one."""


@dataclass(frozen=True, slots=True)
class TrialLayer:
    """One encoder of the trial; all layers are open at the same time."""

    rid: Rid
    width: int
    height: int
    framerate: float
    bitrate: BitsPerSecond

    @property
    def size(self) -> str:
        return f"{self.width}x{self.height}"


@dataclass(frozen=True, slots=True)
class TrialRequest:
    """encoder: its registered name. plugins: as in `messages.Start`. pictures: so many of each layer.

    dmabuf: hand pictures in as DMABUF only, which shows whether they are imported.
    """

    encoder: str
    codec: Codec
    layers: tuple[TrialLayer, ...]
    plugins: tuple[str, ...] = ()
    pictures: int = PICTURES
    is_screen_share: bool = False
    dmabuf: bool = False


@dataclass(frozen=True, slots=True)
class LayerTrial:
    """What became of one layer.

    reason: why the encoder cannot do it; "" when it can.
    ms: milliseconds for one picture, the first left out; 0 when there is none.
    bitrate: bits per second that came out, at the layer's frame rate.
    """

    rid: Rid
    width: int
    height: int
    reason: str = ""
    ms: float = 0.0
    bitrate: int = 0

    @property
    def size(self) -> str:
        return f"{self.width}x{self.height}"


@dataclass(frozen=True, slots=True)
class TrialResult:
    """reason: why nothing of it works; "" when at least one layer does."""

    encoder: str
    reason: str = ""
    layers: tuple[LayerTrial, ...] = ()

    @property
    def is_usable(self) -> bool:
        return not self.reason

    @property
    def ms(self) -> float:
        """Milliseconds for one picture in all layers that work."""
        return sum(layer.ms for layer in self.layers)

    @property
    def refused(self) -> tuple[LayerTrial, ...]:
        """The layers that another encoder has to do."""
        return tuple(layer for layer in self.layers if layer.reason)


def trial_layers(layers: tuple[SimulcastLayer, ...]) -> tuple[TrialLayer, ...]:
    """A track's layers, the top one first, as the worker opens them."""
    return tuple(
        TrialLayer(
            layer.rid, layer.width, layer.height, float(layer.encoding.max_framerate), layer.encoding.max_bitrate
        )
        for layer in reversed(layers)
    )
