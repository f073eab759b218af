"""Finds the node with the pictures and, where it has one, the subdevice of the bridge."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass

from lkedge_v4l2.names import find_device

from lkedge_hdmi.bridge import Bridge
from lkedge_hdmi.graph import Link
from lkedge_hdmi.kernel import HdmiKernel
from lkedge_hdmi.media import MediaDevice


@dataclass(frozen=True, slots=True)
class Place:
    """Where an HDMI input is.

    video: the node with the pictures. bridge: the node that takes EDID and timings, often the same.
    media, route: how they are connected, "" and () when they are one.
    """

    video: str
    bridge: str
    name: str
    media: str = ""
    route: tuple[Link, ...] = ()


def find_input(wanted: str, kernel: HdmiKernel) -> Place | None:
    """The input that the option `device` means, "" for the first bridge; None when it is not there."""
    if not wanted:
        return next(all_bridges(kernel), None)
    path = find_device(wanted, kernel)
    if not kernel.exists(path):
        return None
    in_graph = (place for place in _places_in_graphs(kernel, path) if _is_same(place.video, path, kernel))
    place = next(in_graph, None)
    return Place(path, path if place is None else place.bridge, path, *_connection(place))


def all_bridges(kernel: HdmiKernel) -> Iterator[Place]:
    """All inputs that know their signal: in media graphs, then plain video nodes."""
    taken = set()
    for place in _places_in_graphs(kernel):
        taken.add(place.video)
        yield place
    for path in kernel.video_nodes():
        if path not in taken and _knows_timings(path, kernel):
            yield Place(path, path, path)


def _places_in_graphs(kernel: HdmiKernel, video: str = "") -> Iterator[Place]:
    """With `video`: only ways to that node."""
    for path in kernel.media_nodes():
        try:
            device = MediaDevice(path, kernel)
        except OSError:
            continue
        try:
            yield from _places_in(device, kernel, video)
        finally:
            device.close()


def _places_in(device: MediaDevice, kernel: HdmiKernel, video: str) -> Iterator[Place]:
    for bridge in device.graph.bridges():
        with contextlib.suppress(OSError):
            route = device.graph.route(bridge, kernel.number(video) if video else None)
            end = device.graph.entity(device.graph.pad(route[-1].sink).entity) if route else None
            if end is not None and end.node is not None and bridge.node is not None:
                nodes = kernel.node_path(end.node), kernel.node_path(bridge.node)
                yield Place(*nodes, bridge.name, device.path, tuple(route))


def _connection(place: Place | None) -> tuple[str, tuple[Link, ...]]:
    return ("", ()) if place is None else (place.media, place.route)


def _is_same(one: str, other: str, kernel: HdmiKernel) -> bool:
    try:
        return kernel.number(one) == kernel.number(other)
    except OSError:
        return False


def _knows_timings(path: str, kernel: HdmiKernel) -> bool:
    try:
        fd = kernel.open(path)
    except OSError:
        return False
    try:
        return Bridge(fd, kernel).has_timings()
    finally:
        kernel.close(fd)
