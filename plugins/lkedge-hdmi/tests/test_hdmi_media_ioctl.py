"""Sizes and request numbers are those that a C compiler gives for <linux/media.h> on 64 bit."""

from __future__ import annotations

import ctypes

import pytest
from lkedge_hdmi import media_ioctl as media
from lkedge_hdmi.graph import Entity, Graph, Link, Pad

SIZES = {
    media.Entity: 96,
    media.Interface: 112,
    media.Pad: 32,
    media.Link: 40,
    media.Topology: 72,
    media.PadDescription: 20,
    media.LinkDescription: 52,
}


@pytest.mark.parametrize("structure", SIZES, ids=lambda structure: structure.__name__)
def test_structures_have_the_size_of_the_kernels(structure: type[ctypes.Structure]) -> None:
    assert ctypes.sizeof(structure) == SIZES[structure]


def test_request_numbers_and_offsets_are_the_kernels() -> None:
    assert (media.G_TOPOLOGY, media.SETUP_LINK) == (0xC0487C04, 0xC0347C03)
    assert media.Interface.node.offset == 48
    assert (media.Topology.ptr_entities.offset, media.Topology.num_links.offset) == (16, 56)
    assert (media.LinkDescription.sink.offset, media.LinkDescription.flags.offset) == (20, 40)
    assert media.PadDescription.flags.offset == 8


def test_a_bridge_without_a_way_has_no_route() -> None:
    bridge = Entity(1, "tc358743 1-000f", (81, 9), False)
    graph = Graph((bridge, Entity(2, "csi2", None, False)), (Pad(11, 1, 0, True), Pad(21, 2, 0, False)), ())
    assert graph.bridges() == [bridge]
    assert graph.bridges("adv") == []
    assert graph.route(bridge) == []


def test_a_circle_ends() -> None:
    bridge = Entity(1, "tc358743 1-000f", (81, 9), False)
    pads = (Pad(11, 1, 0, True), Pad(20, 2, 0, False), Pad(21, 2, 1, True))
    links = (Link(11, 20, True, False), Link(21, 20, True, False))
    assert Graph((bridge, Entity(2, "mux", None, False)), pads, links).route(bridge) == []
