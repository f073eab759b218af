"""The queue through which pictures go into a device: each copied once, or handed over as DMABUF."""

from __future__ import annotations

from lkedge_v4l2 import videodev2 as v4l2

from lkedge.errors import EncoderError
from lkedge.media.frame import VideoFrame
from lkedge_h264_v4l2m2m import videodev2_m2m as m2m
from lkedge_h264_v4l2m2m.kernel import M2mKernel
from lkedge_h264_v4l2m2m.picture import Layout, can_import, copy, dmabuf_size, layout_of
from lkedge_h264_v4l2m2m.queue import BufferQueue, QueueFormat
from lkedge_h264_v4l2m2m.refusal import refused

COPIED_PICTURES = 3
"""One being filled, and as many in the device as stream.IN_FLIGHT lets be there. A driver that holds pictures back
takes the place of the one being filled, and then filling waits."""

IMPORTED_PICTURES = 6
"""They cost no memory; as many as a camera has, so that each keeps its place and its mapping."""


class ImportRefused(EncoderError):
    """The driver does not take the memory of this picture; copying it may work."""


class PictureQueue(BufferQueue):
    """An OUTPUT queue; used by one thread. All errors are OSError but ImportRefused."""

    def __init__(self, kernel: M2mKernel, fd: int, buffer_type: int, path: str) -> None:
        super().__init__(kernel, fd, buffer_type)
        self._path = path
        self._layout = Layout("YU12", 0, 0, 0, 0)
        self._size = 0
        self._is_imported = False
        self._held: dict[int, VideoFrame] = {}
        self._free: list[int] = []
        self._place_of: dict[int, int] = {}

    @property
    def layout(self) -> Layout:
        """How the driver wants its pictures to lie."""
        return self._layout

    @property
    def has_room(self) -> bool:
        """Whether the driver can take one more picture."""
        return bool(self._free)

    def use(self, agreed: QueueFormat, width: int, height: int) -> None:
        """agreed: what the driver made of the format. width, height: of the visible picture."""
        self._layout = layout_of(agreed, width, height)
        self._size = max(agreed.size, self._layout.size)

    def allocate_for(self, *, is_imported: bool, least: int = 1) -> None:
        """Places for pictures. least: what the driver must have to work."""
        self._is_imported = is_imported
        wanted = IMPORTED_PICTURES if is_imported else COPIED_PICTURES
        self.allocate(max(wanted, least + 1), m2m.MEMORY_DMABUF if is_imported else v4l2.MEMORY_MMAP)

    def start(self) -> None:
        """STREAMON, with all places free."""
        self._held.clear()
        self._free = list(range(self.count))
        super().start()

    def accepts(self, frame: VideoFrame) -> bool:
        """Whether this picture can go in without a copy."""
        return can_import(frame, self._layout, self._size)

    def put(self, frame: VideoFrame, timestamp_us: int) -> None:
        """Hand over one picture; needs room. An imported one is kept until the driver has read it.

        Raises:
            ImportRefused: it cannot read this memory.
        """
        if self._is_imported:
            self._import(frame, timestamp_us)
            return
        index = self._free.pop()
        copy(frame, self._layout, self.memory[index])
        self.queue(index, size=self._size, timestamp_us=timestamp_us)

    def take_back(self) -> None:
        """Let go of what the driver has read."""
        while (done := self.dequeue()) is not None:
            self._held.pop(done.index, None)
            self._free.append(done.index)

    def release(self) -> None:
        """Stop, and let go of everything."""
        super().release()
        self._held.clear()

    def _import(self, frame: VideoFrame, timestamp_us: int) -> None:
        """The same memory at the same place again: the driver then need not map it anew."""
        place = self._place_of.get(frame.dmabuf, -1)
        index = place if place in self._free else self._free[0]
        self._free.remove(index)
        self._place_of = {fd: other for fd, other in self._place_of.items() if other != index} | {frame.dmabuf: index}
        self._held[index] = frame
        length = dmabuf_size(frame.dmabuf)
        try:
            self.queue(index, size=self._size, timestamp_us=timestamp_us, dmabuf=frame.dmabuf, length=length)
        except OSError as error:
            what = "taking the memory of the source"
            raise ImportRefused(str(refused(self._path, what, error))) from error
