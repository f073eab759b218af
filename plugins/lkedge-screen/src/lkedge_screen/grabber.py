# lkedge: pure
"""What the source needs of X11 and of KMS alike."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

from lkedge.media.frame import Plane


@dataclass(frozen=True, slots=True)
class Picture:
    """One picture of one plane; `owner` keeps its memory, which nobody writes to any more."""

    plane: Plane
    owner: Any


class Grabber(Protocol):
    """An open screen. Used by one thread; only `interrupt` may come from another.

    width, height: of its pictures, even. pixel_format: FFmpeg's name of one with one plane.
    """

    width: int
    height: int
    pixel_format: str

    def grab(self) -> Picture:
        """What is shown now. Raises SourceLost: the screen has gone or has another size."""
        ...

    def interrupt(self) -> None:
        """End a `grab` that waits; what it raises then does not matter."""
        ...

    def release(self) -> None:
        """Give everything back; the pictures stay valid."""
        ...
