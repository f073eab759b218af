"""An encoder node that stalls or fails: it is rebuilt, then the next encoder takes over, in the same track."""

from __future__ import annotations

from tests.device.harness import lab_encoder
from tests.device.harness.faults import encoder_damages, encoder_stalls
from tests.device.harness.guest import Guest
from tests.device.harness.watched import DEADLINE_S, ENOUGH, Watched, watching
from tests.sfu.harness.sfu import Sfu

HARDWARE = f"""
[[track]]
name = "front"
source = "testsrc"
capture = {{ width = 640, height = 360, framerate = 3 }}
publish = {{ video_codec = "h264", simulcast = false, encoder = "{lab_encoder.NAME}" }}
"""
"""The smallest size that vicodec does."""


async def expect_pictures(watched: Watched, encoder: str) -> None:
    """New ones in the same track, by that encoder; no worker was restarted for it."""
    await watched.daemon.wait_for(lambda: watched.track["encoder"] == encoder, DEADLINE_S)
    await watched.viewer.wait_for_frames("front", ENOUGH, DEADLINE_S)
    await watched.daemon.update()
    assert watched.track["encoder"] == encoder
    await watched.expect_same_worker()
    await watched.expect_pattern_went_on()


async def test_an_encoder_that_fails_once_is_rebuilt(guest: Guest, lab_sfu: Sfu, room_name: str) -> None:
    async with watching(guest, lab_sfu, room_name, HARDWARE, plugin=lab_encoder) as watched:
        assert watched.track["encoder"] == lab_encoder.NAME
        await encoder_damages(guest, 1)
        await watched.daemon.wait_for_journal("damaged a picture", DEADLINE_S)
        await expect_pictures(watched, lab_encoder.NAME)
        journal = await watched.daemon.journal()

    assert "an encoder is rebuilt: encoder vicodec: " in journal
    assert "takes over" not in journal
    assert watched.states <= {"published"}


async def test_the_next_encoder_takes_over_from_one_that_stalls(guest: Guest, lab_sfu: Sfu, room_name: str) -> None:
    async with watching(guest, lab_sfu, room_name, HARDWARE, plugin=lab_encoder) as watched:
        assert watched.track["encoder"] == lab_encoder.NAME
        async with encoder_stalls(guest):
            await expect_pictures(watched, "x264")
        journal = await watched.daemon.journal()

    assert "an encoder is rebuilt: encoder vicodec: " in journal
    assert "takes over: encoder vicodec: " in journal
    assert journal.count("no result from vicodec") == 2
    assert watched.states <= {"published"}
