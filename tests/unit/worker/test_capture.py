from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from lkedge.errors import PluginError, SourceLost, SourceStuck, SourceUnavailable
from lkedge.media.frame import EncodedFrame, VideoFrame
from lkedge.plugin.api import ControlValue, VideoCaptureSettings, VideoSource
from lkedge.testing.fakes import EncodedSource, FlakyOptions, FlakySource, PatternSource
from lkedge.testing.fakes_controls import ControlledSource
from lkedge.worker import capture
from lkedge.worker.backoff import BackOff
from lkedge.worker.capture import CaptureThread
from lkedge.worker.events import (
    ControlRefused,
    ControlSet,
    ControlsListed,
    SourceClosed,
    SourceCondition,
    SourceEvent,
    SourceFailed,
    SourceFinished,
    SourceOpened,
    SourceState,
)
from lkedge.worker.messages import SetControl


class Listener:
    def __init__(self) -> None:
        self.log: list[Any] = []
        self._changed = threading.Condition()

    def take(self, item: Any) -> None:
        with self._changed:
            self.log.append(item)
            self._changed.notify_all()

    def until(self, kind: type[Any], count: int = 1) -> list[Any]:
        with self._changed:
            assert self._changed.wait_for(lambda: len(self.of(kind)) >= count, 5), f"only {self.log}"
            return self.of(kind)

    def of(self, kind: type[Any]) -> list[Any]:
        return [item for item in self.log if isinstance(item, kind)]

    def events(self) -> list[SourceEvent]:
        return [item for item in self.log if isinstance(item, SourceEvent)]


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(capture, "BackOff", lambda: BackOff((0.01,)))


@contextmanager
def capturing(make: Any) -> Iterator[tuple[CaptureThread, Listener, list[VideoSource]]]:
    listener = Listener()
    sources: list[VideoSource] = []

    def make_and_keep() -> VideoSource:
        source: VideoSource = make()
        sources.append(source)
        listener.take(source)
        return source

    thread = CaptureThread(
        "flaky", make_and_keep, opened=lambda announced: None, deliver=listener.take, report=listener.take
    )
    thread.start()
    try:
        yield thread, listener, sources
    finally:
        thread.stop()


def flaky(fault: str, after: int = 2) -> FlakySource:
    return FlakySource(VideoCaptureSettings(framerate=200), FlakyOptions(fault, after))


def test_opens_reads_and_stops() -> None:
    with capturing(PatternSource) as (thread, listener, sources):
        listener.until(SourceOpened)
    assert thread.captured > 0
    with pytest.raises(Exception, match="closed"):
        sources[0].read()


def test_same_failure_is_reported_once() -> None:
    with capturing(lambda: flaky("unavailable")) as (_, listener, _sources):
        listener.until(FlakySource, 5)
    assert listener.of(SourceFailed) == [SourceFailed("flaky: the device is missing; plug it in")]


def test_failure_after_a_new_opening_is_reported_again() -> None:
    with capturing(lambda: flaky("lost")) as (_, listener, _sources):
        assert listener.until(SourceFailed, 2)[0] == SourceFailed("flaky: the device is gone")
    kinds = [type(event) for event in listener.events()[:4]]
    assert kinds == [SourceOpened, SourceFailed, SourceOpened, SourceFailed]


def test_new_reason_is_reported() -> None:
    reasons = iter(["a", "a", "b"])

    def fail() -> VideoSource:
        raise SourceUnavailable(f"flaky: {next(reasons, 'b')}")

    with capturing(fail) as (_, listener, _sources):
        listener.until(SourceFailed, 2)
    assert [event.reason for event in listener.of(SourceFailed)] == ["flaky: a", "flaky: b"]


def test_what_cannot_heal_waits_long() -> None:
    attempts = []

    def fail() -> VideoSource:
        attempts.append(1)
        raise PluginError("flaky: no such setting")

    with capturing(fail) as (thread, listener, _):
        listener.until(SourceFailed)
        assert thread.state is SourceState.WAITING
    assert len(attempts) == 1
    assert not listener.of(SourceFailed)[0].retryable


def test_end_is_final() -> None:
    with capturing(lambda: flaky("ends")) as (thread, listener, sources):
        listener.until(SourceFinished)
        thread.want(False)
        thread.want(True)
    assert thread.state is SourceState.FINISHED
    assert len(sources) == 1


def test_source_is_released_and_opened_again_as_wanted() -> None:
    with capturing(PatternSource) as (thread, listener, sources):
        listener.until(SourceOpened)
        thread.want(False)
        listener.until(SourceClosed)
        assert thread.state is SourceState.CLOSED
        thread.want(True)
        listener.until(SourceOpened, 2)
    assert len(sources) == 2
    assert not listener.of(SourceFailed)


def test_quick_off_and_on_is_no_failure() -> None:
    with capturing(PatternSource) as (thread, listener, _):
        listener.until(SourceOpened)
        for _ in range(20):
            thread.want(False)
            thread.want(True)
        listener.until(SourceOpened, 2)
    assert not listener.of(SourceFailed)


def test_waiting_ends_when_the_source_is_not_wanted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(capture, "BackOff", lambda: BackOff((60.0,)))
    with capturing(lambda: flaky("unavailable")) as (thread, listener, _):
        listener.until(SourceFailed)
        thread.want(False)
        listener.until(SourceClosed)


def test_key_frame_request_reaches_the_source_in_its_own_thread() -> None:
    threads: list[str] = []
    asked = threading.Event()

    class Source(EncodedSource):
        def request_key_frame(self) -> None:
            threads.append(threading.current_thread().name)
            asked.set()

    with capturing(Source) as (thread, listener, _):
        listener.until(SourceOpened)
        thread.request_key_frame()
        assert asked.wait(5)
    assert threads == ["capture:flaky"]


def test_control_is_set_by_the_capture_thread_between_reads() -> None:
    threads: set[str] = set()

    class Source(ControlledSource):
        def set_control(self, name: str, value: ControlValue) -> None:
            threads.add(threading.current_thread().name)
            super().set_control(name, value)

    with capturing(Source) as (thread, listener, _):
        listener.until(ControlsListed)
        thread.controls.ask(SetControl("brightness", 7, 1))
        thread.controls.ask(SetControl("brightness", 700, 2))
        listener.until(ControlRefused)
    assert threads == {"capture:flaky"}
    assert listener.of(ControlSet) == [ControlSet("brightness", 7, 1)]
    assert listener.of(ControlRefused)[0].request == 2


def test_slow_source_takes_controls_after_its_next_frame() -> None:
    go_on = threading.Event()

    class Slow(ControlledSource):
        def read(self) -> VideoFrame | EncodedFrame:
            if self.count:
                go_on.wait(5)
            return super().read()

    with capturing(Slow) as (thread, listener, _):
        listener.until(ControlsListed)
        thread.controls.ask(SetControl("brightness", 7, 1))
        go_on.set()
        listener.until(ControlSet)


def test_controls_and_condition_end_with_the_source_and_come_back_with_it() -> None:
    with capturing(ControlledSource) as (thread, listener, sources):
        listener.until(ControlsListed)
        thread.controls.ask(SetControl("signal", False, 1))
        assert listener.until(SourceCondition) == [SourceCondition("no signal")]
        thread.want(False)
        listener.until(SourceClosed)
        assert listener.of(SourceCondition)[1:] == [SourceCondition("")]
        assert listener.of(ControlsListed)[-1].controls == ()
        thread.want(True)
        assert listener.until(SourceCondition, 3)[2] == SourceCondition("no signal")
    assert len(sources) == 2


def test_source_that_fails_has_no_controls_any_more() -> None:
    class Lost(ControlledSource):
        def read(self) -> VideoFrame | EncodedFrame:
            if self.count == 3:
                raise SourceLost("it is gone")
            return super().read()

    with capturing(Lost) as (_, listener, _sources):
        listener.until(SourceFailed)
    kinds = [type(event) for event in listener.events()[:4]]
    assert kinds == [SourceOpened, ControlsListed, ControlsListed, SourceFailed]
    assert listener.of(ControlsListed)[1].controls == ()


def test_a_stuck_source_ends_the_worker_after_telling_why() -> None:
    class Stuck(PatternSource):
        def read(self) -> VideoFrame:
            raise SourceStuck("the camera hangs")

    listener = Listener()
    thread = CaptureThread(
        "flaky",
        lambda: Stuck(VideoCaptureSettings(64, 32, 30.0)),
        opened=lambda announced: None,
        deliver=listener.take,
        report=listener.take,
        abandon=lambda: listener.take("abandoned"),
    )
    thread.start()
    listener.until(str)
    thread.stop()

    assert [failed.reason for failed in listener.of(SourceFailed)] == ["flaky: the camera hangs"]
    assert listener.log[-1] == "abandoned"


def test_a_retry_ends_the_waiting_and_delays_are_short_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(capture, "BackOff", lambda: BackOff((0.01, 60.0)))
    with capturing(lambda: flaky("unavailable")) as (thread, listener, _):
        listener.until(FlakySource, 2)
        while thread.state is not SourceState.WAITING:
            pass
        thread.retry()
        # The retry, and by the short delay that follows it, one more.
        listener.until(FlakySource, 4)


def test_a_retry_leaves_an_open_source_alone() -> None:
    with capturing(PatternSource) as (thread, listener, sources):
        listener.until(VideoFrame)
        thread.retry()
        listener.until(VideoFrame, len(listener.of(VideoFrame)) + 5)
        assert len(sources) == 1
