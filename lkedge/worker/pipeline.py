"""A video track in its worker: capture thread, picture slot, encode thread, link.

The encode thread takes the newest picture, applies the newest plan, and encodes the top
layer first, because it takes longest on the way; the lower ones follow in one send. A
source that delivers encoded frames bypasses slot and encoders.
"""

from __future__ import annotations

import logging
import math
import threading
import time
from collections.abc import Callable

from lkedge.errors import SourceLost
from lkedge.media.frame import AudioFrame, EncodedFrame, VideoFrame
from lkedge.media.layers import LayerPlan
from lkedge.plugin.api import AudioFormat, VideoFormat, VideoSource
from lkedge.terms import Rid
from lkedge.worker.capture import CaptureThread
from lkedge.worker.cascade import Cascade, Scaler
from lkedge.worker.encode import EncoderChoice, LayerEncoder
from lkedge.worker.events import WorkerStats
from lkedge.worker.live_controls import LiveControls
from lkedge.worker.messages import TakeSnapshot
from lkedge.worker.passthrough import Passthrough
from lkedge.worker.sentence import describe
from lkedge.worker.slot import FrameSlot
from lkedge.worker.snapshot import Snapshots, Tools
from lkedge.worker.spec import VideoWorkerSpec
from lkedge.worker.worker_link import LinkClosed, WorkerLink

logger = logging.getLogger(__name__)

JOIN_S = 0.5
IDLE_CHECK_S = 5.0
SNAPSHOT_CHECK_S = 0.05


class VideoPipeline:
    """Made and commanded by the worker's main thread."""

    def __init__(
        self,
        spec: VideoWorkerSpec,
        link: WorkerLink,
        *,
        make_source: Callable[[], VideoSource],
        choice: EncoderChoice,
        scaler: Scaler,
        tools: Tools,
        cpu_ns: Callable[[], int] = time.process_time_ns,
    ) -> None:
        self._spec = spec
        self._link = link
        self._choice = choice
        self._scaler = scaler
        self._cpu_ns = cpu_ns
        self._slot = FrameSlot()
        self._plan = LayerPlan((), True)
        self._applied = self._plan
        self._layers: dict[Rid, LayerEncoder] = {}
        self._source_framerate = 0.0
        self._is_plan_due = True
        self._snapshots = Snapshots(spec.source, link, tools)
        self._capture = CaptureThread(
            spec.source,
            make_source,
            opened=self._opened,
            deliver=self._deliver,
            report=link.send,
            failed=self._snapshots.fail,
            abandon=link.close,
        )
        self._passthrough = Passthrough(spec.source, link, self._capture.request_key_frame)
        self._thread = threading.Thread(target=self._run, name=f"encode:{spec.track}", daemon=True)

    @property
    def controls(self) -> LiveControls:
        """Of the source: what was set at run time, and what is to be set."""
        return self._capture.controls

    def start(self) -> None:
        """Start both threads; the source is opened at once."""
        self._thread.start()
        self._capture.start()

    def apply(self, plan: LayerPlan) -> None:
        """Use this plan from the next picture on.

        A layer that begins does so with a key frame, also where no picture came while it was off.
        """
        for rid in plan.active_rids - self._plan.active_rids:
            self._want_key_frame(rid)
        self._plan = plan
        self._is_plan_due = True
        self._passthrough.apply(plan)
        self._want_source()
        self._slot.wake()

    def use_encoder(self, name: str) -> None:
        """Encode with it from the next picture on, as EncoderChoice.preferring."""
        self._choice = self._choice.preferring(name)
        self._is_plan_due = True
        self._slot.wake()

    def request_key_frame(self, rid: Rid) -> None:
        """Make the next frame of this layer a key frame."""
        self._want_key_frame(rid)
        self._passthrough.request_key_frame()

    def take_snapshot(self, command: TakeSnapshot) -> None:
        """Answer with the next picture; the source is opened for it if need be."""
        self._snapshots.ask(command, lambda: self._capture.problem)
        self._want_source()

    def tick(self) -> float:
        """Close the source again when no snapshot waits any more. Returns the seconds until the next call."""
        self._snapshots.expire()
        self._want_source()
        return SNAPSHOT_CHECK_S if self._snapshots.is_waiting else math.inf

    def retry(self) -> None:
        """Open the source at once when it waits after a failure."""
        self._capture.retry()

    def stats(self) -> WorkerStats:
        layers = list(self._layers.values())
        encoded = {layer.rid: layer.encoded for layer in layers}
        for rid, count in self._passthrough.sent.items():
            encoded[rid] = encoded.get(rid, 0) + count
        return WorkerStats(
            captured=self._capture.captured,
            dropped=self._slot.dropped + self._link.dropped,
            encoded=encoded,
            encode_ns={layer.rid: layer.encode_ns for layer in layers},
            cpu_ns=self._cpu_ns(),
            source=self._capture.state,
        )

    def stop(self) -> None:
        """End both threads and release everything, as far as it lets itself be released."""
        self._slot.close()
        self._capture.stop()
        self._thread.join(JOIN_S)

    def _want_key_frame(self, rid: Rid) -> None:
        if layer := self._layers.get(rid):
            layer.want_key_frame()

    def _want_source(self) -> None:
        self._capture.want(self._plan.capture or self._snapshots.is_waiting)

    def _opened(self, source_format: VideoFormat | AudioFormat) -> None:
        if isinstance(source_format, VideoFormat):
            self._snapshots.opened(source_format)
            self._source_framerate = source_format.framerate
            self._is_plan_due = True

    def _deliver(self, frame: VideoFrame | AudioFrame | EncodedFrame) -> None:
        """In the capture thread."""
        if isinstance(frame, VideoFrame):
            self._slot.put(frame)
            self._snapshots.deliver(frame)
        elif isinstance(frame, EncodedFrame):
            self._passthrough.deliver(frame)
        else:
            raise SourceLost(f"it delivers {type(frame).__name__}, not pictures")

    def _run(self) -> None:
        """The encode thread; its only broad handler."""
        try:
            while not self._slot.is_closed:
                frame = self._slot.take(IDLE_CHECK_S)
                self._apply_plan()
                if frame is not None:
                    self._encode(frame)
        except LinkClosed:
            logger.debug("the link of %s is closed", self._spec.track)
        except Exception as error:
            logger.error("the encode thread failed: %s", describe(self._spec.track, error), exc_info=error)
            self._link.close()
        finally:
            self._close_layers()

    def _apply_plan(self) -> None:
        now_ns = time.monotonic_ns()
        if self._is_plan_due:
            self._is_plan_due = False
            self._applied = self._plan
            self._configure(self._applied, now_ns)
        for layer in self._layers.values():
            layer.release_if_idle(now_ns)

    def _configure(self, plan: LayerPlan, now_ns: int) -> None:
        for state in plan.layers:
            if state.rid not in self._layers:
                self._layers[state.rid] = LayerEncoder(state, self._choice, self._link.send)
            self._layers[state.rid].use(self._choice)
            self._layers[state.rid].configure(state, self._source_framerate, now_ns)
        for rid in self._layers.keys() - {state.rid for state in plan.layers}:
            self._layers.pop(rid).close()
        if not plan.capture:
            self._close_layers()

    def _encode(self, frame: VideoFrame) -> None:
        """One picture in every layer that wants it."""
        wanting = [layer for layer in self._top_first() if layer.wants(frame.captured_ns)]
        if not wanting:
            return
        cascade = Cascade(self._scaler, frame)
        top, *lower = wanting
        self._send([top], cascade)
        self._send(lower, cascade)

    def _top_first(self) -> list[LayerEncoder]:
        return [self._layers[state.rid] for state in reversed(self._applied.layers)]

    def _send(self, layers: list[LayerEncoder], cascade: Cascade) -> None:
        encoded = [(layer, frame) for layer in layers if (frame := layer.encode(cascade.scale)) is not None]
        if encoded and not self._link.send_frames([frame for _, frame in encoded]):
            for layer, _ in encoded:
                layer.restart()

    def _close_layers(self) -> None:
        for layer in self._layers.values():
            layer.close()
