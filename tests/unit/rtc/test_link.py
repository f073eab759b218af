"""The link between DTLS and whichever path there is."""

from __future__ import annotations

import pytest

from lkedge.rtc.link import MAX_QUEUED_DATAGRAMS, IceLink


async def test_link_drops_what_would_kill_the_pump() -> None:
    link = IceLink("controlling")
    for data in (b"", bytes(1501), b"good", bytes(1500)):
        link.deliver(data)
    assert await link._recv() == b"good"
    assert len(await link._recv()) == 1500
    assert link.dropped == 2


async def test_link_is_bounded() -> None:
    link = IceLink("controlling")
    for number in range(MAX_QUEUED_DATAGRAMS + 3):
        link.deliver(number.to_bytes(2, "big"))
    assert link.dropped == 3
    assert await link._recv() == b"\0\0"


async def test_link_without_path_loses_what_is_sent() -> None:
    link = IceLink("controlling")
    await link._send(b"data")
    assert link.target is None


async def test_closed_link_ends_its_reader() -> None:
    link = IceLink("controlling")
    link.close()
    with pytest.raises(ConnectionError):
        await link._recv()
