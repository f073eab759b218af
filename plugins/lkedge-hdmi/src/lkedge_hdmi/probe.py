"""Which HDMI inputs are there, for `lkedge devices`."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from lkedge_v4l2.device import Device
from lkedge_v4l2.names import stable_names

from lkedge.errors import SourceUnavailable
from lkedge.plugin.api import DeviceGroup, DeviceInfo
from lkedge.terms import TrackKind
from lkedge_hdmi.bridge import Bridge
from lkedge_hdmi.edid import edid_name
from lkedge_hdmi.kernel import HdmiKernel, LinuxHdmiKernel
from lkedge_hdmi.locate import Place, all_bridges


def probe(kernel: HdmiKernel | None = None) -> list[DeviceInfo]:
    """All inputs that know their signal, with that signal; nothing is changed on them."""
    kernel = kernel or LinuxHdmiKernel()
    found = (_device_info(place, kernel) for place in all_bridges(kernel))
    return [info for info in found if info is not None]


def _device_info(place: Place, kernel: HdmiKernel) -> DeviceInfo | None:
    try:
        device = Device(place.video, kernel)
    except SourceUnavailable:
        return None
    try:
        details = {"node": place.video, "driver": f"{device.driver}, {device.bus}", **_facts(place, device, kernel)}
        stable = stable_names(kernel).get(place.video, place.video)
        config = "\n".join(_config(device.card, stable))
        return DeviceInfo("hdmi", device.card, TrackKind.VIDEO, config, details, DeviceGroup.HDMI)
    finally:
        device.close()


def _facts(place: Place, device: Device, kernel: HdmiKernel) -> dict[str, str]:
    facts = {"bridge": f"{place.name} ({place.bridge}, {place.media})"} if place.media else {}
    with contextlib.suppress(OSError):
        fd = device.fd if place.bridge == place.video else kernel.open(place.bridge)
        try:
            bridge = Bridge(fd, kernel)
            facts["signal"] = str(bridge.signal())
            edid = bridge.edid()
        finally:
            if fd != device.fd:
                kernel.close(fd)
        if edid is not None:
            facts["EDID"] = (edid_name(edid) or f"{len(edid)} bytes") if edid else "none; sources stay dark without"
    return facts


def _config(card: str, device: str) -> Iterator[str]:
    name = "-".join("".join(letter if letter.isalnum() else " " for letter in card.lower()).split()) or "hdmi"
    yield "[[track]]"
    yield f'name = "{name}"'
    yield 'source = "hdmi"'
    yield 'publish_as = "screen_share"'
    yield f'hdmi = {{ device = "{device}", edid = "1080p30" }}'
