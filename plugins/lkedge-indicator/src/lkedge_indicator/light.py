# lkedge: pure
"""What the indicator needs of an LED and of a GPIO line alike."""

from __future__ import annotations

from typing import Protocol


class Light(Protocol):
    """Ours from when it was made until `close`; off at first. `set` and `close` raise OSError."""

    def set(self, is_on: bool) -> None: ...

    def close(self) -> None:
        """Switch it off and leave it as it was found."""
        ...
