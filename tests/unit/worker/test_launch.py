"""The environment of a worker process."""

from __future__ import annotations

import sys

import pytest

from lkedge.worker.launch import NOT_FOR_WORKERS, worker_environment


def test_nothing_that_is_the_daemons_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in NOT_FOR_WORKERS:
        monkeypatch.setenv(name, "secret")
    monkeypatch.setenv("LIBCAMERA_LOG_LEVELS", "*:WARN")
    environ = worker_environment()
    assert NOT_FOR_WORKERS.isdisjoint(environ)
    assert environ["LIBCAMERA_LOG_LEVELS"] == "*:WARN"


def test_our_import_path_and_the_callers_word_on_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MALLOC_ARENA_MAX", "4")
    environ = worker_environment()
    assert environ["MALLOC_ARENA_MAX"] == "4"
    assert environ["PYTHONPATH"].split(":") == [entry for entry in sys.path if entry]
