# lkedge: pure
"""SignalResponse protobuf to events, for the messages that need no memory.

`decode` answers None for a message that does not concern a publisher. Messages about
participants are filtered by protocol.py, which knows who we are.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import Any

from lkedge.signaling.events import (
    AnswerReceived,
    Joined,
    LeaveAction,
    Left,
    MuteRequested,
    OfferReceived,
    RequestRefused,
    Resumed,
    RoomUpdated,
    SignalEvent,
    SubscribedAudioCodecUpdate,
    SubscribedQualityUpdate,
    TokenRefreshed,
    TrackPublished,
    TrackSubscribed,
    TrackUnpublished,
    TrickleReceived,
)
from lkedge.signaling.participant import Participant, ParticipantState, Permission
from lkedge.signaling.request_encoder import SOURCE
from lkedge.signaling.requests import SignalTarget
from lkedge.signaling.schema import models, rtc
from lkedge.terms import Cid, IceServer, TrackSid, VideoQuality

DEFAULT_PING_INTERVAL_S = 5
DEFAULT_PING_TIMEOUT_S = 15

LISTENERS_SINCE = (1, 9, 12)
"""The oldest livekit-server whose SubscribedAudioCodecUpdate was seen at work."""

_SOURCE_OF = {number: source for source, number in SOURCE.items()}
_STATE_OF = {
    models.ParticipantInfo.State.JOINING: ParticipantState.JOINING,
    models.ParticipantInfo.State.JOINED: ParticipantState.JOINED,
    models.ParticipantInfo.State.ACTIVE: ParticipantState.ACTIVE,
    models.ParticipantInfo.State.DISCONNECTED: ParticipantState.DISCONNECTED,
}
_ACTION_OF = {
    rtc.LeaveRequest.Action.RESUME: LeaveAction.RESUME,
    rtc.LeaveRequest.Action.RECONNECT: LeaveAction.RECONNECT,
}
_NOT_A_REFUSAL = ("OK", "QUEUED")


def decode(kind: str, body: Any) -> SignalEvent | None:
    """One event, or None.

    kind: the field that is set in SignalResponse. body: its value.
    """
    decoder = _DECODERS.get(kind)
    return decoder(body) if decoder else None


def participant(info: models.ParticipantInfo) -> Participant:
    return Participant(
        sid=info.sid,
        identity=info.identity,
        name=info.name,
        metadata=info.metadata,
        attributes=dict(info.attributes),
        permission=_permission(info.permission),
        state=_STATE_OF.get(info.state, ParticipantState.JOINED),
        track_sids=frozenset(TrackSid(track.sid) for track in info.tracks),
        muted_sids=frozenset(TrackSid(track.sid) for track in info.tracks if track.muted),
    )


def joined(join: rtc.JoinResponse) -> Joined:
    return Joined(
        room_name=join.room.name,
        room_sid=join.room.sid,
        participant=participant(join.participant),
        ice_servers=_ice_servers(join.ice_servers),
        subscriber_primary=join.subscriber_primary,
        force_relay=_must_relay(join.client_configuration),
        enabled_codecs=tuple(codec.mime.lower() for codec in join.enabled_publish_codecs),
        ping_interval_s=join.ping_interval or DEFAULT_PING_INTERVAL_S,
        ping_timeout_s=join.ping_timeout or DEFAULT_PING_TIMEOUT_S,
        server_version=join.server_info.version or join.server_version,
        server_region=join.server_info.region or join.server_region,
        alternative_url=join.alternative_url,
        other_participants=len(join.other_participants),
        tells_listeners=_tells_listeners(join.server_info),
    )


def left(leave: rtc.LeaveRequest) -> Left:
    # Servers before protocol 13 say can_reconnect only, and DISCONNECT is the absent value.
    absent = LeaveAction.RECONNECT if leave.can_reconnect else LeaveAction.DISCONNECT
    return Left(_ACTION_OF.get(leave.action, absent), _name(models.DisconnectReason, leave.reason))


def _tells_listeners(server: models.ServerInfo) -> bool:
    """LiveKit Cloud numbers its releases in another way, and may do it otherwise."""
    release = re.match(r"(\d+)\.(\d+)\.(\d+)", server.version)
    if release is None or server.edition != models.ServerInfo.Edition.Standard:
        return False
    return tuple(map(int, release.groups())) >= LISTENERS_SINCE


def _permission(permission: models.ParticipantPermission) -> Permission:
    known = (_SOURCE_OF.get(source) for source in permission.can_publish_sources)
    return Permission(
        can_publish=permission.can_publish,
        can_subscribe=permission.can_subscribe,
        can_publish_data=permission.can_publish_data,
        can_update_metadata=permission.can_update_metadata,
        hidden=permission.hidden,
        can_publish_sources=frozenset(source for source in known if source is not None),
    )


def _ice_servers(servers: Iterable[rtc.ICEServer]) -> tuple[IceServer, ...]:
    return tuple(IceServer(tuple(server.urls), server.username, server.credential) for server in servers)


def _must_relay(configuration: models.ClientConfiguration) -> bool:
    return configuration.force_relay == models.ClientConfigSetting.ENABLED


def _name(enum: Any, number: int) -> str:
    """The name of an enum value; of one newer than this client its number."""
    return str(enum.Name(number)) if number in enum.values() else f"UNKNOWN_{number}"


def _resumed(reconnect: rtc.ReconnectResponse) -> Resumed:
    return Resumed(
        _ice_servers(reconnect.ice_servers),
        _must_relay(reconnect.client_configuration),
        reconnect.server_info.version,
    )


def _answer(description: rtc.SessionDescription) -> AnswerReceived:
    return AnswerReceived(description.id, description.sdp)


def _offer(description: rtc.SessionDescription) -> OfferReceived:
    return OfferReceived(description.id, description.sdp)


def _trickle(trickle: rtc.TrickleRequest) -> TrickleReceived:
    target = SignalTarget.SUBSCRIBER if trickle.target == rtc.SignalTarget.SUBSCRIBER else SignalTarget.PUBLISHER
    return TrickleReceived(target, trickle.candidateInit, trickle.final)


def _track_published(response: rtc.TrackPublishedResponse) -> TrackPublished:
    track = response.track
    return TrackPublished(
        Cid(response.cid),
        TrackSid(track.sid),
        track.mime_type.lower(),
        track.muted,
        track.SerializeToString(),
        len(track.codecs),
    )


def _track_unpublished(response: rtc.TrackUnpublishedResponse) -> TrackUnpublished:
    return TrackUnpublished(TrackSid(response.track_sid))


def _qualities(update: rtc.SubscribedQualityUpdate) -> SubscribedQualityUpdate:
    by_codec = {codec.codec.lower(): _enabled(codec.qualities) for codec in update.subscribed_codecs}
    return SubscribedQualityUpdate(TrackSid(update.track_sid), by_codec or {"": _enabled(update.subscribed_qualities)})


def _enabled(qualities: Iterable[rtc.SubscribedQuality]) -> dict[VideoQuality, bool]:
    known = {quality.value for quality in VideoQuality}
    return {VideoQuality(entry.quality): entry.enabled for entry in qualities if entry.quality in known}


def _audio_codecs(update: rtc.SubscribedAudioCodecUpdate) -> SubscribedAudioCodecUpdate:
    codecs = {entry.codec.lower(): entry.enabled for entry in update.subscribed_audio_codecs}
    return SubscribedAudioCodecUpdate(TrackSid(update.track_sid), codecs)


def _mute(request: rtc.MuteTrackRequest) -> MuteRequested:
    return MuteRequested(TrackSid(request.sid), request.muted)


def _room(update: rtc.RoomUpdate) -> RoomUpdated:
    room = update.room
    return RoomUpdated(room.sid, room.name, room.metadata, room.num_participants, room.active_recording)


def _track_subscribed(response: rtc.TrackSubscribed) -> TrackSubscribed:
    return TrackSubscribed(TrackSid(response.track_sid))


def _refused(response: rtc.RequestResponse) -> RequestRefused | None:
    reason = _name(rtc.RequestResponse.Reason, response.reason)
    if reason in _NOT_A_REFUSAL:
        return None
    kind = response.WhichOneof("request") or ""
    request = getattr(response, kind) if kind else None
    sid = getattr(request, "sid", "") or getattr(request, "track_sid", "")
    return RequestRefused(
        kind, reason, response.message, Cid(getattr(request, "cid", "")), TrackSid(sid), response.request_id
    )


def _token(token: str) -> TokenRefreshed:
    return TokenRefreshed(token)


_DECODERS: dict[str, Callable[[Any], SignalEvent | None]] = {
    "join": joined,
    "answer": _answer,
    "offer": _offer,
    "trickle": _trickle,
    "track_published": _track_published,
    "leave": left,
    "mute": _mute,
    "room_update": _room,
    "subscribed_quality_update": _qualities,
    "refresh_token": _token,
    "track_unpublished": _track_unpublished,
    "reconnect": _resumed,
    "request_response": _refused,
    "track_subscribed": _track_subscribed,
    "subscribed_audio_codec_update": _audio_codecs,
}
