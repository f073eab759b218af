from __future__ import annotations

import pytest
from livekit.protocol import models, rtc

from lkedge.signaling import events, requests
from lkedge.signaling.protocol import SignalProtocol
from lkedge.terms import ConnectionQuality, TrackSource, VideoQuality

S = 1_000_000_000
MS = 1_000_000


def join_response(**fields: object) -> bytes:
    join = rtc.JoinResponse(
        room=models.Room(name="room", sid="RM_1"),
        participant=models.ParticipantInfo(sid="PA_us", identity="camera"),
        other_participants=[models.ParticipantInfo(sid="PA_1", identity="alice")],
        ping_interval=5,
        ping_timeout=15,
    )
    return rtc.SignalResponse(join=join).SerializeToString()


def joined(now_ns: int = 0) -> SignalProtocol:
    protocol = SignalProtocol(now_ns)
    protocol.receive(join_response(), now_ns)
    return protocol


def received(protocol: SignalProtocol, **fields: object) -> list[events.SignalEvent]:
    return protocol.receive(rtc.SignalResponse(**fields).SerializeToString(), 0)  # type: ignore[arg-type]


def test_join_tells_who_we_are() -> None:
    protocol = SignalProtocol(0)

    (event,) = protocol.receive(join_response(), 0)

    assert isinstance(event, events.Joined)
    assert (event.room_name, event.participant.sid, event.other_participants) == ("room", "PA_us", 1)
    assert (protocol.sid, protocol.identity, protocol.other_participants) == ("PA_us", "camera", 1)


@pytest.mark.parametrize(
    ("version", "edition", "tells"),
    [
        ("1.13.5", "Standard", True),
        ("1.9.12", "Standard", True),
        ("1.9.11", "Standard", False),
        ("2.0.0-rc1", "Standard", True),
        ("1.13.5", "Cloud", False),
        ("", "Standard", False),
        ("nightly", "Standard", False),
    ],
)
def test_which_servers_tell_of_listeners(version: str, edition: str, tells: bool) -> None:
    info = models.ServerInfo(version=version, edition=models.ServerInfo.Edition.Value(edition))
    (event,) = received(SignalProtocol(0), join=rtc.JoinResponse(server_info=info))
    assert isinstance(event, events.Joined)
    assert event.tells_listeners is tells


@pytest.mark.parametrize("data", [b"\xff\xff\xff\xff", b"HTTP/1.1 200 OK\r\n", "{}", "hello", bytes(1 << 20)])
def test_nonsense_is_counted_and_never_raises(data: bytes | str) -> None:
    protocol = joined()

    assert protocol.receive(data, 0) == []
    assert protocol.unreadable + protocol.ignored == 1


def test_text_frames_and_bytes_without_meaning_are_unreadable() -> None:
    protocol = joined()
    protocol.receive("text", 0)
    protocol.receive(b"\xff\xff\xff", 0)
    assert protocol.unreadable == 2


@pytest.mark.parametrize(
    "response",
    [
        b"",
        b"\xfa\x3f\x03abc",
        rtc.SignalResponse(media_sections_requirement=rtc.MediaSectionsRequirement(num_audios=1)).SerializeToString(),
        rtc.SignalResponse(stream_state_update=rtc.StreamStateUpdate()).SerializeToString(),
    ],
)
def test_messages_of_tomorrow_and_for_others_are_ignored(response: bytes) -> None:
    protocol = joined()

    assert protocol.receive(response, 0) == []
    assert (protocol.ignored, protocol.unreadable) == (1, 0)


def test_of_others_only_their_number_is_told() -> None:
    protocol = joined()
    gone = models.ParticipantInfo(sid="PA_1", identity="alice", state=models.ParticipantInfo.State.DISCONNECTED)
    new = [models.ParticipantInfo(sid=f"PA_{number}", identity=f"viewer {number}") for number in (2, 3)]

    assert received(protocol, update=rtc.ParticipantUpdate(participants=[gone, *new])) == [events.OthersChanged(2)]
    assert protocol.other_participants == 2
    assert received(protocol, update=rtc.ParticipantUpdate(participants=new)) == []


def test_an_earlier_session_of_ours_is_no_other_participant() -> None:
    protocol = joined()
    ghost = models.ParticipantInfo(sid="PA_old", identity="camera")

    assert received(protocol, update=rtc.ParticipantUpdate(participants=[ghost])) == []
    assert protocol.other_participants == 1


def test_an_update_about_us_becomes_an_event() -> None:
    info = models.ParticipantInfo(
        sid="PA_us",
        identity="camera",
        name="Front",
        attributes={"a": "b"},
        state=models.ParticipantInfo.State.ACTIVE,
        permission=models.ParticipantPermission(can_publish=True, can_publish_sources=[models.TrackSource.CAMERA]),
        tracks=[models.TrackInfo(sid="TR_1"), models.TrackInfo(sid="TR_2", muted=True)],
    )

    (event,) = received(joined(), update=rtc.ParticipantUpdate(participants=[info]))

    assert isinstance(event, events.ParticipantUpdated)
    participant = event.participant
    assert (participant.name, participant.attributes, participant.state) == ("Front", {"a": "b"}, "active")
    assert participant.permission.allows(TrackSource.CAMERA)
    assert not participant.permission.allows(TrackSource.MICROPHONE)
    assert (participant.track_sids, participant.muted_sids) == ({"TR_1", "TR_2"}, {"TR_2"})


def test_quality_and_loudness_of_us_only() -> None:
    protocol = joined()
    quality = rtc.ConnectionQualityUpdate(
        updates=[
            rtc.ConnectionQualityInfo(participant_sid="PA_1", quality=models.ConnectionQuality.POOR),
            rtc.ConnectionQualityInfo(participant_sid="PA_us", quality=models.ConnectionQuality.LOST, score=1.5),
        ]
    )
    speakers = rtc.SpeakersChanged(
        speakers=[models.SpeakerInfo(sid="PA_1", level=1), models.SpeakerInfo(sid="PA_us", level=0.5, active=True)]
    )

    assert received(protocol, connection_quality=quality) == [
        events.ConnectionQualityChanged(ConnectionQuality.LOST, 1.5)
    ]
    assert received(protocol, speakers_changed=speakers) == [events.SpeakersChanged(0.5, True)]


def test_after_a_resume_we_still_know_who_we_are() -> None:
    protocol = SignalProtocol(0, requests.ResumeFrom("PA_us", "camera"))
    assert isinstance(received(protocol, reconnect=rtc.ReconnectResponse())[0], events.Resumed)
    info = models.ParticipantInfo(sid="PA_us", identity="camera")

    update, others = received(protocol, update=rtc.ParticipantUpdate(participants=[info]))
    assert isinstance(update, events.ParticipantUpdated)
    assert others == events.OthersChanged(0)


def test_keeps_the_newest_token() -> None:
    protocol = joined()
    (event,) = received(protocol, refresh_token="t1")
    received(protocol, refresh_token="t2")

    assert protocol.token == "t2"
    assert "t1" not in repr(event)


def test_dynacast_by_codec_and_in_the_old_spelling() -> None:
    qualities = [
        rtc.SubscribedQuality(quality=models.VideoQuality.LOW, enabled=True),
        rtc.SubscribedQuality(quality=models.VideoQuality.HIGH, enabled=False),
        rtc.SubscribedQuality(quality=models.VideoQuality.OFF, enabled=True),
    ]
    codec = rtc.SubscribedCodec(codec="VP8", qualities=qualities)
    new = rtc.SubscribedQualityUpdate(track_sid="TR", subscribed_codecs=[codec], subscribed_qualities=qualities)
    old = rtc.SubscribedQualityUpdate(track_sid="TR", subscribed_qualities=qualities)
    wanted = {VideoQuality.LOW: True, VideoQuality.HIGH: False}

    assert received(joined(), subscribed_quality_update=new)[0].qualities == {"vp8": wanted}  # type: ignore[union-attr]
    (event,) = received(joined(), subscribed_quality_update=old)
    assert isinstance(event, events.SubscribedQualityUpdate)
    assert event.wanted("h264") == wanted


@pytest.mark.parametrize(
    ("fields", "action"),
    [
        ({"action": "RESUME"}, "resume"),
        ({"action": "RECONNECT"}, "reconnect"),
        ({"action": "DISCONNECT"}, "disconnect"),
        ({"can_reconnect": True}, "reconnect"),
    ],
)
def test_leave(fields: dict[str, object], action: str) -> None:
    leave = rtc.LeaveRequest(reason=models.DisconnectReason.SERVER_SHUTDOWN, **fields)  # type: ignore[arg-type]
    assert received(joined(), leave=leave) == [events.Left(events.LeaveAction(action), "SERVER_SHUTDOWN")]


def test_a_reason_of_tomorrow_has_a_number() -> None:
    (event,) = joined().receive(bytes([0x42, 0x02, 0x10, 0x63]), 0)
    assert event == events.Left(events.LeaveAction.DISCONNECT, "UNKNOWN_99")


def test_refusals_name_the_request() -> None:
    reason = rtc.RequestResponse.Reason
    refused = rtc.RequestResponse(reason=reason.NOT_ALLOWED, add_track=rtc.AddTrackRequest(cid="c1"), message="no")
    accepted = rtc.RequestResponse(reason=reason.OK, request_id=7)

    (event,) = received(joined(), request_response=refused)

    assert event == events.RequestRefused("add_track", "NOT_ALLOWED", "no", cid=events.Cid("c1"))
    assert received(joined(), request_response=accepted) == []


def test_pings_in_both_spellings_at_the_interval() -> None:
    protocol = joined()

    assert protocol.pings(5 * S - 1) == ()
    kinds = [rtc.SignalRequest.FromString(data).WhichOneof("message") for data in protocol.pings(5 * S)]
    assert kinds == ["ping", "ping_req"]
    assert protocol.pings(5 * S + 1) == ()


def test_round_trip_is_measured_and_reported() -> None:
    protocol = joined()
    protocol.pings(5 * S)
    pong = rtc.SignalResponse(pong_resp=rtc.Pong(last_ping_timestamp=5000))

    protocol.receive(pong.SerializeToString(), 5 * S + 42 * MS)

    assert protocol.rtt_ms == 42
    ping = rtc.SignalRequest.FromString(protocol.pings(10 * S)[1])
    assert (ping.ping_req.timestamp, ping.ping_req.rtt) == (10_000, 42)


def test_a_pong_for_no_ping_of_ours_is_no_measurement() -> None:
    protocol = joined()
    protocol.receive(
        rtc.SignalResponse(pong_resp=rtc.Pong(last_ping_timestamp=1_700_000_000_000)).SerializeToString(), S
    )
    protocol.receive(rtc.SignalResponse(pong_resp=rtc.Pong()).SerializeToString(), 100 * S)
    assert protocol.rtt_ms is None


@pytest.mark.parametrize("sign_of_life", [b"", b"\xff", "text"])
def test_any_message_is_a_sign_of_life(sign_of_life: bytes | str) -> None:
    protocol = joined()
    assert not protocol.is_silent(15 * S - 1)
    assert protocol.is_silent(15 * S)

    protocol.receive(sign_of_life, 14 * S)

    assert not protocol.is_silent(28 * S)
    assert protocol.is_silent(29 * S)


def test_deadline_is_the_ping_or_the_silence() -> None:
    protocol = joined()
    assert protocol.next_deadline_ns() == 5 * S
    protocol.pings(14 * S)
    assert protocol.next_deadline_ns() == 15 * S


def test_moved_to_another_room() -> None:
    protocol = joined()
    moved = rtc.RoomMovedResponse(token="new", participant=models.ParticipantInfo(sid="PA_2", identity="camera"))

    token, update, others = received(protocol, room_moved=moved)

    assert token == events.TokenRefreshed("new")
    assert isinstance(update, events.ParticipantUpdated)
    assert others == events.OthersChanged(0)
    assert (protocol.sid, protocol.token, protocol.other_participants) == ("PA_2", "new", 0)
