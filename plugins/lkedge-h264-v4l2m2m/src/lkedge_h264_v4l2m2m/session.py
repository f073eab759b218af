"""The stateful encoder protocol, for any driver and codec: pictures in, coded buffers out.

The order is that of the kernel's dev-encoder.rst: coded format, raw format, frame interval,
crop, controls, buffers, all CAPTURE buffers queued, both queues started. Formats cannot
change while there are buffers, so another kind of input is another session.
"""

from __future__ import annotations

import contextlib
import errno
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

from lkedge_v4l2 import videodev2 as v4l2

from lkedge.clock import Clock
from lkedge.errors import EncoderError
from lkedge.media.frame import VideoFrame
from lkedge_h264_v4l2m2m import videodev2_m2m as m2m
from lkedge_h264_v4l2m2m.controls import Controls
from lkedge_h264_v4l2m2m.kernel import READABLE, WRITABLE, M2mKernel
from lkedge_h264_v4l2m2m.node import PIXEL_FORMATS, Node
from lkedge_h264_v4l2m2m.picture import Layout
from lkedge_h264_v4l2m2m.picture_queue import PictureQueue
from lkedge_h264_v4l2m2m.queue import BufferQueue, Dequeued, EndOfStream, QueueFormat
from lkedge_h264_v4l2m2m.refusal import refused

CODED_BUFFERS = 4
"""One for each picture that may be in the device, and one that is being read."""

SMALLEST_CODED_BYTES = 256 * 1024


@dataclass(frozen=True, slots=True)
class Input:
    """What pictures go in. is_imported: their memory is handed over as DMABUF. stride: of
    the luma, 0 leaves it to the driver."""

    width: int
    height: int
    framerate: float
    fourcc: str
    is_imported: bool = False
    stride: int = 0


class Coded(NamedTuple):
    """One buffer of the compressed stream. has_time: the timestamp is that of a picture."""

    data: bytes
    timestamp_us: int
    is_flagged_key: bool
    is_damaged: bool
    has_time: bool


class Session:
    """Owns one open node and its buffers; used by one thread.

    Several sessions on one node are several encoders to the driver.
    """

    def __init__(self, node: Node, coded: str, pictures: Input, kernel: M2mKernel) -> None:
        """Open and negotiate. Raises EncoderError when the driver cannot do it."""
        self.node = node
        self.pictures = pictures
        self._kernel = kernel
        with _explained(node.path, "opening"):
            self._fd = kernel.open(node.path)
        self.controls = Controls(kernel, self._fd)
        self._output = PictureQueue(kernel, self._fd, node.output_type, node.path)
        self._capture = BufferQueue(kernel, self._fd, node.capture_type)
        try:
            with _explained(node.path, f"taking pictures of {pictures.width}x{pictures.height}"):
                self._negotiate(coded)
        except BaseException:
            self.close()
            raise

    @property
    def has_room(self) -> bool:
        """Whether the driver can take one more picture."""
        return self._output.has_room

    @property
    def layout(self) -> Layout:
        """How the driver wants its pictures to lie."""
        return self._output.layout

    def start(self) -> None:
        """Allocate the buffers and start both queues. Raises EncoderError."""
        with _explained(self.node.path, "starting"):
            least = self.controls.read(m2m.CID_MIN_BUFFERS_FOR_OUTPUT) or 1
            self._output.allocate_for(is_imported=self.pictures.is_imported, least=least)
            self._capture.allocate(CODED_BUFFERS)
            self._stream()

    def restart(self) -> None:
        """Forget all pictures and begin a new stream: the next one is a key frame. Raises EncoderError."""
        with _explained(self.node.path, "restarting"):
            self._capture.stop()
            self._output.stop()
            self._stream()

    def set_framerate(self, framerate: float) -> bool:
        """Tell the driver how many pictures a second stand for; False when it has no say in it."""
        request = v4l2.StreamParm(type=self.node.output_type)
        request.parm.capture.timeperframe = v4l2.Fraction(1000, max(1, round(framerate * 1000)))
        try:
            self._kernel.ioctl(self._fd, v4l2.S_PARM, request)
        except OSError as error:
            if error.errno in (errno.EINVAL, errno.ENOTTY, errno.EBUSY):
                return False
            raise refused(self.node.path, "setting the frame rate", error) from error
        return True

    def accepts(self, frame: VideoFrame) -> bool:
        """Whether this picture can go in without a copy."""
        return self._output.accepts(frame)

    def queue(self, frame: VideoFrame, timestamp_us: int) -> None:
        """Hand over one picture; needs room. It is kept until the driver has read it.

        Raises:
            ImportRefused: it cannot read this memory.
            EncoderError: it has failed.
        """
        with _explained(self.node.path, "taking a picture"):
            self._output.put(frame, timestamp_us)

    def take(self, timeout_s: float) -> list[Coded]:
        """What the driver has finished, waiting so long for something to happen.

        Raises:
            EncoderError: the device has failed.
        """
        with _explained(self.node.path, "encoding"):
            events = self._kernel.poll(self._fd, READABLE | WRITABLE, timeout_s)
            self._output.take_back()
            coded = list(self._finished())
        if events & ~(READABLE | WRITABLE) and not coded:
            raise EncoderError(f"{self.node.path}: the hardware encoder reports an error of its own")
        return coded

    def drain(self, clock: Clock, timeout_s: float) -> list[Coded]:
        """Have everything that was queued encoded, to the end of the stream. `restart` goes on after it.

        Raises:
            EncoderError: the end did not come in time, or the driver cannot drain.
        """
        coded: list[Coded] = []
        deadline_ns = clock.monotonic_ns() + round(timeout_s * 1e9)
        with _explained(self.node.path, "draining"):
            self._kernel.ioctl(self._fd, m2m.ENCODER_CMD, m2m.EncoderCommand(cmd=m2m.ENC_CMD_STOP))
            while not self._drained(coded):
                left_s = (deadline_ns - clock.monotonic_ns()) / 1e9
                if left_s <= 0:
                    raise EncoderError(f"{self.node.path}: the hardware encoder did not finish in {timeout_s:g} s")
                self._kernel.poll(self._fd, READABLE, min(left_s, 0.1))
        return coded

    def close(self) -> None:
        """Stop at once and give everything back. Any number of times."""
        if self._fd < 0:
            return
        self._output.release()
        self._capture.release()
        fd, self._fd = self._fd, -1
        with contextlib.suppress(OSError):
            self._kernel.close(fd)

    def _negotiate(self, coded: str) -> None:
        wanted = self.pictures
        room = max(SMALLEST_CODED_BYTES, wanted.width * wanted.height * 3 // 4)
        stream = self._capture.set_format(QueueFormat(coded, wanted.width, wanted.height, 0, room))
        if stream.fourcc != coded:
            raise EncoderError(f"{self.node.path}: the driver insists on making {stream.fourcc}, not {coded}")
        raw = self._output.set_format(QueueFormat(wanted.fourcc, wanted.width, wanted.height, wanted.stride))
        if raw.fourcc != wanted.fourcc:
            raise EncoderError(f"{self.node.path}: the driver takes {raw.fourcc} instead of {wanted.fourcc}")
        self._check_size(raw)
        self._output.use(raw, wanted.width, wanted.height)
        self.has_framerate = self.set_framerate(wanted.framerate)

    def _check_size(self, raw: QueueFormat) -> None:
        """A driver rounds up to its blocks, and then leaves away what is outside of the crop."""
        wanted = self.pictures
        visible = (raw.width, raw.height)
        if visible != (wanted.width, wanted.height):
            visible = self._output.select(m2m.SEL_TGT_CROP, wanted.width, wanted.height)
        if visible != (wanted.width, wanted.height):
            raise EncoderError(
                f"{self.node.path}: the hardware encoder {self.node.card} cannot do {wanted.width}x{wanted.height}, "
                f"the nearest is {visible[0]}x{visible[1]}; another encoder takes this layer"
            )

    def _stream(self) -> None:
        for index in range(self._capture.count):
            self._capture.queue(index)
        self._output.start()
        self._capture.start()

    def _finished(self) -> Iterator[Coded]:
        with contextlib.suppress(EndOfStream):
            while (buffer := self._capture.dequeue()) is not None:
                yield self._copied(buffer)

    def _copied(self, buffer: Dequeued) -> Coded:
        data = bytes(self._capture.memory[buffer.index][buffer.offset : buffer.offset + buffer.size])
        if not buffer.flags & m2m.BUF_FLAG_LAST:
            self._capture.queue(buffer.index)
        return Coded(
            data,
            buffer.timestamp_us,
            bool(buffer.flags & m2m.BUF_FLAG_KEYFRAME),
            bool(buffer.flags & v4l2.BUF_FLAG_ERROR),
            buffer.flags & v4l2.BUF_FLAG_TIMESTAMP_MASK == m2m.BUF_FLAG_TIMESTAMP_COPY,
        )

    def _drained(self, coded: list[Coded]) -> bool:
        """Collect what is there; True at the end of the stream, whose last buffer may be empty."""
        self._output.take_back()
        try:
            while (buffer := self._capture.dequeue()) is not None:
                coded.append(self._copied(buffer))
                if buffer.flags & m2m.BUF_FLAG_LAST:
                    return True
        except EndOfStream:
            return True
        return False


def fourcc_for(pixel_format: str, node: Node) -> str:
    """The raw format that a picture goes in as: its own, else the driver's first."""
    same = (code for code in node.fourccs if PIXEL_FORMATS[code] == pixel_format)
    return next(same, node.fourccs[0])


@contextlib.contextmanager
def _explained(path: str, what: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise refused(path, what, error) from error
