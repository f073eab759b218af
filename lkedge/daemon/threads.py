"""Blocking work of the daemon, off the event loop."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


async def in_thread(name: str, work: Callable[[], T]) -> T:
    """What `work` returns or raises, done in a thread of that name that ends with it.

    A caller that is cancelled does not wait; the work goes on.
    """
    # Seldom needed, and its import takes milliseconds.
    from concurrent.futures import ThreadPoolExecutor

    executor = ThreadPoolExecutor(1, name)
    try:
        return await asyncio.get_running_loop().run_in_executor(executor, work)
    finally:
        executor.shutdown(wait=False)
