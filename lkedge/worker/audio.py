"""An audio track in its worker: one thread reads, processes, encodes and sends.

Processing and compressing 20 ms takes well below a millisecond, so it needs no thread of its own; the
buffer of the device covers it.
"""

from __future__ import annotations

import dataclasses
import math
import time
from collections.abc import Callable, Sequence

from lkedge.errors import SourceLost
from lkedge.media.frame import AudioFrame, EncodedFrame, VideoFrame
from lkedge.media.layers import NO_RID
from lkedge.plugin.api import (
    AudioEncoder,
    AudioFormat,
    AudioSource,
    EncoderRegistration,
    ProcessorRegistration,
    VideoFormat,
)
from lkedge.terms import Codec, Rid
from lkedge.worker.capture import CaptureThread
from lkedge.worker.chain import EncoderChain
from lkedge.worker.events import SnapshotRefused, WorkerStats
from lkedge.worker.live_controls import LiveControls
from lkedge.worker.messages import TakeSnapshot
from lkedge.worker.processing import Processing
from lkedge.worker.spec import AudioPlan, AudioWorkerSpec
from lkedge.worker.worker_link import LinkClosed, WorkerLink


class AudioPipeline:
    """Made and commanded by the worker's main thread."""

    def __init__(
        self,
        spec: AudioWorkerSpec,
        link: WorkerLink,
        *,
        make_source: Callable[[], AudioSource],
        candidates: Sequence[EncoderRegistration],
        processors: Sequence[ProcessorRegistration] = (),
        cpu_ns: Callable[[], int] = time.process_time_ns,
    ) -> None:
        self._spec = spec
        self._link = link
        self._cpu_ns = cpu_ns
        self._plan = AudioPlan(False, spec.encoding.bitrate)
        self._chain: EncoderChain[AudioEncoder] = EncoderChain(NO_RID, Codec.OPUS, candidates, link.send)
        self._processing = Processing(spec.capture, processors)
        self._channels = spec.capture.channels
        self._bitrate = spec.encoding.bitrate
        self._encoded = 0
        self._encode_ns = 0
        self._capture = CaptureThread(
            spec.source,
            make_source,
            opened=self._opened,
            deliver=self._deliver,
            report=link.send,
            abandon=link.close,
        )

    @property
    def controls(self) -> LiveControls:
        """Of the source: what was set at run time, and what is to be set."""
        return self._capture.controls

    def start(self) -> None:
        """Start the thread; the source is opened at once."""
        self._capture.start()

    def apply(self, plan: AudioPlan) -> None:
        """Use this plan from the next frame on."""
        self._plan = plan
        self._capture.want(plan.capture)

    def request_key_frame(self, rid: Rid) -> None:
        """Sound has no key frames."""

    def take_snapshot(self, command: TakeSnapshot) -> None:
        """Sound has no pictures."""
        self._link.send(SnapshotRefused("this is a track of sound, which has no pictures", command.request))

    def tick(self) -> float:
        """Nothing is due between commands. Returns the seconds until the next call."""
        return math.inf

    def retry(self) -> None:
        """Open the source at once when it waits after a failure."""
        self._capture.retry()

    def stats(self) -> WorkerStats:
        return WorkerStats(
            captured=self._capture.captured,
            dropped=self._link.dropped,
            encoded={NO_RID: self._encoded},
            encode_ns={NO_RID: self._encode_ns},
            cpu_ns=self._cpu_ns(),
            source=self._capture.state,
        )

    def stop(self) -> None:
        """End the thread and release everything."""
        self._capture.stop()
        self._processing.close()
        self._chain.close()

    def _opened(self, source_format: VideoFormat | AudioFormat) -> None:
        if not isinstance(source_format, AudioFormat):
            return
        self._processing.opened(source_format)
        if source_format.channels != self._channels:
            self._channels = source_format.channels
            self._chain.close()

    def _deliver(self, frame: VideoFrame | AudioFrame | EncodedFrame) -> None:
        """In the capture thread."""
        if isinstance(frame, VideoFrame):
            raise SourceLost("it delivers pictures, not sound")
        if not self._plan.active:
            return
        encoded = frame if isinstance(frame, EncodedFrame) else self._encode(frame)
        if encoded is not None:
            self._encoded += self._link.send_frames([encoded], may_wait=False)

    def _encode(self, frame: AudioFrame) -> EncodedFrame | None:
        """Whatever an encoder raises ends here: it is not the source's fault."""
        if not self._chain.may_try(time.monotonic_ns()):
            return None
        begun_ns = time.perf_counter_ns()
        try:
            encoded = self._prepared().encode(self._processing.process(frame))
            self._chain.succeeded()
            return encoded
        except LinkClosed:
            raise
        except Exception as error:
            self._chain.failed(error, time.monotonic_ns())
            return None
        finally:
            self._encode_ns += time.perf_counter_ns() - begun_ns

    def _prepared(self) -> AudioEncoder:
        """The encoder, at the bitrate of the plan."""
        encoder = self._chain.open(self._build)
        if self._bitrate != self._plan.bitrate:
            self._bitrate = self._plan.bitrate
            encoder.set_rate(self._bitrate)
        return encoder

    def _build(self, registration: EncoderRegistration) -> AudioEncoder:
        assert registration.audio is not None
        self._bitrate = self._plan.bitrate
        settings = dataclasses.replace(self._spec.encoding, channels=self._channels, bitrate=self._bitrate)
        return registration.audio(settings)
