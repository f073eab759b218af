"""Whether a layer's pictures are scaled by hardware, and by which; where not, the processor does it.

One `ScalingHardware` for all encoders of a process: what fails for one layer is not tried by the next.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Mapping

from lkedge.clock import SECOND_NS, Clock
from lkedge.errors import EncoderError
from lkedge.media.frame import VideoFrame
from lkedge_h264_v4l2m2m.kernel import M2mKernel
from lkedge_h264_v4l2m2m.node import PIXEL_FORMATS, SCALED_FORMATS, ScalerNode, find_scalers
from lkedge_h264_v4l2m2m.pace import Pace
from lkedge_h264_v4l2m2m.picture_queue import ImportRefused
from lkedge_h264_v4l2m2m.scaler import STALL_S, Coming, Going, Scaler, SizeRefused
from lkedge_h264_v4l2m2m.scaler_trial import fault

logger = logging.getLogger(__name__)

RETRY_AFTER_NS = 600 * SECOND_NS
"""Memory, rights or the device may have come back; looking costs a picture or two."""

SLOWEST = 0.5
"""Of the frame interval: the encoder needs the other half, and the processor scales in less."""

MAX_OPEN = 2
"""A layer below one of a lower frame rate is made from that one's pictures and from the source's in turn."""


class ScalingHardware:
    """The scaler of this machine; usable from any thread."""

    def __init__(
        self,
        kernel: M2mKernel,
        clock: Clock,
        *,
        takes: Mapping[str, str] = SCALED_FORMATS,
        gives: Mapping[str, str] = PIXEL_FORMATS,
        stall_s: float = STALL_S,
    ) -> None:
        """Asks for nothing yet. takes, gives: as find_scalers."""
        self.kernel = kernel
        self.clock = clock
        self.stall_s = stall_s
        self._formats = takes, gives
        self._lock = threading.Lock()
        self._node: ScalerNode | None = None
        self._reason = ""
        self._judged_ns: int | None = None

    def node(self) -> ScalerNode | None:
        """Found and tried when first asked for; None while there is none, or it has failed lately."""
        with self._lock:
            now_ns = self.clock.monotonic_ns()
            is_due = self._judged_ns is None or now_ns - self._judged_ns > RETRY_AFTER_NS
            if self._node is None and is_due:
                self._judge(now_ns)
            return self._node

    def give_up(self, reason: str) -> None:
        """It has failed: nobody uses it for some time."""
        with self._lock:
            if self._node is None:
                return
            self._node, self._judged_ns = None, self.clock.monotonic_ns()
            self._tell_why_not(reason)

    def describe(self) -> str:
        """What scales, for people."""
        node = self.node()
        return f"{node.card} ({node.path})" if node else f"the processor: {self._reason}"

    def _judge(self, now_ns: int) -> None:
        self._judged_ns = now_ns
        found = find_scalers(self.kernel, *self._formats)
        faults = list(found.problems)
        for node in found.nodes:
            reason = fault(node, self.kernel, self.clock)
            if not reason:
                self._node, self._reason = node, ""
                logger.info("layers are scaled by %s (%s)", node.card, node.path)
                return
            faults.append(reason)
        self._tell_why_not("; ".join(faults) or "this machine has no V4L2 device that scales")

    def _tell_why_not(self, reason: str) -> None:
        if reason != self._reason:
            logger.info("layers are scaled by the processor: %s", reason)
        self._reason = reason


class LayerScaling:
    """In front of the encoder of one layer; used by one thread.

    coming: what that encoder wants from this node, asked for whenever a scaler is opened;
    None when it can have nothing of it.
    """

    def __init__(self, hardware: ScalingHardware, coming: Callable[[ScalerNode], Coming | None]) -> None:
        self._hardware = hardware
        self._coming = coming
        self._copied: set[Going] = set()
        """Kinds of pictures whose memory the scaler does not take."""
        self._is_refused = False
        self._scalers: dict[Going, Scaler] = {}
        self._pace = Pace(SLOWEST)

    def scale(self, frame: VideoFrame, framerate: float) -> VideoFrame | None:
        """None: the processor does it."""
        node = None if self._is_refused else self._hardware.node()
        if node is None:
            self.close()
        if node is None or frame.pixel_format not in node.takes.values():
            return None
        begun_ns = self._hardware.clock.monotonic_ns()
        try:
            scaled = self._scaled(node, frame)
        except SizeRefused as error:
            self._is_refused = True
            logger.info("a layer is scaled by the processor: %s", error)
            return None
        except EncoderError as error:
            self._give_up(str(error))
            return None
        self._watch(node, self._hardware.clock.monotonic_ns() - begun_ns, framerate)
        return scaled

    def close(self) -> None:
        """Any number of times; what was made stays readable."""
        while self._scalers:
            self._scalers.popitem()[1].close()

    def _scaled(self, node: ScalerNode, frame: VideoFrame) -> VideoFrame:
        imported = _going(node, frame, is_imported=True)
        if frame.dmabuf >= 0 and self._imports(node, imported, frame):
            try:
                return self._opened(node, imported).scale(frame)
            except ImportRefused as error:
                self._copy_from_now_on(imported, str(error))
        return self._opened(node, _going(node, frame, is_imported=False)).scale(frame)

    def _imports(self, node: ScalerNode, going: Going, frame: VideoFrame) -> bool:
        """Memory that does not fit once will not fit later: then pictures of this kind are copied from now on."""
        if going in self._copied:
            return False
        try:
            if self._opened(node, going).accepts(frame):
                return True
            self._copy_from_now_on(going, "its rows or its size do not fit")
        except SizeRefused:
            raise
        except EncoderError as error:
            self._copy_from_now_on(going, str(error))
        return False

    def _copy_from_now_on(self, going: Going, reason: str) -> None:
        self._copied.add(going)
        if going in self._scalers:
            self._scalers.pop(going).close()
        logger.info("pictures of %dx%d are copied to the scaler: %s", going.width, going.height, reason)

    def _opened(self, node: ScalerNode, going: Going) -> Scaler:
        if going in self._scalers:
            return self._scalers[going]
        coming = self._coming(node)
        if coming is None:
            raise SizeRefused(f"{node.path}: {node.card} makes nothing that the encoder takes")
        while len(self._scalers) >= MAX_OPEN:
            self._scalers.pop(next(iter(self._scalers))).close()
        hardware = self._hardware
        self._scalers[going] = Scaler(node, going, coming, hardware.kernel, hardware.clock, hardware.stall_s)
        return self._scalers[going]

    def _watch(self, node: ScalerNode, elapsed_ns: int, framerate: float) -> None:
        self._pace.add(elapsed_ns, framerate)
        if self._pace.is_behind:
            self._give_up(f"{node.path}: {node.card} is too slow, a picture takes {self._pace.share / framerate:.3f} s")

    def _give_up(self, reason: str) -> None:
        self.close()
        self._pace = Pace(SLOWEST)
        self._hardware.give_up(reason)


def _going(node: ScalerNode, frame: VideoFrame, *, is_imported: bool) -> Going:
    fourcc = next(code for code, name in node.takes.items() if name == frame.pixel_format)
    stride = frame.planes[0].stride if is_imported else 0
    return Going(frame.width, frame.height, fourcc, is_imported, stride)
