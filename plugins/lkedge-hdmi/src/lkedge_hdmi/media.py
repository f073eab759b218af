"""Reads a media device, and sets up the way from the bridge to the node with the pictures."""

from __future__ import annotations

import ctypes
from collections.abc import Iterator
from typing import Any

from lkedge_v4l2 import videodev2_dv as dv

from lkedge_hdmi import media_ioctl as media
from lkedge_hdmi.graph import Entity, Graph, Link, Pad
from lkedge_hdmi.kernel import HdmiKernel

UYVY8_1X16 = 0x200F
"""MEDIA_BUS_FMT_UYVY8_1X16: what bridges on CSI send for the pixel format UYVY."""

ACTIVE = 1


class MediaDevice:
    """An open media device with its graph. Belongs to one thread; close it."""

    def __init__(self, path: str, kernel: HdmiKernel) -> None:
        """Raises OSError."""
        self.path = path
        self._kernel = kernel
        self._fd = kernel.open(path)
        try:
            self.graph = self._read()
        except BaseException:
            self.close()
            raise

    def set_up(self, route: list[Link], width: int, height: int) -> None:
        """Enable the links of a route, and let all its pads carry UYVY of this size. Raises OSError."""
        for link in route:
            self._enable(link)
            self._set_format(self.graph.pad(link.source), width, height)
            self._set_format(self.graph.pad(link.sink), width, height)

    def close(self) -> None:
        """Once."""
        self._kernel.close(self._fd)

    def _enable(self, link: Link) -> None:
        if link.is_enabled or link.is_immutable:
            return
        description = media.LinkDescription(
            source=self._description(link.source), sink=self._description(link.sink), flags=media.LINK_ENABLED
        )
        self._kernel.ioctl(self._fd, media.SETUP_LINK, description)

    def _description(self, number: int) -> media.PadDescription:
        pad = self.graph.pad(number)
        flags = media.PAD_SOURCE if pad.is_source else media.PAD_SINK
        return media.PadDescription(entity=pad.entity, index=pad.index, flags=flags)

    def _set_format(self, pad: Pad, width: int, height: int) -> None:
        entity = self.graph.entity(pad.entity)
        if entity.is_video or entity.node is None:
            return
        fd = self._kernel.open(self._kernel.node_path(entity.node))
        try:
            bus = dv.BusFormat(width=width, height=height, code=UYVY8_1X16, field=1)
            self._kernel.ioctl(fd, dv.SUBDEV_S_FMT, dv.SubdevFormat(which=ACTIVE, pad=pad.index, format=bus))
        finally:
            self._kernel.close(fd)

    def _read(self) -> Graph:
        topology = media.Topology()
        self._kernel.ioctl(self._fd, media.G_TOPOLOGY, topology)
        entities = (media.Entity * topology.num_entities)()
        interfaces = (media.Interface * topology.num_interfaces)()
        pads = (media.Pad * topology.num_pads)()
        links = (media.Link * topology.num_links)()
        topology.ptr_entities, topology.ptr_interfaces = ctypes.addressof(entities), ctypes.addressof(interfaces)
        topology.ptr_pads, topology.ptr_links = ctypes.addressof(pads), ctypes.addressof(links)
        self._kernel.ioctl(self._fd, media.G_TOPOLOGY, topology)
        return Graph(
            tuple(_entities(entities, interfaces, links)),
            tuple(Pad(pad.id, pad.entity_id, pad.index, bool(pad.flags & media.PAD_SOURCE)) for pad in pads),
            tuple(_link(link) for link in links if not link.flags & media.LINK_TYPE),
        )


def _entities(entities: Any, interfaces: Any, links: Any) -> Iterator[Entity]:
    by_id = {interface.id: interface for interface in interfaces}
    owner = {link.sink_id: by_id[link.source_id] for link in links if link.source_id in by_id}
    for entity in entities:
        interface = owner.get(entity.id)
        node = None if interface is None else (interface.node[0], interface.node[1])
        is_video = interface is not None and interface.intf_type == media.INTERFACE_VIDEO
        yield Entity(entity.id, entity.name.decode("utf-8", "replace"), node, is_video)


def _link(link: media.Link) -> Link:
    return Link(
        link.source_id, link.sink_id, bool(link.flags & media.LINK_ENABLED), bool(link.flags & media.LINK_IMMUTABLE)
    )
