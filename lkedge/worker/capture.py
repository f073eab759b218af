"""The capture thread: opens a source, reads it, closes it, and opens it again when it fails."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable

from lkedge.errors import SourceEnded, SourceLost, SourceStuck
from lkedge.media.frame import AudioFrame, EncodedFrame, VideoFrame
from lkedge.plugin.api import AudioFormat, AudioSource, VideoFormat, VideoSource
from lkedge.worker import events
from lkedge.worker.backoff import DELAYS_S, BackOff
from lkedge.worker.events import SourceEvent, SourceState
from lkedge.worker.live_controls import LiveControls
from lkedge.worker.sentence import describe
from lkedge.worker.worker_link import LinkClosed

logger = logging.getLogger(__name__)

HEALTHY_AFTER_S = 5.0
"""A source that delivered for so long may fail again with the shortest delay."""

JOIN_S = 1.2
"""`read` ends within 1 s of `close`, by contract."""


class CaptureThread:
    """Owns one source. `want`, `stop`, `request_key_frame` and `controls.ask` may come from any thread.

    make: makes the source anew for each opening. deliver: takes every frame, in the
    capture thread, and is told the format first through `opened`. report: takes the events.
    failed: takes the reason of every failed opening and lost source, also one that is not reported again.
    abandon: breaks with the daemon, which then replaces the whole worker; for a source that is stuck.
    """

    def __init__(
        self,
        name: str,
        make: Callable[[], VideoSource | AudioSource],
        *,
        opened: Callable[[VideoFormat | AudioFormat], None],
        deliver: Callable[[VideoFrame | AudioFrame | EncodedFrame], None],
        report: Callable[[SourceEvent], None],
        failed: Callable[[str], None] = lambda reason: None,
        abandon: Callable[[], None] = lambda: None,
    ) -> None:
        self._name = name
        self._make = make
        self._opened = opened
        self._deliver = deliver
        self._report = report
        self._told_failed = failed
        self._abandon = abandon
        self._changed = threading.Condition()
        self._is_wanted = True
        self._is_stopped = False
        self._was_interrupted = False
        self._is_retry_due = False
        self._source: VideoSource | AudioSource | None = None
        self._wants_key_frame = False
        self._back_off = BackOff()
        self._last_reason = ""
        self.state = SourceState.OPENING
        self.captured = 0
        """Frames delivered since the start."""
        self.controls = LiveControls(name, report)
        self._thread = threading.Thread(target=self._run, name=f"capture:{name}", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def want(self, is_wanted: bool) -> None:
        """Open the source, or close it; at once, whatever it is doing."""
        with self._changed:
            if is_wanted == self._is_wanted:
                return
            self._is_wanted = is_wanted
            self._was_interrupted |= not is_wanted
            self._changed.notify_all()
        if not is_wanted:
            self._close_source()

    def stop(self) -> None:
        """End the thread. One that does not end in time is left behind; it is a daemon thread."""
        with self._changed:
            self._is_stopped = True
            self._changed.notify_all()
        self._close_source()
        self._thread.join(JOIN_S)

    def retry(self) -> None:
        """Open the source at once when it waits after a failure, and begin again with short delays."""
        with self._changed:
            self._is_retry_due = self.state is SourceState.WAITING
            self._changed.notify_all()

    def request_key_frame(self) -> None:
        """Pass the request to the source before its next read."""
        self._wants_key_frame = True

    @property
    def problem(self) -> str:
        """Why nothing will come soon; "" while it delivers, or may."""
        match self.state:
            case SourceState.WAITING:
                return self._last_reason
            case SourceState.FINISHED:
                return f"{self._name}: it came to its end"
        return ""

    def _run(self) -> None:
        try:
            while self._wait_until_wanted():
                self._attempt()
        except LinkClosed:
            logger.debug("the link of %s is closed", self._name)

    def _wait_until_wanted(self) -> bool:
        with self._changed:
            self._changed.wait_for(lambda: self._is_stopped or self._may_open())
            self._was_interrupted = False
            return not self._is_stopped

    def _may_open(self) -> bool:
        return self._is_wanted and self.state is not SourceState.FINISHED

    def _attempt(self) -> None:
        """One opening to its end; the thread's only broad handler."""
        started = time.monotonic()
        try:
            self._session()
        except SourceEnded:
            self.state = SourceState.FINISHED
            self._report(events.SourceFinished())
            self._told_failed(self.problem)
        except LinkClosed:
            raise
        except SourceStuck as error:
            self._give_up(error)
        except Exception as error:
            if self._is_active():
                self._failed(error, time.monotonic() - started)
        self._released()

    def _session(self) -> None:
        self.state = SourceState.OPENING
        self.controls.opening()
        try:
            source = self._make()
            self._source = source
            try:
                self._use(source)
            finally:
                self._source = None
                source.close()
        finally:
            self.controls.closed()

    def _use(self, source: VideoSource | AudioSource) -> None:
        source_format = source.open()
        if self._is_active():
            self._announce(source_format)
            self.controls.opened(source)
            self._read(source)

    def _announce(self, source_format: VideoFormat | AudioFormat) -> None:
        self.state = SourceState.OPEN
        self._last_reason = ""
        self._opened(source_format)
        if isinstance(source_format, VideoFormat):
            self._report(events.SourceOpened(video=source_format))
        else:
            self._report(events.SourceOpened(audio=source_format))

    def _read(self, source: VideoSource | AudioSource) -> None:
        last_ns = 0
        while self._is_active():
            if self._wants_key_frame:
                self._forward_key_frame_request(source)
            frame = source.read()
            if frame.captured_ns <= last_ns:
                raise SourceLost(f"its capture time went back by {(last_ns - frame.captured_ns) / 1e6:.1f} ms")
            last_ns = frame.captured_ns
            self.captured += 1
            self._deliver(frame)
            self.controls.after_read(source)

    def _forward_key_frame_request(self, source: VideoSource | AudioSource) -> None:
        self._wants_key_frame = False
        if isinstance(source, VideoSource):
            source.request_key_frame()

    def _give_up(self, error: SourceStuck) -> None:
        """Tell why, and end this worker, whether the source is wanted or not: it may still hold its device."""
        reason = describe(self._name, error)
        self._report(events.SourceFailed(reason))
        self._told_failed(reason)
        self._abandon()
        raise LinkClosed(reason)

    def _failed(self, error: Exception, lasted_s: float) -> None:
        was_open = self.state is SourceState.OPEN
        self.state = SourceState.WAITING
        reason = describe(self._name, error)
        if reason != self._last_reason:
            self._last_reason = reason
            logger.debug("source %s failed", self._name, exc_info=error)
            self._report(events.SourceFailed(reason, getattr(error, "retryable", True)))
        self._told_failed(reason)
        if was_open and lasted_s > HEALTHY_AFTER_S:
            self._back_off.reset()
        delay_s = self._back_off.next_s() if getattr(error, "retryable", True) else DELAYS_S[-1]
        self._wait_for_retry(delay_s)

    def _wait_for_retry(self, delay_s: float) -> None:
        with self._changed:
            self._changed.wait_for(lambda: self._is_retry_due or not self._is_active(), delay_s)
            was_asked, self._is_retry_due = self._is_retry_due, False
        if was_asked:
            self._back_off.reset()

    def _released(self) -> None:
        if self.state is not SourceState.FINISHED and not self._is_wanted:
            self.state = SourceState.CLOSED
            self._report(events.SourceClosed())

    def _is_active(self) -> bool:
        """Whether this opening is still wanted: one that was interrupted ends, even if wanted again."""
        return not (self._was_interrupted or self._is_stopped)

    def _close_source(self) -> None:
        source = self._source
        if source is None:
            return
        try:
            source.close()
        except Exception as error:
            logger.warning("source %s failed while closing: %s", self._name, describe(self._name, error))
