# lkedge: pure
"""SignalResponses as livekit-server sends them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from livekit.protocol import models, rtc

from lkedge.terms import VideoQuality
from lkedge.testing.sfu_settings import SfuSettings

_MIME = {"vp8": "video/VP8", "h264": "video/H264"}


def join(
    room: models.Room,
    participant: models.ParticipantInfo,
    others: Iterable[models.ParticipantInfo],
    settings: SfuSettings,
) -> rtc.SignalResponse:
    codecs = [models.Codec(mime=_MIME[name]) for name in settings.video_codecs]
    response = rtc.JoinResponse(
        room=room,
        participant=participant,
        other_participants=list(others),
        server_version=settings.server_version,
        subscriber_primary=participant.permission.can_subscribe,
        ping_interval=settings.ping_interval_s,
        ping_timeout=settings.ping_timeout_s,
        server_info=models.ServerInfo(version=settings.server_version, protocol=16),
        fast_publish=participant.permission.can_publish,
    )
    for mime in ("audio/opus", "audio/red"):
        codecs.append(models.Codec(mime=mime))
    for codec in codecs:
        response.enabled_publish_codecs.add(mime=codec.mime)
    return rtc.SignalResponse(join=response)


def reconnected(settings: SfuSettings) -> rtc.SignalResponse:
    info = models.ServerInfo(version=settings.server_version, protocol=16)
    return rtc.SignalResponse(reconnect=rtc.ReconnectResponse(server_info=info))


def leave(action: str, reason: str) -> rtc.SignalResponse:
    """action: "disconnect", "resume" or "reconnect"; reason: a DisconnectReason's name."""
    return rtc.SignalResponse(
        leave=rtc.LeaveRequest(
            reason=reason,
            action=action.upper(),
            can_reconnect=action != "disconnect",
        )
    )


def answer(sdp: str, offer_id: int) -> rtc.SignalResponse:
    return rtc.SignalResponse(answer=rtc.SessionDescription(type="answer", sdp=sdp, id=offer_id))


def offer(sdp: str, offer_id: int) -> rtc.SignalResponse:
    return rtc.SignalResponse(offer=rtc.SessionDescription(type="offer", sdp=sdp, id=offer_id))


def trickle(candidate_init: str, *, is_subscriber: bool, final: bool) -> rtc.SignalResponse:
    target = rtc.SignalTarget.SUBSCRIBER if is_subscriber else rtc.SignalTarget.PUBLISHER
    return rtc.SignalResponse(trickle=rtc.TrickleRequest(candidateInit=candidate_init, target=target, final=final))


def track_published(cid: str, track: models.TrackInfo) -> rtc.SignalResponse:
    return rtc.SignalResponse(track_published=rtc.TrackPublishedResponse(cid=cid, track=track))


def track_unpublished(sid: str) -> rtc.SignalResponse:
    return rtc.SignalResponse(track_unpublished=rtc.TrackUnpublishedResponse(track_sid=sid))


def track_subscribed(sid: str) -> rtc.SignalResponse:
    return rtc.SignalResponse(track_subscribed=rtc.TrackSubscribed(track_sid=sid))


def refused(reason: str, message: str = "", **request: Any) -> rtc.SignalResponse:
    """request: the refused one, echoed: add_track=..., mute=..., update_metadata=..."""
    return rtc.SignalResponse(request_response=rtc.RequestResponse(reason=reason, message=message, **request))


def quality_update(sid: str, codec: str, qualities: Mapping[VideoQuality, bool]) -> rtc.SignalResponse:
    entries = [rtc.SubscribedQuality(quality=quality.name, enabled=enabled) for quality, enabled in qualities.items()]
    return rtc.SignalResponse(
        subscribed_quality_update=rtc.SubscribedQualityUpdate(
            track_sid=sid,
            subscribed_qualities=entries,
            subscribed_codecs=[rtc.SubscribedCodec(codec=codec, qualities=entries)],
        )
    )


def audio_codecs(sid: str, codecs: Mapping[str, bool]) -> rtc.SignalResponse:
    entries = [models.SubscribedAudioCodec(codec=codec, enabled=enabled) for codec, enabled in codecs.items()]
    update = rtc.SubscribedAudioCodecUpdate(track_sid=sid, subscribed_audio_codecs=entries)
    return rtc.SignalResponse(subscribed_audio_codec_update=update)


def room_update(name: str, num_participants: int, *, is_recording: bool) -> rtc.SignalResponse:
    room = models.Room(sid=f"RM_{name}", name=name, num_participants=num_participants, active_recording=is_recording)
    return rtc.SignalResponse(room_update=rtc.RoomUpdate(room=room))


def mute(sid: str, muted: bool) -> rtc.SignalResponse:
    return rtc.SignalResponse(mute=rtc.MuteTrackRequest(sid=sid, muted=muted))


def update(participants: Iterable[models.ParticipantInfo]) -> rtc.SignalResponse:
    return rtc.SignalResponse(update=rtc.ParticipantUpdate(participants=list(participants)))


def refresh_token(token: str) -> rtc.SignalResponse:
    return rtc.SignalResponse(refresh_token=token)


def pong(ping: rtc.Ping, wall_ms: int) -> rtc.SignalResponse:
    return rtc.SignalResponse(pong_resp=rtc.Pong(last_ping_timestamp=ping.timestamp, timestamp=wall_ms))


def legacy_pong(wall_ms: int) -> rtc.SignalResponse:
    return rtc.SignalResponse(pong=wall_ms)


def connection_quality(sid: str, quality: str, score: float) -> rtc.SignalResponse:
    """quality: "POOR", "GOOD", "EXCELLENT" or "LOST"."""
    info = rtc.ConnectionQualityInfo(participant_sid=sid, quality=quality, score=score)
    return rtc.SignalResponse(connection_quality=rtc.ConnectionQualityUpdate(updates=[info]))


def speakers(sid: str, level: float) -> rtc.SignalResponse:
    speaker = models.SpeakerInfo(sid=sid, level=level, active=level > 0)
    return rtc.SignalResponse(speakers_changed=rtc.SpeakersChanged(speakers=[speaker]))
