"""RTCP of one transport: feedback in, reports out, key-frame requests in moderation."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from functools import partial

from lkedge.clock import MILLISECOND_NS, SECOND_NS, Clock, WallClock, ntp_timestamp
from lkedge.rtc.egress import Egress
from lkedge.rtc.stream import RtpStream
from lkedge.rtp.feedback import (
    Feedback,
    FullIntraRequest,
    Nack,
    PictureLoss,
    ReceiverReferenceTime,
    ReportBlock,
    TransportFeedback,
    parse_compound,
)
from lkedge.rtp.reports import reference_time_answer
from lkedge.rtp.unwrap import FeedbackUnwrapper
from lkedge.terms import Ssrc

TICK_NS = 250 * MILLISECOND_NS

FIRST_REPORTS_NS = 5 * SECOND_NS
"""After a start or a pause, reports come each second for this long."""

FIRST_REPORT_INTERVAL_NS = SECOND_NS

ACTIVE_NS = 3 * SECOND_NS
"""A stream whose newest frame is older than this is not sending: it gets no reports."""

KEY_FRAME_INTERVAL_NS = 300 * MILLISECOND_NS

MAX_ROUND_TRIP_NS = 10 * SECOND_NS
"""A longer one comes from a step of the wall clock."""


class _Entry:
    """What the endpoint knows of one stream.

    resumed_ns: when its first frame, or the first after a pause, was sent.
    """

    def __init__(self, stream: RtpStream) -> None:
        self.stream = stream
        self.resumed_ns = 0
        self.report_due_ns = 0
        self.key_frame_asked_ns: int | None = None
        self.intra_number: int | None = None
        self.deferred: asyncio.TimerHandle | None = None

    def cancel_deferred(self) -> None:
        if self.deferred is not None:
            self.deferred.cancel()
            self.deferred = None


FIRST_FRAME_CHECK_S = 0.01
FIRST_FRAME_WAIT_NS = 400 * MILLISECOND_NS
"""How long the pacer may hold the first frame of a stream; it drops what is older."""


class RtcpEndpoint:
    """Routes what the server reports to the streams it is about. Used on the event loop.

    Owns one timer, which runs only while a stream is sending.
    """

    def __init__(
        self,
        egress: Egress,
        write_rtcp: Callable[[bytes], None],
        *,
        clock: Clock,
        wall: WallClock,
        on_key_frame_request: Callable[[RtpStream], None],
        on_transport_feedback: Callable[[TransportFeedback], None] | None = None,
        loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        """
        Args:
            wall: kept up to date here.
            on_key_frame_request: at most once per stream and 300 ms.
            on_transport_feedback: gets numbers and times that never wrap.
            loop: the running one by default.
        """
        self._egress = egress
        self._write_rtcp = write_rtcp
        self._clock = clock
        self._wall = wall
        self._on_key_frame_request = on_key_frame_request
        self._on_transport_feedback = on_transport_feedback
        self._loop = loop or asyncio.get_running_loop()
        self._unwrapper = FeedbackUnwrapper()
        self._entries: dict[Ssrc, _Entry] = {}
        self._timer: asyncio.TimerHandle | None = None

    def add(self, stream: RtpStream) -> None:
        """Begin to serve a stream; its first report follows its first frame, or now if it was sending before."""
        self._entries[stream.ssrc] = _Entry(stream)
        stream.on_resumed = self._resumed
        if stream.last_frame_ns is not None:
            self._resumed(stream)

    def remove(self, stream: RtpStream) -> None:
        """Stop serving a stream; ignored when it is not served."""
        entry = self._entries.pop(stream.ssrc, None)
        if entry is None:
            return
        stream.on_resumed = None
        entry.cancel_deferred()
        if not self._entries:
            self._cancel_timer()

    def close(self) -> None:
        """Remove every stream. Any number of times."""
        for entry in list(self._entries.values()):
            self.remove(entry.stream)

    def receive(self, data: bytes) -> None:
        """Take one decrypted RTCP datagram. Never raises; what is not understood is skipped."""
        for feedback in parse_compound(data):
            self._dispatch(feedback)

    def _dispatch(self, feedback: Feedback) -> None:
        match feedback:
            case TransportFeedback():
                self._take_transport_feedback(feedback)
            case ReceiverReferenceTime():
                self._answer_reference_time(feedback)
            case Nack() | PictureLoss() | FullIntraRequest() | ReportBlock():
                entry = self._entries.get(feedback.ssrc)
                if entry is not None:
                    self._take(entry, feedback)

    def _take(self, entry: _Entry, feedback: Nack | PictureLoss | FullIntraRequest | ReportBlock) -> None:
        match feedback:
            case Nack():
                self._egress.send(entry.stream.retransmit(feedback.sequences, self._clock.monotonic_ns()))
            case PictureLoss():
                self._request_key_frame(entry)
            case FullIntraRequest() if feedback.number != entry.intra_number:
                entry.intra_number = feedback.number
                self._request_key_frame(entry)
            case ReportBlock():
                self._take_report(entry.stream, feedback)

    def _take_transport_feedback(self, feedback: TransportFeedback) -> None:
        unwrapped = self._unwrapper.unwrap(feedback)
        if self._on_transport_feedback is not None:
            self._on_transport_feedback(unwrapped)

    def _answer_reference_time(self, feedback: ReceiverReferenceTime) -> None:
        ours = next(iter(self._entries), None)
        if ours is not None:
            self._write_rtcp(reference_time_answer(ours, feedback.ssrc, feedback.ntp))

    def _take_report(self, stream: RtpStream, block: ReportBlock) -> None:
        stream.fraction_lost = block.fraction_lost
        if block.last_report == 0:
            return
        now = ntp_timestamp(self._wall.wall_ns(self._clock.monotonic_ns())) >> 16
        round_trip = now - block.last_report - block.delay & 0xFFFFFFFF
        round_trip_ns = round_trip * SECOND_NS >> 16
        if round_trip_ns < MAX_ROUND_TRIP_NS:
            stream.round_trip_ns = round_trip_ns

    def round_trip_ms(self, stream: RtpStream) -> float | None:
        """Of the newest report about the stream; None before the first."""
        return None if stream.round_trip_ns is None else stream.round_trip_ns / MILLISECOND_NS

    def loss(self, stream: RtpStream) -> float:
        """The fraction lost, 0.0 to 1.0, of the newest report about the stream."""
        return stream.fraction_lost

    def _request_key_frame(self, entry: _Entry) -> None:
        """Ask now, or as soon as the interval has passed unless a key frame was sent by then."""
        entry.stream.counters.plis += 1
        if entry.deferred is not None:
            return
        now_ns = self._clock.monotonic_ns()
        due_ns = now_ns if entry.key_frame_asked_ns is None else entry.key_frame_asked_ns + KEY_FRAME_INTERVAL_NS
        if due_ns <= now_ns:
            self._ask_for_key_frame(entry, now_ns)
            return
        later = partial(self._deferred_request, entry, entry.stream.counters.key_frames)
        entry.deferred = self._loop.call_later((due_ns - now_ns) / SECOND_NS, later)

    def _ask_for_key_frame(self, entry: _Entry, now_ns: int) -> None:
        entry.key_frame_asked_ns = now_ns
        self._on_key_frame_request(entry.stream)

    def _deferred_request(self, entry: _Entry, key_frames: int) -> None:
        """key_frames: sent when the request came; one more answers it."""
        entry.deferred = None
        if entry.stream.counters.key_frames == key_frames:
            self._ask_for_key_frame(entry, self._clock.monotonic_ns())

    def tick(self, now_ns: int) -> None:
        """Send the reports that are due. Called by a timer of this object."""
        self._wall.update(now_ns, self._clock.wall_ns())
        for entry in self._entries.values():
            if entry.report_due_ns <= now_ns and self._is_sending(entry.stream, now_ns):
                self._report(entry, now_ns)

    def _is_sending(self, stream: RtpStream, now_ns: int) -> bool:
        return stream.last_frame_ns is not None and now_ns - stream.last_frame_ns < ACTIVE_NS

    def _report(self, entry: _Entry, now_ns: int) -> None:
        self._write_rtcp(entry.stream.sender_report(now_ns, self._wall))
        entry.report_due_ns = now_ns + _report_interval_ns(now_ns - entry.resumed_ns)

    def _resumed(self, stream: RtpStream) -> None:
        """Report right after the frame has left: the server ignores reports of an SSRC that it does not know yet."""
        self._loop.call_soon(self._first_report, stream, self._clock.monotonic_ns())

    def _first_report(self, stream: RtpStream, resumed_ns: int) -> None:
        entry = self._entries.get(stream.ssrc)
        if entry is None:
            return
        now_ns = self._clock.monotonic_ns()
        if self._egress.waiting_bytes and now_ns - resumed_ns < FIRST_FRAME_WAIT_NS:
            self._loop.call_later(FIRST_FRAME_CHECK_S, self._first_report, stream, resumed_ns)
            return
        entry.resumed_ns = now_ns
        self._report(entry, now_ns)
        if self._timer is None:
            self._start_timer()

    def _start_timer(self) -> None:
        self._timer = self._loop.call_later(TICK_NS / SECOND_NS, self._on_timer)

    def _on_timer(self) -> None:
        self._timer = None
        now_ns = self._clock.monotonic_ns()
        self.tick(now_ns)
        if any(self._is_sending(entry.stream, now_ns) for entry in self._entries.values()):
            self._start_timer()

    def _cancel_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None


def _report_interval_ns(since_resumed_ns: int) -> int:
    """Each second at first, later 2 to 3 s, spread so that streams do not report in step."""
    if since_resumed_ns < FIRST_REPORTS_NS:
        return FIRST_REPORT_INTERVAL_NS
    return random.randint(2 * SECOND_NS, 3 * SECOND_NS)
