"""A kernel with one HDMI input, scripted: its signal, its EDID, its events; with or without a media graph."""

from __future__ import annotations

import ctypes
import errno
import select
from typing import Any

from fake_kernel import FD, FakeCamera, FakeControl, FakeKernel
from lkedge_hdmi import media_ioctl as media
from lkedge_hdmi.edid_presets import PRESETS, Timing
from lkedge_v4l2 import videodev2 as v4l2
from lkedge_v4l2 import videodev2_controls as controls
from lkedge_v4l2 import videodev2_dv as dv

SECOND = 1_000_000_000
MONOTONIC = v4l2.BUF_FLAG_TIMESTAMP_MONOTONIC
SMALL = Timing(1_000, 64, (10, 10, 16), 48, (5, 5, 10), 0, ())
"""64x48 at 147 pictures per second."""

GRAPH = (
    # entity: name, device node, is it a video node
    (1, "tc358743 10-000f", (81, 20), False),
    (2, "csi2", (81, 21), False),
    (3, "rp1-cfe-csi2_ch0", (81, 0), True),
    (4, "rp1-cfe-csi2_ch1", (81, 1), True),
)
PADS = ((11, 1, 0, True), (21, 2, 0, False), (24, 2, 4, True), (25, 2, 5, True), (31, 3, 0, False), (41, 4, 0, False))
LINKS = ((11, 21, media.LINK_ENABLED | media.LINK_IMMUTABLE), (24, 31, 0), (25, 41, 0))
NODES = {(81, 0): "/dev/video0", (81, 1): "/dev/video1", (81, 20): "/dev/v4l-subdev0", (81, 21): "/dev/v4l-subdev1"}


class Clock:
    """Stands still unless the source waits."""

    def __init__(self) -> None:
        self.now_ns = 100 * SECOND

    def monotonic_ns(self) -> int:
        return self.now_ns

    def wall_ns(self) -> int:
        return 0

    def pause(self, seconds: float) -> None:
        self.now_ns += max(1, round(seconds * SECOND))


class FakeHdmiKernel(FakeKernel):
    """signal: timings, or the errno of the query. edid: None when the driver has no such thing.

    calls: what was asked of the bridge, in order. events: how many changes wait to be told.
    """

    def __init__(self, signal: Timing | int = SMALL, *, has_graph: bool = False, has_timings: bool = True) -> None:
        super().__init__(FakeCamera({"UYVY": {}, "RGB3": {}}, card="HDMI", stride=0))
        self.signal = signal
        self.clock = Clock()
        self.has_timings = has_timings
        self.edid: bytes | None = b""
        self.events = 0
        self.has_events = True
        self.is_gone = False
        self.streams = True
        self.calls: list[str] = []
        self.applied: dv.DvTimings | None = None
        self.pad_formats: list[tuple[str, int, int, int, int]] = []
        self.enabled: list[tuple[int, int]] = []
        self.files: dict[str, bytes] = {}
        self._paths: dict[int, str] = {}
        self._has_graph = has_graph

    def exists(self, path: str) -> bool:
        return not self.is_gone and super().exists(path)

    def video_nodes(self) -> list[str]:
        return [] if self.is_gone else super().video_nodes()

    def media_nodes(self) -> list[str]:
        return ["/dev/media0"] if self._has_graph and not self.is_gone else []

    def number(self, path: str) -> tuple[int, int]:
        for number, node in NODES.items():
            if node == path:
                return number
        raise OSError(errno.ENOENT, "no such node")

    def node_path(self, number: tuple[int, int]) -> str:
        return NODES[number]

    def read_file(self, path: str) -> bytes:
        if path not in self.files:
            raise OSError(errno.ENOENT, "No such file or directory")
        return self.files[path]

    def open(self, path: str) -> int:
        if path == self.path:
            fd = super().open(path)
        else:
            fd = FD + 1 + len(self.open_fds)
            self.open_fds.append(fd)
        self._paths[fd] = path
        return fd

    def wait(self, fd: int, timeout_s: float) -> int:
        if self.streams and self.is_streaming and isinstance(self.signal, Timing) and not self.is_gone:
            self.clock.now_ns += SECOND // 30
            size = self.chosen[1] * self.chosen[2] * 2
            self.camera.pictures.append((bytes(size), self.clock.now_ns, MONOTONIC))
            self.queued_only_one()
        else:
            self.clock.pause(timeout_s)
        if self.is_gone:
            return select.POLLERR
        return super().wait(fd, timeout_s) | (select.POLLPRI if self.events else 0)

    def queued_only_one(self) -> None:
        while len(self.camera.pictures) > 1:
            self.camera.pictures.popleft()

    def ioctl(self, fd: int, request: int, argument: Any) -> None:
        if self.is_gone:
            self.is_streaming = False
            self.queued.clear()
            raise OSError(errno.ENODEV, "No such device")
        own = {
            dv.QUERY_DV_TIMINGS: self._query_timings,
            dv.G_DV_TIMINGS: self._get_timings,
            dv.S_DV_TIMINGS: self._set_timings,
            dv.SUBSCRIBE_EVENT: self._subscribe,
            dv.DQEVENT: self._event,
            dv.G_EDID: self._get_edid,
            dv.S_EDID: self._set_edid,
            dv.SUBDEV_S_FMT: lambda argument: self._set_pad(fd, argument),
            media.G_TOPOLOGY: self._topology,
            media.SETUP_LINK: self._enable,
            v4l2.ENUM_FRAMESIZES: self._no_sizes,
        }
        if request in own and request not in self.fail:
            own[request](argument)
        else:
            super().ioctl(fd, request, argument)

    def has_cable(self, is_there: bool) -> None:
        number = controls.CID_DV_RX_POWER_PRESENT
        self.controls = [FakeControl(number, "Power Present", controls.TYPE_BITMASK, 0, 1, value=int(is_there))]

    def change(self, signal: Timing | int) -> None:
        """Another signal, and the driver tells."""
        self.signal = signal
        self.events += self.has_events

    def _query_timings(self, argument: dv.DvTimings) -> None:
        self._need_timings()
        if isinstance(self.signal, int):
            raise OSError(self.signal, "no signal")
        argument.type, bt = dv.DV_BT_656_1120, argument.u.bt
        timing = self.signal
        bt.width, bt.height, bt.pixelclock = timing.width, timing.height, timing.clock_khz * 1000
        bt.hfrontporch, bt.hsync, bt.hbackporch = timing.row
        bt.vfrontporch, bt.vsync, bt.vbackporch = timing.picture

    def _get_timings(self, argument: dv.DvTimings) -> None:
        self._need_timings()

    def _set_timings(self, argument: dv.DvTimings) -> None:
        assert not self.is_streaming, "S_DV_TIMINGS while pictures flow is EBUSY"
        self.applied = dv.DvTimings.from_buffer_copy(argument)
        self.calls.append(f"timings {argument.u.bt.width}x{argument.u.bt.height}")

    def _need_timings(self) -> None:
        if not self.has_timings:
            raise OSError(errno.ENOTTY, "Inappropriate ioctl for device")

    def _subscribe(self, argument: dv.EventSubscription) -> None:
        assert argument.type == dv.EVENT_SOURCE_CHANGE
        if not self.has_events:
            raise OSError(errno.ENOTTY, "Inappropriate ioctl for device")

    def _event(self, argument: dv.Event) -> None:
        if not self.events:
            raise OSError(errno.ENOENT, "no event")
        self.events -= 1
        argument.type = dv.EVENT_SOURCE_CHANGE

    def _get_edid(self, argument: dv.Edid) -> None:
        if self.edid is None:
            raise OSError(errno.ENOTTY, "Inappropriate ioctl for device")
        if not self.edid:
            raise OSError(errno.ENODATA, "No data available")
        argument.blocks = min(argument.blocks, len(self.edid) // 128)
        ctypes.memmove(argument.edid, self.edid, argument.blocks * 128)

    def _set_edid(self, argument: dv.Edid) -> None:
        assert not self.is_streaming, "S_EDID while pictures flow is EBUSY"
        self.edid = ctypes.string_at(argument.edid, argument.blocks * 128)
        self.calls.append("edid")

    def _set_pad(self, fd: int, argument: dv.SubdevFormat) -> None:
        bus = argument.format
        self.pad_formats.append((self._paths[fd], argument.pad, bus.width, bus.height, bus.code))

    def _no_sizes(self, argument: v4l2.FrameSizeEnum) -> None:
        raise OSError(errno.ENOTTY, "Inappropriate ioctl for device")

    def _enable(self, argument: media.LinkDescription) -> None:
        self.enabled.append((argument.source.entity, argument.sink.entity))

    def _topology(self, argument: media.Topology) -> None:
        interfaces = [(100 + number, node, is_video) for number, _, node, is_video in GRAPH]
        argument.num_entities, argument.num_interfaces = len(GRAPH), len(GRAPH)
        argument.num_pads, argument.num_links = len(PADS), len(LINKS) + len(GRAPH)
        if not argument.ptr_entities:
            return
        _fill(argument.ptr_entities, [media.Entity(id=row[0], name=row[1].encode()) for row in GRAPH])
        _fill(argument.ptr_interfaces, [_interface(*row) for row in interfaces])
        _fill(argument.ptr_pads, [_pad(*row) for row in PADS])
        own = [media.Link(id=200 + i, source_id=a, sink_id=b, flags=f) for i, (a, b, f) in enumerate(LINKS)]
        of_interfaces = [
            media.Link(id=300 + row[0], source_id=100 + row[0], sink_id=row[0], flags=media.LINK_OF_INTERFACE)
            for row in GRAPH
        ]
        _fill(argument.ptr_links, own + of_interfaces)


def _interface(number: int, node: tuple[int, int], is_video: bool) -> media.Interface:
    interface = media.Interface(id=number, intf_type=media.INTERFACE_VIDEO if is_video else media.INTERFACE_SUBDEV)
    interface.node[0], interface.node[1] = node
    return interface


def _pad(number: int, entity: int, index: int, is_source: bool) -> media.Pad:
    flags = media.PAD_SOURCE if is_source else media.PAD_SINK
    return media.Pad(id=number, entity_id=entity, index=index, flags=flags)


def _fill(address: int, rows: list[Any]) -> None:
    size = ctypes.sizeof(rows[0])
    for index, row in enumerate(rows):
        ctypes.memmove(address + index * size, ctypes.addressof(row), size)


HD = PRESETS["1080p30"]
