"""Chromium with livekit-client sees and hears what lkedge publishes, through the viewer page."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from pathlib import Path

import pytest

from lkedge.viewer.server import ViewerServer
from tests.browser.chromium import Page
from tests.sfu.harness.daemon import RunningDaemon, config_text, running_daemon, write_config
from tests.sfu.harness.sfu import Sfu

StartSfu = Callable[..., Awaitable[Sfu]]

PICTURE_AND_TONE = """
[[track]]
name = "picture"
source = "testsrc"
capture = {{ width = 1280, height = 720, framerate = 30 }}
publish = {{ video_codec = "{codec}" }}

[[track]]
name = "tone"
source = "tone"
"""
WIDTH = "document.querySelector('#video').videoWidth"
SHOWN = "document.body.dataset.picture === 'shown'"
COVER = "document.querySelector('#cover-title').textContent"
FRAMES = "document.querySelector('#video').getVideoPlaybackQuality().totalVideoFrames"
PICTURE = ".stage"


def publishing(sfu: Sfu, room: str, folder: Path, codec: str = "vp8") -> AbstractAsyncContextManager[RunningDaemon]:
    """lkedge with a picture in three layers and a tone."""
    text = config_text(sfu, room, PICTURE_AND_TONE.format(codec=codec))
    return running_daemon(write_config(folder, sfu, text))


async def facts(page: Page) -> dict[str, str]:
    """What the page says of what it receives."""
    return {name: await page.text(f"#{name}") for name in ("size", "layer", "codec")}


@pytest.mark.parametrize(("codec", "shown_as"), [("vp8", "VP8"), ("h264", "H.264")])
async def test_the_picture_moves_in_every_quality(
    page: Page, sfu: Sfu, room_name: str, tmp_path: Path, artifacts: Path, codec: str, shown_as: str
) -> None:
    async with publishing(sfu, room_name, tmp_path, codec) as daemon:
        for quality, size, layer in (
            ("HIGH", "1280 × 720", "f · high"),
            ("LOW", "320 × 180", "q · low"),
            ("MEDIUM", "640 × 360", "h · medium"),
        ):
            await page.click(f"[data-quality={quality}]")
            await page.wait_for(f"{WIDTH} === {size.split()[0]} && {SHOWN}")
            await page.wait_for(f"document.querySelector('#size').textContent === '{size}'")
            assert await facts(page) == {"size": size, "layer": layer, "codec": shown_as}
            before = await page.eval(FRAMES)
            first = await page.screenshot(artifacts / f"{quality}-1.png", PICTURE)
            await page.wait_for(f"{FRAMES} > {before} + 5")
            assert first != await page.screenshot(artifacts / f"{quality}-2.png", PICTURE)
        await daemon.wait_for(lambda: daemon.active("picture") == "qh")
        await page.screenshot(artifacts / "page.png")
    assert await page.problems() == []


async def test_hiding_the_video_stops_every_layer_and_the_source_and_showing_brings_them_back(
    page: Page, sfu: Sfu, room_name: str, tmp_path: Path
) -> None:
    async with publishing(sfu, room_name, tmp_path) as daemon:
        await page.wait_for(SHOWN)
        sid = daemon.track("picture").sid

        await page.click("#hide")
        await page.wait_for(f"{COVER} === 'Video is hidden'")
        await daemon.wait_for(lambda: not daemon.active("picture") and not daemon.track("picture").captures)
        assert {layer.reason for layer in daemon.track("picture").layers} == {"not subscribed"}

        await page.click("#hide")
        await page.wait_for(SHOWN)
        await daemon.wait_for(lambda: daemon.track("picture").captures)
        assert daemon.track("picture").sid == sid


async def test_sound_is_muted_until_it_is_asked_for(page: Page, sfu: Sfu, room_name: str, tmp_path: Path) -> None:
    async with publishing(sfu, room_name, tmp_path):
        await page.wait_for("!document.querySelector('#unmute').hidden")
        assert await page.eval("document.querySelector('audio').muted")

        await page.click("#unmute")

        await page.wait_for("!document.querySelector('audio').muted && !document.querySelector('audio').paused")
        await page.wait_for("document.querySelector('#audio-bitrate').textContent.includes('kbit/s')")
        assert await page.eval("document.querySelector('#unmute').hidden")


async def test_an_empty_room_is_said_and_the_picture_comes_by_itself(
    page: Page, sfu: Sfu, room_name: str, tmp_path: Path
) -> None:
    for _ in range(2):
        await page.wait_for(f"{COVER} === 'Nobody is here'")
        async with publishing(sfu, room_name, tmp_path):
            await page.wait_for(SHOWN)


async def test_the_page_comes_back_after_the_server_was_away(
    start_sfu: StartSfu, room_name: str, tmp_path: Path
) -> None:
    own = await start_sfu()
    viewer = ViewerServer(lambda: {"url": own.url, "token": own.token("viewer", room_name), "room": room_name})
    viewer.start()
    try:
        async with Page() as page:
            await page.open(viewer.url)
            await page.wait_for("document.body.dataset.state === 'connected'")
            await own.stop()
            await page.wait_for("document.body.dataset.state !== 'connected'")
            await own.start()
            async with publishing(own, room_name, tmp_path):
                await page.wait_for(SHOWN, 45)
    finally:
        viewer.stop()
