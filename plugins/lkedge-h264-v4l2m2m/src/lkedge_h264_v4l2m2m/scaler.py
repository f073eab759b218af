"""A memory-to-memory device that makes pictures of another size: one goes in, one comes out.

The order is that of the kernel's dev-mem2mem.rst: both formats, buffers, both queues started.
Formats cannot change while there are buffers, so another kind of picture is another opening.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass

from lkedge_v4l2 import videodev2 as v4l2

from lkedge.clock import SECOND_NS, Clock
from lkedge.errors import EncoderError
from lkedge.media.frame import VideoFrame
from lkedge_h264_v4l2m2m import videodev2_m2m as m2m
from lkedge_h264_v4l2m2m.kernel import READABLE, WRITABLE, M2mKernel
from lkedge_h264_v4l2m2m.node import ScalerNode
from lkedge_h264_v4l2m2m.picture import layout_of
from lkedge_h264_v4l2m2m.picture_queue import PictureQueue
from lkedge_h264_v4l2m2m.queue import BufferQueue, Dequeued, EndOfStream, QueueFormat, colorspace_of
from lkedge_h264_v4l2m2m.refusal import refused
from lkedge_h264_v4l2m2m.scaled_queue import ScaledQueue, Shape

STALL_S = 0.25
"""Several pictures' time even at slow frame rates; the processor would long be done."""


class SizeRefused(EncoderError):
    """The device works, but not in this size."""


@dataclass(frozen=True, slots=True)
class Going:
    """The pictures that go in. is_imported: their memory is handed over as DMABUF. stride: of
    the first plane, 0 leaves it to the driver."""

    width: int
    height: int
    fourcc: str
    is_imported: bool = False
    stride: int = 0


@dataclass(frozen=True, slots=True)
class Coming:
    """The pictures that come out. stride: as the next device wants it, 0 leaves it to this one."""

    width: int
    height: int
    fourcc: str
    stride: int = 0


class Scaler:
    """Owns one open node and its buffers; used by one thread.

    Several of one node are one scaler each to the driver.
    """

    def __init__(
        self, node: ScalerNode, going: Going, coming: Coming, kernel: M2mKernel, clock: Clock, stall_s: float = STALL_S
    ) -> None:
        """Open and start it.

        Raises:
            SizeRefused: it cannot make this of that.
            EncoderError: it does not work.
        """
        self.node = node
        self.going = going
        self._coming = coming
        self._kernel = kernel
        self._clock = clock
        self._stall_s = stall_s
        self._last_us = 0
        with self._explained("opening"):
            self._fd = kernel.open(node.path)
        self._pictures = PictureQueue(kernel, self._fd, node.output_type, node.path)
        self._scaled = ScaledQueue(kernel, self._fd, node.capture_type)
        try:
            with self._explained(f"scaling {going.width}x{going.height} to {coming.width}x{coming.height}"):
                self._start()
        except BaseException:
            self.close()
            raise

    def accepts(self, frame: VideoFrame) -> bool:
        """Whether this picture can go in without a copy."""
        return self._pictures.accepts(frame)

    def scale(self, frame: VideoFrame) -> VideoFrame:
        """The picture in the other size; blocks.

        Raises:
            ImportRefused: it cannot read this memory; `close` it.
            EncoderError: it failed, or took longer than it may; `close` it.
        """
        # Pictures are told apart by their time, and some firmware reads it.
        self._last_us = max(self._last_us + 1, frame.captured_ns // 1000)
        with self._explained("scaling"):
            self._scaled.take_back()
            self._pictures.take_back()
            if not self._pictures.has_room:
                raise EncoderError(
                    f"{self.node.path}: the scaler {self.node.card} keeps the pictures that it was given"
                )
            self._pictures.put(frame, self._last_us)
            done = self._result()
            self._pictures.take_back()
        if done.flags & v4l2.BUF_FLAG_ERROR or not done.size:
            raise EncoderError(f"{self.node.path}: the scaler {self.node.card} damaged a picture")
        return self._scaled.lend(done, frame.captured_ns)

    def close(self) -> None:
        """Stop at once and give everything back; pictures that were made stay readable. Any number of times."""
        if self._fd < 0:
            return
        self._pictures.release()
        self._scaled.release()
        fd, self._fd = self._fd, -1
        with contextlib.suppress(OSError):
            self._kernel.close(fd)

    def _start(self) -> None:
        going, coming = self.going, self._coming
        # One colour space on both sides: values are scaled and otherwise kept, as the processor's scaler does.
        colours = colorspace_of(going.height)
        wanted = QueueFormat(going.fourcc, going.width, going.height, going.stride, 0, colours)
        agreed = self._pictures.set_format(wanted)
        self._check(wanted, agreed, self._pictures, m2m.SEL_TGT_CROP)
        self._pictures.use(agreed, going.width, going.height)
        wanted = QueueFormat(coming.fourcc, coming.width, coming.height, coming.stride, 0, colours)
        agreed = self._scaled.set_format(wanted)
        self._check(wanted, agreed, self._scaled, m2m.SEL_TGT_COMPOSE)
        self._pictures.allocate_for(is_imported=going.is_imported)
        layout = layout_of(agreed, coming.width, coming.height)
        self._scaled.lend_from(Shape(layout, self.node.gives[coming.fourcc]))
        self._pictures.start()
        self._scaled.start()

    def _check(self, wanted: QueueFormat, agreed: QueueFormat, queue: BufferQueue, target: int) -> None:
        """A driver may round up to its blocks, when it can leave away what is beyond the picture."""
        visible = (agreed.width, agreed.height)
        if visible != (wanted.width, wanted.height):
            visible = queue.select(target, wanted.width, wanted.height)
        if (agreed.fourcc, *visible) != (wanted.fourcc, wanted.width, wanted.height):
            raise SizeRefused(
                f"{self.node.path}: the scaler {self.node.card} cannot do {wanted.fourcc} in "
                f"{wanted.width}x{wanted.height}, the nearest is {agreed.fourcc} in {agreed.width}x{agreed.height}"
            )

    def _result(self) -> Dequeued:
        deadline_ns = self._clock.monotonic_ns() + round(self._stall_s * SECOND_NS)
        while (done := self._finished()) is None:
            left_ns = deadline_ns - self._clock.monotonic_ns()
            if left_ns <= 0:
                raise EncoderError(
                    f"{self.node.path}: no picture from the scaler {self.node.card} for {self._stall_s:g} s"
                )
            events = self._kernel.poll(self._fd, READABLE | WRITABLE, left_ns / SECOND_NS)
            if events & ~(READABLE | WRITABLE):
                raise EncoderError(f"{self.node.path}: the scaler {self.node.card} reports an error of its own")
            self._pictures.take_back()
        return done

    def _finished(self) -> Dequeued | None:
        try:
            return self._scaled.dequeue()
        except EndOfStream as error:
            raise EncoderError(f"{self.node.path}: the scaler {self.node.card} has ended its stream") from error

    @contextlib.contextmanager
    def _explained(self, what: str) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise refused(self.node.path, what, error, device="scaler") from error
