from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from lkedge.publish.announcer import Announcer
from lkedge.publish.state import TrackState


class Plugins:
    def __init__(self) -> None:
        self.told: list[tuple[str, dict[str, Any]]] = []

    def __call__(self, hook: str, **arguments: Any) -> None:
        self.told.append((hook, arguments))

    def captures(self) -> list[tuple[str, bool]]:
        return [(told["track"], told["captures"]) for hook, told in self.told if hook == "lkedge_capture_changed"]


@pytest.fixture
def plugins() -> Plugins:
    return Plugins()


def publication(name: str, *, is_open: bool) -> Any:
    return SimpleNamespace(name=name, state=TrackState.READY, live=SimpleNamespace(is_open=is_open), track=None)


def test_capture_is_told_per_track_and_only_when_it_changes(plugins: Plugins) -> None:
    announcer = Announcer(plugins)
    for name, is_open in (("a", False), ("a", True), ("b", True), ("a", True), ("a", False), ("b", True)):
        announcer.tell(publication(name, is_open=is_open))
    assert plugins.captures() == [("a", True), ("b", True), ("a", False)]


def test_removed_track_captures_no_more(plugins: Plugins) -> None:
    announcer = Announcer(plugins)
    announcer.tell(publication("a", is_open=True))
    announcer.forget(publication("a", is_open=True))
    announcer.forget(publication("a", is_open=False))
    assert plugins.captures() == [("a", True), ("a", False)]
