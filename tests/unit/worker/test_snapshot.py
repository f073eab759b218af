from __future__ import annotations

import threading
import time
from typing import Any, cast

import pytest

from lkedge.errors import EncoderError
from lkedge.media.frame import VideoFrame
from lkedge.plugin.api import VideoFormat
from lkedge.terms import Codec
from lkedge.worker import snapshot
from lkedge.worker.events import SnapshotRefused
from lkedge.worker.messages import TakeSnapshot
from lkedge.worker.snapshot import MAX_WAITING, SETTLE_NS, Snapshots, Tools

RAW = VideoFormat(320, 180, 50.0)


class FakeLink:
    def __init__(self) -> None:
        self.answers: list[Any] = []
        self._changed = threading.Condition()

    def send(self, event: Any) -> None:
        self._note(event)

    def send_snapshot(self, request: int, jpeg: bytes) -> bool:
        self._note((request, jpeg))
        return True

    def _note(self, answer: Any) -> None:
        with self._changed:
            self.answers.append(answer)
            self._changed.notify_all()

    def until(self, count: int) -> list[Any]:
        with self._changed:
            assert self._changed.wait_for(lambda: len(self.answers) >= count, 10)
        return self.answers


class FakeScaler:
    def scale(self, frame: VideoFrame, width: int, height: int, pixel_formats: tuple[str, ...]) -> VideoFrame:
        return VideoFrame(width, height, pixel_formats[0], (), frame.captured_ns, frame)


def describe(picture: VideoFrame, max_bytes: int) -> bytes:
    return f"{picture.width}x{picture.height} {picture.pixel_format}".encode()


def made(encode: Any = describe) -> tuple[Snapshots, FakeLink]:
    link = FakeLink()
    return Snapshots("cam", cast(Any, link), Tools(FakeScaler, lambda: encode)), link


def well() -> str:
    return ""


def picture(captured_ns: int = 1, width: int = 320, height: int = 180) -> VideoFrame:
    return VideoFrame(width, height, "yuyv422", (), captured_ns, None)


@pytest.mark.parametrize(
    ("width", "size"),
    [(0, "320x180"), (160, "160x90"), (161, "160x90"), (320, "320x180"), (4000, "320x180"), (16, "16x8")],
)
def test_picture_has_the_asked_width_and_its_shape(width: int, size: str) -> None:
    snapshots, link = made()
    snapshots.ask(TakeSnapshot(width, 7), well)
    snapshots.deliver(picture())
    assert link.until(1) == [(7, f"{size} yuv420p".encode())]


def test_all_that_wait_get_the_same_picture() -> None:
    snapshots, link = made()
    for request in range(3):
        snapshots.ask(TakeSnapshot(0, request), well)
    assert snapshots.is_waiting
    snapshots.deliver(picture())
    assert not snapshots.is_waiting
    assert [request for request, _ in link.until(3)] == [0, 1, 2]


def test_nothing_is_made_when_nobody_waits() -> None:
    snapshots, link = made()
    snapshots.deliver(picture())
    assert link.answers == []


def test_camera_that_was_just_opened_may_settle() -> None:
    snapshots, link = made()
    snapshots.opened(RAW)
    snapshots.ask(TakeSnapshot(0, 1), well)
    snapshots.deliver(picture(time.monotonic_ns()))
    assert snapshots.is_waiting
    snapshots.deliver(picture(time.monotonic_ns() + SETTLE_NS))
    assert len(link.until(1)) == 1


def test_more_than_a_few_are_refused_also_while_pictures_are_made() -> None:
    go_on = threading.Event()

    def slow(picture: VideoFrame, max_bytes: int) -> bytes:
        assert go_on.wait(10)
        return b"jpeg"

    snapshots, link = made(slow)
    snapshots.ask(TakeSnapshot(0, 1), well)
    snapshots.deliver(picture())
    for request in range(2, MAX_WAITING + 2):
        snapshots.ask(TakeSnapshot(0, request), well)
    assert link.answers == [
        SnapshotRefused(f"cam: {MAX_WAITING} other snapshots are being taken; try again later", MAX_WAITING + 1)
    ]
    go_on.set()
    snapshots.deliver(picture())
    assert len(link.until(1 + MAX_WAITING)) == 1 + MAX_WAITING


def test_known_problem_is_told_at_once() -> None:
    snapshots, link = made()
    snapshots.ask(TakeSnapshot(0, 1), lambda: "cam: it is unplugged")
    assert link.answers == [SnapshotRefused("cam: it is unplugged", 1)]
    assert not snapshots.is_waiting


def test_source_that_fails_while_it_is_asked_is_a_refusal_too() -> None:
    snapshots, link = made()

    def fails_meanwhile() -> str:
        snapshots.fail("cam: it is gone")
        return "cam: it is gone"

    snapshots.ask(TakeSnapshot(0, 1), fails_meanwhile)
    assert link.answers == [SnapshotRefused("cam: it is gone", 1)]


def test_failure_of_the_source_refuses_what_waits() -> None:
    snapshots, link = made()
    snapshots.ask(TakeSnapshot(0, 1), well)
    snapshots.fail("cam: it is gone")
    assert link.answers == [SnapshotRefused("cam: it is gone", 1)]
    assert not snapshots.is_waiting


def test_encoded_source_says_that_it_cannot() -> None:
    snapshots, link = made()
    snapshots.ask(TakeSnapshot(0, 1), well)
    snapshots.opened(VideoFormat(320, 180, 50.0, Codec.H264))
    snapshots.ask(TakeSnapshot(0, 2), well)
    assert [answer.request for answer in link.answers] == [1, 2]
    assert all("h264" in answer.reason and "raw pictures" in answer.reason for answer in link.answers)


def test_request_without_a_picture_expires(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(snapshot, "SNAPSHOT_DEADLINE_S", -1.0)
    snapshots, link = made()
    snapshots.ask(TakeSnapshot(0, 1), well)
    snapshots.expire()
    assert not snapshots.is_waiting
    assert link.answers == []


def test_failing_encoder_is_a_refusal() -> None:
    def refuse(picture: VideoFrame, max_bytes: int) -> bytes:
        raise EncoderError("no JPEG can be made")

    snapshots, link = made(refuse)
    for request in range(MAX_WAITING * 2):
        snapshots.ask(TakeSnapshot(0, request), well)
        snapshots.deliver(picture())
        assert link.until(request + 1)[-1].request == request
        assert "no JPEG can be made" in link.answers[-1].reason
