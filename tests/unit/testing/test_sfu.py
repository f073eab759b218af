"""The loop-back SFU, with the least publisher there is."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest

from lkedge.rtp.feedback import TransportFeedback, parse_compound
from lkedge.signaling import events
from lkedge.signaling.claims import Grants
from lkedge.terms import TrackSource, VideoQuality
from lkedge.testing.sfu import LoopbackSfu
from lkedge.testing.sfu_dynacast import DynacastTiming
from lkedge.testing.sfu_rtcp import walk
from lkedge.testing.sfu_rtp import every_nth, once
from lkedge.testing.sfu_settings import Faults, SfuSettings
from tests.unit.testing.mini_publisher import VP8_DELTA, VP8_KEY, MiniPublisher, Sender

MS = 1_000_000
QUICK = SfuSettings(dynacast=DynacastTiming(pause_delay_ns=50 * MS, initial_wait_ns=100 * MS))


@asynccontextmanager
async def room(
    settings: SfuSettings = QUICK, faults: Faults | None = None
) -> AsyncIterator[tuple[LoopbackSfu, MiniPublisher]]:
    async with LoopbackSfu(settings, faults) as sfu:
        publisher = MiniPublisher(sfu)
        try:
            await publisher.join()
            yield sfu, publisher
        finally:
            await publisher.close()


async def publish(publisher: MiniPublisher, name: str = "front") -> list[Sender]:
    """A simulcast track whose layers have all begun; low to high."""
    await publisher.add_video(name)
    await publisher.negotiate()
    senders = [Sender(10 + index, "0", rid) for index, rid in enumerate(("q", "h", "f"))]
    for sender in senders:
        await publisher.send(sender, VP8_KEY)
        await publisher.send_bytes(sender.report())
    sfu = publisher.sfu
    track = await sfu.wait_for_track(name)
    await sfu.until(lambda: len(track.streams) == 3 and all(stream.reports for stream in track.streams.values()))
    return senders


def is_update(**wanted: bool) -> Callable[[events.SignalEvent], bool]:
    qualities = {VideoQuality[name]: enabled for name, enabled in wanted.items()}

    def matches(event: events.SignalEvent) -> bool:
        return isinstance(event, events.SubscribedQualityUpdate) and event.wanted("vp8") == qualities

    return matches


async def test_receives_three_layers_and_finds_nothing_wrong() -> None:
    async with room() as (sfu, publisher):
        await publish(publisher)
        track = await sfu.wait_for_track("front")
        await sfu.until(lambda: track.frames("f"))

        assert set(track.streams) == {"q", "h", "f"}
        assert sfu.violations == []
        (frame,) = track.frames("f")
        assert (frame.rid, frame.is_key, frame.is_decodable, frame.data) == ("f", True, True, VP8_KEY[1:])


async def test_audio_is_published_by_the_sdp_alone() -> None:
    async with room() as (sfu, publisher):
        await publisher.add_audio("mic")
        await publisher.negotiate()
        track = await sfu.wait_for_track("mic")

        sender = Sender(publisher.sections[0].ssrc, "0", payload_type=111)
        await publisher.send_bytes(sender.packet(b"opus packet"))
        await sfu.until(lambda: track.frames())

        assert track.frames()[0].data == b"opus packet"


async def test_the_participant_becomes_active_with_its_media() -> None:
    async with room() as (_, publisher):
        await publish(publisher)
        await publisher.wait(
            lambda event: isinstance(event, events.ParticipantUpdated) and event.participant.state == "active"
        )


async def test_dynacast_follows_the_subscribers() -> None:
    async with room() as (sfu, publisher):
        await publish(publisher)
        track = await sfu.wait_for_track("front")

        sfu.subscribe(track, VideoQuality.MEDIUM)
        await publisher.wait(is_update(LOW=True, MEDIUM=True, HIGH=False))
        await publisher.wait(lambda event: isinstance(event, events.TrackSubscribed))
        sfu.subscribe(track, VideoQuality.LOW)
        await publisher.wait(is_update(LOW=True, MEDIUM=False, HIGH=False))
        sfu.subscribe(track, VideoQuality.HIGH, "another")
        await publisher.wait(is_update(LOW=True, MEDIUM=True, HIGH=True))
        sfu.unsubscribe(track)
        sfu.unsubscribe(track, "another")
        await publisher.wait(is_update(LOW=False, MEDIUM=False, HIGH=False))


async def test_everything_off_when_nobody_ever_subscribes() -> None:
    async with room() as (_, publisher):
        await publish(publisher)
        await publisher.wait(is_update(LOW=False, MEDIUM=False, HIGH=False))


async def test_nacks_what_the_loss_pattern_took() -> None:
    async with room(faults=Faults(loss=once(every_nth(5)))) as (sfu, publisher):
        low, *_ = await publish(publisher)
        track = await sfu.wait_for_track("front")
        stream = track.stream("q")
        sent = {}
        while not any(packet_type == 205 and fmt == 1 for data in publisher.rtcp for packet_type, fmt, _ in walk(data)):
            low.timestamp += 3000
            await publisher.send(low, VP8_DELTA)
            sent[low.sequence] = low.timestamp
            await asyncio.sleep(0.005)
        assert stream.missing
        lost = min(stream.nacked)
        low.timestamp, newest = sent[lost & 0xFFFF], low.timestamp

        await publisher.send_bytes(low.packet(VP8_DELTA, sequence=lost & 0xFFFF))
        low.timestamp = newest
        await sfu.until(lambda: stream.recovered)

        assert sfu.violations == []


async def test_transport_feedback_covers_what_arrived() -> None:
    async with room() as (sfu, publisher):
        low, *_ = await publish(publisher)
        for _ in range(150):
            low.timestamp += 3000
            await publisher.send(low, VP8_DELTA)
        await sfu.until(lambda: (sfu.participant().publisher.media.streams[low.ssrc].packets) == 151)
        async with asyncio.timeout(5):
            while not (reports := [data for data in publisher.rtcp if data[1] == 205 and data[0] & 31 == 15]):
                await asyncio.sleep(0)

        (feedback,) = parse_compound(reports[0])
        assert isinstance(feedback, TransportFeedback)
        assert feedback.base_sequence == 1
        assert all(arrival is not None for _, arrival in feedback.packets)


async def test_a_key_frame_can_be_asked_for_per_layer() -> None:
    async with room() as (sfu, publisher):
        senders = await publish(publisher)
        track = await sfu.wait_for_track("front")

        await sfu.request_key_frame(track, VideoQuality.MEDIUM)
        async with asyncio.timeout(5):
            while not publisher.rtcp:
                await asyncio.sleep(0)

        assert publisher.rtcp[-1] == b"\x81\xce\x00\x02" + 2 * senders[1].ssrc.to_bytes(4, "big")


async def test_resume_keeps_the_media() -> None:
    async with room() as (sfu, publisher):
        low, *_ = await publish(publisher)
        sid = sfu.participant().sid
        sfu.drop_socket(sfu.participant())
        await publisher.wait(lambda event: isinstance(event, events.SignalClosed))
        await sfu.until(lambda: sfu.participant().socket is None)

        await publisher.resume()
        await publisher.send(low, VP8_DELTA)
        track = await sfu.wait_for_track("front")
        await sfu.until(lambda: len(track.frames("q")) == 2)

        assert (sfu.participant().sid, sfu.participant().resumes) == (sid, 1)
        await publisher.wait(is_update(LOW=False, MEDIUM=False, HIGH=False))


async def test_without_media_a_lost_socket_is_the_end() -> None:
    async with room() as (sfu, _):
        sfu.drop_socket(sfu.participant())
        await sfu.until(lambda: not sfu.participants)


async def test_ice_restart_keeps_the_streams() -> None:
    async with room() as (sfu, publisher):
        low, *_ = await publish(publisher)
        await publisher.negotiate(restart=True)
        await publisher.send(low, VP8_DELTA)
        track = await sfu.wait_for_track("front")
        await sfu.until(lambda: len(track.frames("q")) == 2)

        assert sfu.participant().publisher.transport.restarts == 1
        assert sfu.violations == []


async def test_silence_ends_in_a_resume_request_and_then_removal() -> None:
    settings = SfuSettings(ice_timeout_s=0.3, cleanup_s=0.5)
    async with room(settings) as (sfu, publisher):
        await publish(publisher)
        sfu.silence(sfu.participant(), 60)

        left = await publisher.wait(lambda event: isinstance(event, events.Left))
        assert left == events.Left(events.LeaveAction.RESUME, "CONNECTION_TIMEOUT")
        await sfu.until(lambda: not sfu.participants)


async def test_tracks_come_and_go() -> None:
    async with room() as (sfu, publisher):
        await publish(publisher)
        await publisher.add_audio("mic")
        await publisher.negotiate()
        await sfu.wait_for_track("mic")
        publisher.sections[0].direction = "inactive"
        answer = await publisher.negotiate()

        await sfu.until(lambda: [track.name for track in sfu.tracks()] == ["mic"])
        assert answer.count("a=inactive") == 1
        assert sfu.violations == []


async def test_mute_goes_both_ways() -> None:
    async with room() as (sfu, publisher):
        await publish(publisher)
        track = await sfu.wait_for_track("front")
        sfu.mute(track)
        event = await publisher.wait(lambda event: isinstance(event, events.MuteRequested))
        assert event == events.MuteRequested(events.TrackSid(track.sid), True)


@pytest.mark.parametrize("grants", [Grants(can_publish=False), Grants(sources=(TrackSource.MICROPHONE,))])
async def test_a_token_may_not_permit_the_source(grants: Grants) -> None:
    async with LoopbackSfu(QUICK) as sfu:
        publisher = MiniPublisher(sfu)
        await publisher.join(grants=grants)
        await publisher.add_video("front")
        assert publisher.events[-1] == events.RequestRefused("add_track", "NOT_ALLOWED", cid=events.Cid("cid-front"))
        await publisher.close()


async def test_answers_can_be_late_and_sections_rejected() -> None:
    async with room(faults=Faults(answer_delay_s=0.05, candidate_delay_s=0.05, rejected_mids={"1"})) as (
        sfu,
        publisher,
    ):
        await publisher.add_audio("mic")
        await publisher.add_audio("second")
        answer = await publisher.negotiate()

        assert "m=audio 0 " in answer
        assert "a=candidate" not in answer
        await sfu.wait_for_track("mic")
        assert [track.name for track in sfu.tracks()] == ["mic"]


async def test_later_answers_carry_candidates_that_are_not_for_us() -> None:
    async with room() as (_, publisher):
        await publish(publisher)
        answer = await publisher.negotiate()
        candidates = [line.split() for line in answer.splitlines() if line.startswith("a=candidate")]
        assert {(line[1], line[2]) for line in candidates} == {("1", "tcp"), ("1", "udp"), ("2", "udp")}


async def test_what_a_real_server_would_suffer_from() -> None:
    async with room() as (sfu, publisher):
        low, *_ = await publish(publisher)
        low.sequence -= 1000
        await publisher.send(low, VP8_DELTA)
        await publisher.send(Sender(99, "0", "h"), VP8_KEY)
        low.sequence += 2000
        low.timestamp -= 90_000
        await publisher.send(low, VP8_DELTA)
        await sfu.until(lambda: len(sfu.violations) >= 3)

        found = " | ".join(sfu.violations)
        assert "sequence number" in found
        assert "duplicate layer" in found
        assert "timestamp" in found


async def test_a_stopped_server_comes_back_on_its_port() -> None:
    async with LoopbackSfu() as sfu:
        publisher = MiniPublisher(sfu)
        await publisher.join()
        url = sfu.url
        await sfu.stop()
        left = await publisher.wait(lambda event: isinstance(event, events.Left))
        assert left == events.Left(events.LeaveAction.DISCONNECT, "SERVER_SHUTDOWN")
        await sfu.start()
        assert sfu.url == url
        await publisher.client.close(leave=False)
        await publisher.join()
        await publisher.close()


async def test_until_gives_up() -> None:
    async with LoopbackSfu() as sfu:
        with pytest.raises(TimeoutError):
            await sfu.until(lambda: False, timeout_s=0.01)
