"""Pictures on demand: the next one of the source as a JPEG, beside whatever is encoded.

Converting and compressing a picture takes up to a tenth of a second on a small board, so
it is done in a thread of its own, which lives as long as it takes.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from lkedge.clock import SECOND_NS
from lkedge.media.frame import VideoFrame
from lkedge.plugin.api import VideoFormat
from lkedge.worker.cascade import Cascade, Scaler
from lkedge.worker.events import SnapshotRefused
from lkedge.worker.framing import MAX_SNAPSHOT_BYTES
from lkedge.worker.messages import TakeSnapshot
from lkedge.worker.sentence import describe
from lkedge.worker.worker_link import LinkClosed, WorkerLink

logger = logging.getLogger(__name__)

SNAPSHOT_DEADLINE_S = 5.0
MAX_WAITING = 4

SETTLE_NS = SECOND_NS // 2
"""The first pictures of a camera that was just opened are too dark or too bright."""

I420 = ("yuv420p",)


class JpegEncoder(Protocol):
    """Makes a JPEG of an I420 picture, at most `max_bytes` long. Raises EncoderError."""

    def __call__(self, picture: VideoFrame, max_bytes: int) -> bytes: ...


@dataclass(frozen=True, slots=True)
class Tools:
    """What a snapshot is made with; made in the thread that makes it, when it is made."""

    scaler: Callable[[], Scaler]
    jpeg_encoder: Callable[[], JpegEncoder]


class Snapshots:
    """What was asked for and is not answered yet.

    `opened` and `deliver` belong to the capture thread, `ask` and `expire` to the worker's
    main thread; `fail` may come from any.
    """

    def __init__(self, source: str, link: WorkerLink, tools: Tools) -> None:
        self._source = source
        self._link = link
        self._tools = tools
        self._lock = threading.Lock()
        self._waiting: list[tuple[TakeSnapshot, int]] = []
        self._making = 0
        self._encoded_reason = ""
        self._settled_ns = 0

    @property
    def is_waiting(self) -> bool:
        """A picture is wanted, so the source has to be open."""
        return bool(self._waiting)

    def ask(self, command: TakeSnapshot, problem: Callable[[], str]) -> None:
        """Take on a request, or refuse it.

        problem: why the source will deliver nothing soon, or "".
        """
        with self._lock:
            is_taken = len(self._waiting) + self._making < MAX_WAITING
            if is_taken:
                self._waiting.append((command, time.monotonic_ns() + round(SNAPSHOT_DEADLINE_S * SECOND_NS)))
        if not is_taken:
            reason = f"{self._source}: {MAX_WAITING} other snapshots are being taken; try again later"
            self._link.send(SnapshotRefused(reason, command.request))
        # Asked only now: a source that fails from here on finds the request waiting.
        elif reason := problem() or self._encoded_reason:
            self.fail(reason)

    def opened(self, video_format: VideoFormat) -> None:
        """The source is open, in this format."""
        self._encoded_reason = ""
        self._settled_ns = time.monotonic_ns() + SETTLE_NS
        if video_format.codec is not None:
            self._encoded_reason = (
                f"{self._source}: it delivers {video_format.codec} ready made, which is passed on without being "
                "decoded; a snapshot needs a source with raw pictures"
            )
            self.fail(self._encoded_reason)

    def deliver(self, frame: VideoFrame) -> None:
        """One picture: does nothing unless somebody waits for it."""
        if not self._waiting or frame.captured_ns < self._settled_ns:
            return
        commands = self._take_all()
        with self._lock:
            self._making += len(commands)
        name = f"snapshot:{self._source}"
        threading.Thread(target=self._make, args=(frame, commands), name=name, daemon=True).start()

    def fail(self, reason: str) -> None:
        """No picture will come: refuse everything that waits."""
        for command in self._take_all():
            self._link.send(SnapshotRefused(reason, command.request))

    def expire(self) -> None:
        """Forget what has waited for too long; the daemon does not wait for it any more."""
        now_ns = time.monotonic_ns()
        with self._lock:
            self._waiting = [entry for entry in self._waiting if entry[1] > now_ns]

    def _take_all(self) -> list[TakeSnapshot]:
        with self._lock:
            commands = [command for command, _ in self._waiting]
            self._waiting.clear()
        return commands

    def _make(self, frame: VideoFrame, commands: list[TakeSnapshot]) -> None:
        """The snapshot thread; its only broad handler."""
        try:
            cascade, encode = Cascade(self._tools.scaler(), frame), self._tools.jpeg_encoder()
            for command in commands:
                picture = cascade.scale(*_size(frame, command.width), I420)
                self._link.send_snapshot(command.request, encode(picture, MAX_SNAPSHOT_BYTES))
        except LinkClosed:
            logger.debug("the link of %s is closed", self._source)
        except Exception as error:
            logger.debug("a snapshot of %s failed", self._source, exc_info=error)
            self._refuse_all(commands, describe(self._source, error))
        finally:
            with self._lock:
                self._making -= len(commands)

    def _refuse_all(self, commands: list[TakeSnapshot], reason: str) -> None:
        """Those that were answered already are not waited for any more."""
        try:
            for command in commands:
                self._link.send(SnapshotRefused(reason, command.request))
        except LinkClosed:
            logger.debug("the link of %s is closed", self._source)


def _size(frame: VideoFrame, width: int) -> tuple[int, int]:
    """The asked size in the shape of the picture; even, as I420 is."""
    if not 0 < width < frame.width:
        return frame.width & ~1, frame.height & ~1
    return max(2, width & ~1), max(2, round(frame.height * width / frame.width / 2) * 2)
