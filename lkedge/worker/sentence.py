# lkedge: pure
"""What went wrong, in one sentence."""

from __future__ import annotations

from lkedge.errors import LkedgeError

MAX_LENGTH = 500


def describe(name: str, error: BaseException) -> str:
    """The error with the thing it happened to; its type is told when the error is not ours."""
    text = " ".join(str(error).split())[:MAX_LENGTH]
    if not isinstance(error, LkedgeError) or not text:
        text = f"{type(error).__name__}: {text}" if text else type(error).__name__
    return text if name in text else f"{name}: {text}"
