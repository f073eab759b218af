from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, cast

from lkedge.media.frame import EncodedFrame, VideoFrame
from lkedge.media.layers import LayerPlan, LayerState
from lkedge.plugin.api import EncoderRegistration
from lkedge.terms import BitsPerSecond, Codec, Rid
from lkedge.testing.fakes import FakeEncoder, PatternSource
from lkedge.worker.encode import EncoderChoice
from lkedge.worker.events import EncoderOpened, SourceState
from lkedge.worker.pipeline import VideoPipeline
from lkedge.worker.snapshot import Tools
from lkedge.worker.spec import VideoWorkerSpec

SIZES = {"q": (80, 44), "h": (160, 90), "f": (320, 180)}


class FakeLink:
    """Keeps what was sent, send by send; can be stalled."""

    def __init__(self) -> None:
        self.sends: list[list[EncodedFrame]] = []
        self.events: list[Any] = []
        self.dropped = 0
        self.is_stalled = False
        self._changed = threading.Condition()

    def send_frames(self, frames: list[EncodedFrame]) -> bool:
        with self._changed:
            if self.is_stalled:
                self.dropped += len(frames)
            else:
                self.sends.append(frames)
            self._changed.notify_all()
            return not self.is_stalled

    def send(self, event: Any) -> None:
        with self._changed:
            self.events.append(event)
            self._changed.notify_all()

    def close(self) -> None:
        self.events.append("closed")

    def until(self, condition: Any) -> None:
        with self._changed:
            assert self._changed.wait_for(condition, 10)

    def opened(self) -> list[EncoderOpened]:
        return [event for event in self.events if isinstance(event, EncoderOpened)]

    def layer(self, rid: str) -> list[EncodedFrame]:
        return [frame for frames in self.sends for frame in frames if frame.rid == rid]


class FakeScaler:
    def scale(self, frame: VideoFrame, width: int, height: int, pixel_formats: tuple[str, ...]) -> VideoFrame:
        return VideoFrame(width, height, pixel_formats[0], (), frame.captured_ns, frame)


def plan(active: str, *, capture: bool = True) -> LayerPlan:
    return LayerPlan(
        tuple(
            LayerState(Rid(rid), rid in active, width, height, BitsPerSecond(100_000), 100.0)
            for rid, (width, height) in SIZES.items()
        ),
        capture,
    )


@contextmanager
def pipeline(first: LayerPlan, *, other: bool = False) -> Iterator[tuple[VideoPipeline, FakeLink]]:
    link = FakeLink()
    names = ("fake", "other") if other else ("fake",)
    choice = EncoderChoice(Codec.VP8, [EncoderRegistration(name, Codec.VP8, "", video=FakeEncoder) for name in names])
    made = VideoPipeline(
        VideoWorkerSpec("front", "pattern"),
        cast(Any, link),
        make_source=PatternSource,
        choice=choice,
        scaler=FakeScaler(),
        tools=Tools(FakeScaler, lambda: lambda picture, max_bytes: b"jpeg"),
        cpu_ns=lambda: 42,
    )
    made.apply(first)
    made.start()
    try:
        yield made, link
    finally:
        made.stop()


def test_top_layer_is_sent_at_once_and_the_lower_ones_together() -> None:
    with pipeline(plan("qhf")) as (_, link):
        link.until(lambda: len(link.sends) >= 4)
    assert [[frame.rid for frame in frames] for frames in link.sends[:4]] == [["f"], ["h", "q"], ["f"], ["h", "q"]]
    assert len({frame.captured_ns for frames in link.sends[:2] for frame in frames}) == 1


def test_loss_on_the_link_ends_with_key_frames() -> None:
    with pipeline(plan("qf")) as (made, link):
        link.until(lambda: len(link.sends) >= 4)
        link.is_stalled = True
        link.until(lambda: link.dropped >= 4)
        link.is_stalled = False
        count = len(link.sends)
        link.until(lambda: len(link.sends) >= count + 4)
        assert made.stats().dropped >= 4
    assert [frames[0].is_key for frames in link.sends[count : count + 4]] == [True, True, False, False]


def test_a_layer_that_was_off_between_two_pictures_begins_with_a_key_frame() -> None:
    with pipeline(plan("qhf")) as (made, link):
        link.until(lambda: len(link.sends) >= 4)
        made.apply(plan("f"))
        made.apply(plan("qhf"))
        count = len(link.sends)
        link.until(lambda: len(link.sends) >= count + 4)
    later = [frame for frames in link.sends[count : count + 4] for frame in frames]
    assert {frame.rid for frame in later if frame.is_key} == {"q", "h"}


def test_another_encoder_takes_over_in_every_layer_without_a_gap() -> None:
    with pipeline(plan("qf"), other=True) as (made, link):
        link.until(lambda: len(link.layer("q")) >= 2)
        made.use_encoder("other")
        link.until(lambda: {event.encoder for event in link.opened()[2:]} == {"other"} and len(link.opened()) == 4)
        count = {rid: len(link.layer(rid)) for rid in "qf"}
        link.until(lambda: all(len(link.layer(rid)) > count[rid] + 1 for rid in "qf"))
    assert [event.encoder for event in link.opened()] == ["fake", "fake", "other", "other"]
    assert [sum(frame.is_key for frame in link.layer(rid)) for rid in "qf"] == [2, 2]


def test_stats_tell_layers_and_source() -> None:
    with pipeline(plan("f")) as (made, link):
        link.until(lambda: len(link.sends) >= 3)
        stats = made.stats()
    assert stats.source is SourceState.OPEN
    assert stats.captured >= 3
    assert stats.encoded["f"] >= 3  # type: ignore[index]
    assert stats.encoded["q"] == 0  # type: ignore[index]
    assert stats.cpu_ns == 42


def test_broken_scaler_touches_no_thread() -> None:
    class BrokenScaler(FakeScaler):
        def scale(self, frame: VideoFrame, width: int, height: int, pixel_formats: tuple[str, ...]) -> VideoFrame:
            if width == 160:
                raise MemoryError("no room")
            return super().scale(frame, width, height, pixel_formats)

    with pipeline(plan("qh")) as (made, link):
        made._scaler = BrokenScaler()
        link.until(lambda: len(link.layer("q")) >= 5)


def test_stop_ends_both_threads() -> None:
    with pipeline(plan("f")) as (_, link):
        link.until(lambda: link.sends)
    names = {thread.name for thread in threading.enumerate()}
    assert not names & {"capture:pattern", "encode:front"}
