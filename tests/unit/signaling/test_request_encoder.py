from __future__ import annotations

from livekit.protocol import models, rtc

from lkedge.media.layers import VideoEncoding, simulcast_ladder
from lkedge.signaling import requests
from lkedge.signaling.request_encoder import encode
from lkedge.terms import BitsPerSecond, Cid, Codec, TrackSid, TrackSource


def encoded(request: requests.SignalRequest) -> rtc.SignalRequest:
    return rtc.SignalRequest.FromString(encode(request))


def test_a_camera_declares_its_layers_twice() -> None:
    ladder = simulcast_ladder(1280, 720, VideoEncoding(BitsPerSecond(1_700_000), 30))
    request = requests.AddTrack(Cid("c"), "front", TrackSource.CAMERA, Codec.H264, 1280, 720, ladder, muted=True)

    track = encoded(request).add_track

    assert (track.cid, track.name, track.type, track.source) == ("c", "front", models.TrackType.VIDEO, models.CAMERA)
    assert (track.width, track.height, track.muted) == (1280, 720, True)
    assert [(layer.quality, layer.width, layer.bitrate) for layer in track.layers] == [
        (models.VideoQuality.LOW, 320, 160_000),
        (models.VideoQuality.MEDIUM, 640, 450_000),
        (models.VideoQuality.HIGH, 1280, 1_700_000),
    ]
    (codec,) = track.simulcast_codecs
    assert (codec.codec, codec.cid, list(codec.layers)) == ("h264", "c", list(track.layers))


def test_a_microphone_declares_what_is_encoded() -> None:
    request = requests.AddTrack(Cid("m"), "mic", TrackSource.MICROPHONE, Codec.OPUS, dtx=False, stereo=True, red=False)

    track = encoded(request).add_track

    assert (track.type, track.disable_dtx, track.stereo, track.disable_red) == (
        models.TrackType.AUDIO,
        True,
        True,
        True,
    )
    assert set(track.audio_features) == {models.AudioTrackFeature.TF_STEREO, models.AudioTrackFeature.TF_NO_DTX}
    assert not track.simulcast_codecs


def test_a_spare_codec_makes_two_of_which_the_first_is_sent() -> None:
    request = requests.AddTrack(Cid("m"), "mic", TrackSource.MICROPHONE, Codec.OPUS, spare_codec="pcmu")

    track = encoded(request).add_track

    assert [(codec.codec, codec.cid) for codec in track.simulcast_codecs] == [("opus", "m"), ("pcmu", "")]
    assert track.backup_codec_policy == models.BackupCodecPolicy.SIMULCAST


def test_descriptions_and_candidates() -> None:
    assert encoded(requests.Offer("sdp", 3)).offer == rtc.SessionDescription(type="offer", sdp="sdp", id=3)
    assert encoded(requests.Answer("sdp", 4)).answer == rtc.SessionDescription(type="answer", sdp="sdp", id=4)
    trickle = encoded(requests.Trickle("{}", requests.SignalTarget.SUBSCRIBER, final=True)).trickle
    assert trickle == rtc.TrickleRequest(candidateInit="{}", target=rtc.SignalTarget.SUBSCRIBER, final=True)


def test_leave_is_for_good() -> None:
    leave = encoded(requests.Leave()).leave
    assert leave.reason == models.DisconnectReason.CLIENT_INITIATED
    assert leave.action == rtc.LeaveRequest.Action.DISCONNECT


def test_sync_state_carries_the_track_info_with_its_sid() -> None:
    info = models.TrackInfo(sid="TR_old", name="front").SerializeToString()
    tracks = (
        requests.PublishedTrack(Cid("c"), TrackSid("TR_1"), info),
        requests.PublishedTrack(Cid("d"), TrackSid("TR_2")),
    )

    state = encoded(requests.SyncState(tracks)).sync_state

    assert [(entry.cid, entry.track.sid, entry.track.name) for entry in state.publish_tracks] == [
        ("c", "TR_1", "front"),
        ("d", "TR_2", ""),
    ]


def test_small_requests() -> None:
    assert encoded(requests.Mute(TrackSid("TR"), True)).mute == rtc.MuteTrackRequest(sid="TR", muted=True)
    video = encoded(requests.UpdateVideoTrack(TrackSid("TR"), 640, 360)).update_video_track
    assert (video.track_sid, video.width, video.height) == ("TR", 640, 360)
    metadata = encoded(requests.UpdateMetadata("m", "n", {"a": ""}, 9)).update_metadata
    assert (metadata.metadata, metadata.name, dict(metadata.attributes), metadata.request_id) == (
        "m",
        "n",
        {"a": ""},
        9,
    )


def test_permissions_name_identities() -> None:
    permission = requests.TrackPermission("alice", track_sids=(TrackSid("TR"),))

    sent = encoded(requests.SubscriptionPermissions(False, (permission,))).subscription_permission

    assert not sent.all_participants
    (entry,) = sent.track_permissions
    assert (entry.participant_identity, entry.all_tracks, list(entry.track_sids)) == ("alice", False, ["TR"])
