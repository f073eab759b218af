from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from lkedge.errors import SourceError
from lkedge.plugin.api import AudioFormat, AudioSource, Control, ControlKind, ControlValue
from lkedge.worker import live_controls
from lkedge.worker.events import ControlRefused, ControlSet, ControlsListed, SourceCondition
from lkedge.worker.live_controls import LIST_INTERVAL_NS, MAX_WAITING, LiveControls
from lkedge.worker.messages import SetControl


class Card(AudioSource):
    """A sound card with a volume of 0 to 10; counts how often its controls are listed."""

    def __init__(self) -> None:
        self.volume: ControlValue = 5
        self.taken: list[tuple[str, ControlValue]] = []
        self.lists = 0
        self.list_error: Exception | None = None

    def open(self) -> AudioFormat:
        return AudioFormat(1)

    def read(self) -> Any:
        raise NotImplementedError

    def close(self) -> None:
        pass

    def controls(self) -> Sequence[Control]:
        self.lists += 1
        if self.list_error:
            raise self.list_error
        return [Control("volume", ControlKind.INTEGER, self.volume, minimum=0, maximum=10)]

    def set_control(self, name: str, value: ControlValue) -> None:
        if name == "crash":
            raise ZeroDivisionError("by zero")
        if isinstance(value, int) and value > 10:
            raise SourceError(f"control {name!r} cannot be {value}; allowed is an integer from 0 to 10")
        self.taken.append((name, value))
        self.volume = value


class Desk:
    """LiveControls with a source and a clock that stands still until told."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now_ns = 1_000
        monkeypatch.setattr(live_controls.time, "monotonic_ns", lambda: self.now_ns)
        self.events: list[Any] = []
        self.card = Card()
        self.live = LiveControls("alsa", self.events.append)

    def open(self) -> Desk:
        self.live.opening()
        self.live.opened(self.card)
        return self

    def ask(self, value: ControlValue, name: str = "volume", request: int = 1) -> None:
        self.live.ask(SetControl(name, value, request))

    def read(self, later_ns: int = 0) -> list[Any]:
        """What a read leads to."""
        self.now_ns += later_ns
        self.events.clear()
        self.live.after_read(self.card)
        return list(self.events)

    def values(self) -> list[ControlValue]:
        return [event.controls[0].value for event in self.events if isinstance(event, ControlsListed)]


@pytest.fixture
def desk(monkeypatch: pytest.MonkeyPatch) -> Desk:
    return Desk(monkeypatch)


def test_controls_are_told_after_opening_and_not_again(desk: Desk) -> None:
    desk.open()
    assert desk.values() == [5]
    assert desk.read(10 * LIST_INTERVAL_NS) == []
    assert desk.card.lists == 1


def test_value_is_set_at_the_next_read_and_answered(desk: Desk) -> None:
    desk.open()
    desk.ask(7, request=42)
    assert desk.card.taken == []
    assert desk.read() == [ControlSet("volume", 7, 42)]
    assert desk.card.taken == [("volume", 7)]


def test_refusal_is_the_sentence_of_the_source_with_its_name(desk: Desk) -> None:
    desk.open()
    desk.ask(11, request=3)
    reason = "alsa: control 'volume' cannot be 11; allowed is an integer from 0 to 10"
    assert desk.read() == [ControlRefused("volume", reason, 3)]


def test_any_exception_of_a_plugin_is_a_refusal(desk: Desk) -> None:
    desk.open()
    desk.ask(1, "crash")
    assert desk.read() == [ControlRefused("crash", "alsa: ZeroDivisionError: by zero", 1)]


def test_lists_follow_changes_at_most_twice_a_second(desk: Desk) -> None:
    desk.open()
    for value in range(10):
        desk.ask(value)
        desk.read(LIST_INTERVAL_NS // 20)
    assert desk.card.lists == 1
    desk.read(LIST_INTERVAL_NS)
    assert desk.values() == [9]


def test_value_that_a_device_shows_late_is_told(desk: Desk) -> None:
    desk.open()
    desk.ask(7)
    desk.read(LIST_INTERVAL_NS)
    desk.card.volume = 8
    desk.read(LIST_INTERVAL_NS)
    assert desk.values() == [8]


def test_what_was_set_is_set_again_in_that_order_at_the_next_opening(desk: Desk) -> None:
    desk.open()
    for name in ("mode", "volume", "mode"):
        desk.ask(3, name)
    desk.read()
    desk.live.closed()
    desk.card = Card()
    desk.events.clear()
    desk.open()
    assert desk.card.taken == [("volume", 3), ("mode", 3)]
    assert not [event for event in desk.events if isinstance(event, ControlSet)]
    assert desk.values() == [3]


def test_what_an_earlier_worker_set_is_set_at_opening(desk: Desk) -> None:
    desk.live.restore({"volume": 4})
    desk.open()
    assert desk.card.taken == [("volume", 4)]


def test_earlier_value_that_is_refused_now_is_told_with_request_0(desk: Desk) -> None:
    desk.live.restore({"volume": 12})
    desk.open()
    assert [event.request for event in desk.events if isinstance(event, ControlRefused)] == [0]


def test_refused_value_is_not_remembered(desk: Desk) -> None:
    desk.open()
    desk.ask(11)
    desk.read()
    desk.live.closed()
    desk.events.clear()
    desk.open()
    assert desk.card.taken == []


def test_what_is_asked_while_it_opens_waits(desk: Desk) -> None:
    desk.live.opening()
    desk.ask(7)
    assert desk.events == []
    desk.live.opened(desk.card)
    assert desk.events[0] == ControlSet("volume", 7, 1)


@pytest.mark.parametrize("has_been_open", [False, True])
def test_closed_source_refuses_at_once(desk: Desk, has_been_open: bool) -> None:
    if has_been_open:
        desk.open()
        desk.live.closed()
    desk.events.clear()
    desk.ask(7)
    reason = "alsa: control 'volume' cannot be set: the source is not open; try again later"
    assert desk.events == [ControlRefused("volume", reason, 1)]


def test_what_waits_when_it_closes_is_refused(desk: Desk) -> None:
    desk.open()
    desk.ask(7, request=9)
    desk.live.closed()
    refusal = next(event for event in desk.events if isinstance(event, ControlRefused))
    assert (refusal.request, "closed before" in refusal.reason) == (9, True)


def test_too_many_requests_are_refused(desk: Desk) -> None:
    desk.open()
    for request in range(MAX_WAITING + 1):
        desk.ask(1, request=request)
    refusal = desk.events[-1]
    assert isinstance(refusal, ControlRefused)
    assert (refusal.request, "too many" in refusal.reason) == (MAX_WAITING, True)


def test_condition_is_told_once_per_change_and_cleared_at_close(desk: Desk) -> None:
    desk.open()
    desk.card.condition = "no  signal"
    told = [desk.read(), desk.read(), desk.read(10 * LIST_INTERVAL_NS)]
    desk.card.condition = ""
    told.append(desk.read())
    assert told == [[SourceCondition("no signal")], [], [], [SourceCondition("")]]
    desk.card.condition = "no cable"
    desk.read()
    desk.events.clear()
    desk.live.closed()
    assert desk.events == [SourceCondition(""), ControlsListed(())]


def test_condition_at_opening_is_told(desk: Desk) -> None:
    desk.card.condition = "no cable"
    desk.open()
    assert SourceCondition("no cable") in desk.events


def test_controls_that_cannot_be_listed_are_logged_once(desk: Desk, caplog: pytest.LogCaptureFixture) -> None:
    desk.card.list_error = OSError("ioctl")
    desk.open()
    desk.ask(7)
    desk.read(LIST_INTERVAL_NS)
    desk.read(LIST_INTERVAL_NS)
    assert caplog.messages == ["source alsa: its controls cannot be listed: alsa: OSError: ioctl"]
