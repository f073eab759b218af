"""One stream on one session: a picture goes in, its access unit comes out.

Driver and caller work in step as long as that keeps pace: it is the least latency. A driver
that takes much of the frame interval works while the next picture is prepared instead. One
that holds pictures back shows it at the start, by giving out nothing before it has two or
three. In both cases results are late by as many pictures, each with the capture time of its own.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import NamedTuple

from lkedge.clock import SECOND_NS, Clock
from lkedge.errors import EncoderError
from lkedge.media.frame import VideoFrame
from lkedge_h264_v4l2m2m.coding import Coding
from lkedge_h264_v4l2m2m.pace import Pace
from lkedge_h264_v4l2m2m.rate import BitrateKeeper
from lkedge_h264_v4l2m2m.session import Coded, Session
from lkedge_h264_v4l2m2m.settings import Tuning

MAX_HELD = 2
"""Pictures that a driver may hold back before it gives out the first one."""

IN_FLIGHT = 2
"""Pictures in a driver that takes long: one in work and one that waits, so that the block is never idle. A third would
add a frame interval of latency and nothing else. One is what uStreamer has, two what the native WebRTC client for the
Raspberry Pi has, and rpicam-apps has six, for files, where latency is nothing."""


@dataclass(frozen=True, slots=True)
class Deadlines:
    """first_s: for a first result, before the next picture is offered to a driver that may
    hold one back. stall_s: for every later one; an encoder that takes longer has stalled.
    in_step: the share of the frame interval that is waited for results; the other layers of
    the track need the rest, and so does what prepares the pictures."""

    first_s: float = 0.6
    stall_s: float = 1.0
    in_step: float = 0.5


class Result(NamedTuple):
    data: bytes
    is_key: bool
    captured_ns: int


class EncodingStream:
    """Owns a started session; used by one thread."""

    def __init__(
        self, session: Session, coding: Coding, tuning: Tuning, bitrate: int, clock: Clock, deadlines: Deadlines
    ) -> None:
        """Start it. Raises EncoderError."""
        self.session = session
        self._coding = coding
        self._tuning = tuning
        self._clock = clock
        self._deadlines = deadlines
        self._keeper = BitrateKeeper(bitrate, tuning.framerate)
        self._last_us = 0
        self._framerate = tuning.framerate
        self._pace = Pace(deadlines.in_step)
        session.start()
        self._begin()

    def encode(self, frame: VideoFrame, *, key_frame: bool) -> Result | None:
        """One picture in, the oldest result out; None when there is none yet, or the driver dropped it.

        Raises:
            EncoderError: the driver failed, or has stalled.
        """
        self._collect(0)
        if key_frame or self._may_catch_up():
            self._make_key_frame()
        self._tuning.set_bitrate(self._keeper.wanted)
        self._queue(frame)
        self._await_result(may_overlap=not key_frame)
        return self._next()

    def set_rate(self, bitrate: int, framerate: float) -> None:
        """Without a key frame. Raises EncoderError."""
        self._tuning.set_framerate(framerate)
        if framerate != self._framerate:
            self._framerate, self._pace = framerate, Pace(self._deadlines.in_step)
        self._keeper.set(bitrate, self._tuning.framerate)
        self._tuning.set_bitrate(self._keeper.wanted)

    def close(self) -> None:
        """Stop at once. Any number of times."""
        self.session.close()

    def _begin(self) -> None:
        self._stream = self._coding.stream()
        self._pending: dict[int, int] = {}
        """Capture times by timestamp of the pictures that are under way."""
        self._ready: deque[Result] = deque()
        self._lag: int | None = None
        """Pictures that the driver holds back; None until the first result."""

    def _may_catch_up(self) -> bool:
        """Whether a driver that seemed to hold pictures back holds none: a key frame then ends the delay."""
        if not self._lag or self._pending:
            return False
        self._lag = 0
        return True

    def _make_key_frame(self) -> None:
        """A stream begins with one: while nothing came out, that is the next, and beginning anew would delay it."""
        if self._lag is None or self._tuning.force_key_frame():
            return
        self.session.restart()
        self._begin()

    def _queue(self, frame: VideoFrame) -> None:
        deadline_ns = self._deadline(self._deadlines.stall_s)
        while not self.session.has_room:
            self._collect(self._left_s(deadline_ns))
            if self._left_s(deadline_ns) <= 0 and not self.session.has_room:
                raise self._stalled(self._deadlines.stall_s)
        # Some firmware reads the time, and we tell pictures apart by it.
        self._last_us = max(self._last_us + 1, frame.captured_ns // 1000)
        self.session.queue(frame, self._last_us)
        self._pending[self._last_us] = frame.captured_ns

    def _await_result(self, *, may_overlap: bool) -> None:
        """Wait until no more pictures are under way than may be."""
        is_first = self._lag is None
        limit_s = self._deadlines.first_s if is_first else self._deadlines.stall_s
        allowed = self._allowed(may_overlap=may_overlap)
        begun_ns, deadline_ns = self._clock.monotonic_ns(), self._deadline(limit_s)
        while len(self._pending) > allowed and self._left_s(deadline_ns) > 0:
            self._collect(self._left_s(deadline_ns))
            if self._lag is None and self._ready:
                allowed = self._lag = len(self._pending)
        if len(self._pending) > (MAX_HELD if self._lag is None else allowed):
            raise self._stalled(limit_s)
        if not is_first and not self._pace.is_behind:
            self._pace.add(self._clock.monotonic_ns() - begun_ns, self._framerate)

    def _allowed(self, *, may_overlap: bool) -> int:
        """How many pictures may be left in the driver. A key frame is waited for: somebody sees nothing without it."""
        overlapping = IN_FLIGHT - 1 if self._pace.is_behind and may_overlap else 0
        return (self._lag or 0) + overlapping

    def _collect(self, timeout_s: float) -> None:
        for coded in self.session.take(timeout_s):
            if coded.is_damaged:
                raise EncoderError(f"{self.session.node.path}: the hardware encoder damaged a picture; it is rebuilt")
            self._accept(coded)

    def _accept(self, coded: Coded) -> None:
        unit = self._stream.accept(coded.data, is_flagged=coded.is_flagged_key) if coded.data else None
        if coded.data and unit is None:
            return
        captured_ns = self._capture_time(coded)
        if captured_ns is None:
            return
        self._keeper.add(captured_ns, len(coded.data), is_key=unit is not None and unit.is_key)
        if unit is not None:
            self._ready.append(Result(unit.data, unit.is_key, captured_ns))

    def _capture_time(self, coded: Coded) -> int | None:
        """Of the picture that this belongs to; None for what belongs to none: some firmware begins with that."""
        if not coded.has_time:
            return self._pending.pop(next(iter(self._pending), -1), None)
        captured_ns = self._pending.pop(coded.timestamp_us, None)
        if captured_ns is not None:
            # In display order without B-frames: what is older was dropped by the driver.
            self._pending = {time: ns for time, ns in self._pending.items() if time > coded.timestamp_us}
        return captured_ns

    def _next(self) -> Result | None:
        """The oldest; those before a key frame are of no more use when there is a choice."""
        keys = [place for place, result in enumerate(self._ready) if result.is_key]
        for _ in range(keys[-1] if keys else 0):
            self._ready.popleft()
        return self._ready.popleft() if self._ready else None

    def _deadline(self, seconds: float) -> int:
        return self._clock.monotonic_ns() + round(seconds * SECOND_NS)

    def _left_s(self, deadline_ns: int) -> float:
        return max(0.0, (deadline_ns - self._clock.monotonic_ns()) / SECOND_NS)

    def _stalled(self, waited_s: float) -> EncoderError:
        node = self.session.node
        return EncoderError(f"{node.path}: no result from {node.card} for {waited_s:g} s; it is rebuilt")
