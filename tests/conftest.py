"""For every test: marks by folder, and the check that nothing of ours is left running after it."""

from __future__ import annotations

import asyncio
import inspect
import multiprocessing.forkserver as forkserver
import multiprocessing.resource_tracker as resource_tracker
import os
import threading
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parent.parent
GRACE_S = 3.0
"""How long threads and children may take to go after a test."""

FOREIGN_THREADS = ("asyncio_", "ThreadPoolExecutor", "pytest_timeout", "Dummy-", "QueueFeederThread")
CATEGORIES = ("sfu", "browser", "device", "service")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Tests under tests/sfu, tests/browser, tests/device and tests/service carry the marker of that name."""
    for item in items:
        for category in CATEGORIES:
            if item.path.is_relative_to(ROOT / "tests" / category):
                item.add_marker(category)


@pytest.fixture(autouse=True)
def settled(request: pytest.FixtureRequest) -> Iterator[None]:
    """Fails a test that leaves a task, a thread or a child process of ours behind."""
    if inspect.iscoroutinefunction(getattr(request, "function", None)):
        request.getfixturevalue("_settled_tasks")
    threads, children = set(threading.enumerate()), _children()
    yield
    left = _wait_until_gone(threads, children)
    assert not left, f"left running after the test: {', '.join(left)}"


@pytest.fixture
async def _settled_tasks() -> AsyncIterator[None]:
    before = asyncio.all_tasks()
    yield
    left = [task for task in asyncio.all_tasks() - before if task is not asyncio.current_task() and _is_ours(task)]
    if left:
        await asyncio.wait(left, timeout=0.5)
    names = [f"{task.get_name()} {task.get_coro()}" for task in left if not task.done()]
    assert not names, f"tasks left running after the test: {', '.join(names)}"


def _is_ours(task: asyncio.Task[Any]) -> bool:
    code = getattr(task.get_coro(), "cr_code", None)
    return code is not None and Path(code.co_filename).is_relative_to(ROOT) and ".venv" not in code.co_filename


def _wait_until_gone(threads: set[threading.Thread], children: set[int]) -> list[str]:
    until = time.monotonic() + GRACE_S
    while (left := _left_threads(threads) + _left_children(children)) and time.monotonic() < until:
        time.sleep(0.02)
    return left


def _left_threads(before: set[threading.Thread]) -> list[str]:
    new = set(threading.enumerate()) - before
    return [f"thread {thread.name}" for thread in new if not thread.name.startswith(FOREIGN_THREADS)]


def _left_children(before: set[int]) -> list[str]:
    return [f"process {pid} ({_command(pid)})" for pid in _children() - before]


def _children() -> set[int]:
    """Our children and those of multiprocessing's fork server, which itself may stay."""
    helpers = {
        getattr(forkserver._forkserver, "_forkserver_pid", None),  # type: ignore[attr-defined]
        getattr(resource_tracker._resource_tracker, "_pid", None),  # type: ignore[attr-defined]
    }
    parents = {os.getpid()} | {pid for pid in helpers if pid}
    return {pid for parent in parents for pid in _children_of(parent)} - parents


def _children_of(pid: int) -> set[int]:
    found: set[int] = set()
    for path in Path(f"/proc/{pid}/task").glob("*/children"):
        try:
            found |= {int(child) for child in path.read_text().split()}
        except OSError:
            continue
    return {child for child in found if _command(child)}


def _command(pid: int) -> str:
    """The command line; "" for one that is gone or a zombie."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace").strip()[:120]
    except OSError:
        return ""
