# lkedge: pure
"""Requests to SignalRequest protobuf (livekit-wire.md, sections 3 and 7)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from lkedge.media.layers import SimulcastLayer
from lkedge.signaling.requests import (
    AddTrack,
    Answer,
    Leave,
    Mute,
    Offer,
    PublishedTrack,
    SignalRequest,
    SubscriptionPermissions,
    SyncState,
    Trickle,
    UpdateMetadata,
    UpdateVideoTrack,
)
from lkedge.signaling.schema import models, rtc
from lkedge.terms import TrackKind, TrackSource

SOURCE = {
    TrackSource.CAMERA: models.TrackSource.CAMERA,
    TrackSource.MICROPHONE: models.TrackSource.MICROPHONE,
    TrackSource.SCREEN_SHARE: models.TrackSource.SCREEN_SHARE,
    TrackSource.SCREEN_SHARE_AUDIO: models.TrackSource.SCREEN_SHARE_AUDIO,
}


def encode(request: SignalRequest) -> bytes:
    """The binary WebSocket message that carries `request`."""
    return message(request).SerializeToString()


def message(request: SignalRequest) -> rtc.SignalRequest:
    field, build = _BUILDERS[type(request)]
    return rtc.SignalRequest(**{field: build(request)})


def ping(now_ms: int, rtt_ms: int) -> tuple[bytes, bytes]:
    """Ping in both spellings: old servers know only the first, new ones measure with the second."""
    modern = rtc.Ping(timestamp=now_ms, rtt=rtt_ms)
    return (
        rtc.SignalRequest(ping=now_ms).SerializeToString(),
        rtc.SignalRequest(ping_req=modern).SerializeToString(),
    )


def _add_track(request: AddTrack) -> rtc.AddTrackRequest:
    is_audio = request.source.kind is TrackKind.AUDIO
    track = rtc.AddTrackRequest(
        cid=request.cid,
        name=request.name,
        type=models.TrackType.AUDIO if is_audio else models.TrackType.VIDEO,
        source=SOURCE[request.source],
        width=request.width,
        height=request.height,
        muted=request.muted,
        stream=request.stream,
    )
    describe = _describe_audio if is_audio else _describe_video
    describe(track, request)
    return track


def _describe_video(track: rtc.AddTrackRequest, request: AddTrack) -> None:
    layers = [_layer(layer) for layer in request.layers]
    track.layers.extend(layers)
    track.simulcast_codecs.append(rtc.SimulcastCodec(codec=request.codec.value, cid=request.cid, layers=layers))


def _layer(layer: SimulcastLayer) -> models.VideoLayer:
    return models.VideoLayer(
        quality=layer.quality.name,
        width=layer.width,
        height=layer.height,
        bitrate=layer.encoding.max_bitrate,
    )


def _describe_audio(track: rtc.AddTrackRequest, request: AddTrack) -> None:
    track.disable_dtx = not request.dtx
    track.stereo = request.stereo
    track.disable_red = not request.red
    if request.stereo:
        track.audio_features.append(models.AudioTrackFeature.TF_STEREO)
    if not request.dtx:
        track.audio_features.append(models.AudioTrackFeature.TF_NO_DTX)
    if request.spare_codec:
        track.backup_codec_policy = models.BackupCodecPolicy.SIMULCAST
        track.simulcast_codecs.add(codec=request.codec.value, cid=request.cid)
        track.simulcast_codecs.add(codec=request.spare_codec)


def _offer(request: Offer) -> rtc.SessionDescription:
    return rtc.SessionDescription(type="offer", sdp=request.sdp, id=request.id)


def _answer(request: Answer) -> rtc.SessionDescription:
    return rtc.SessionDescription(type="answer", sdp=request.sdp, id=request.id)


def _trickle(request: Trickle) -> rtc.TrickleRequest:
    return rtc.TrickleRequest(
        candidateInit=request.candidate_init,
        target=request.target.name,
        final=request.final,
    )


def _mute(request: Mute) -> rtc.MuteTrackRequest:
    return rtc.MuteTrackRequest(sid=request.sid, muted=request.muted)


def _leave(_request: Leave) -> rtc.LeaveRequest:
    return rtc.LeaveRequest(reason=models.DisconnectReason.CLIENT_INITIATED, action=rtc.LeaveRequest.Action.DISCONNECT)


def _update_metadata(request: UpdateMetadata) -> rtc.UpdateParticipantMetadata:
    return rtc.UpdateParticipantMetadata(
        metadata=request.metadata,
        name=request.name,
        attributes=dict(request.attributes),
        request_id=request.request_id,
    )


def _permissions(request: SubscriptionPermissions) -> rtc.SubscriptionPermission:
    return rtc.SubscriptionPermission(
        all_participants=request.all_participants,
        track_permissions=[
            rtc.TrackPermission(
                participant_identity=permission.participant_identity,
                all_tracks=permission.all_tracks,
                track_sids=permission.track_sids,
            )
            for permission in request.permissions
        ],
    )


def _sync_state(request: SyncState) -> rtc.SyncState:
    # auto_subscribe is off, so `subscribe` says that the (empty) list is what we do want.
    return rtc.SyncState(
        subscription=rtc.UpdateSubscription(subscribe=True),
        publish_tracks=[_published(track) for track in request.tracks],
    )


def _published(track: PublishedTrack) -> rtc.TrackPublishedResponse:
    info = models.TrackInfo.FromString(track.info)
    info.sid = track.sid
    return rtc.TrackPublishedResponse(cid=track.cid, track=info)


def _update_video_track(request: UpdateVideoTrack) -> rtc.UpdateLocalVideoTrack:
    return rtc.UpdateLocalVideoTrack(track_sid=request.sid, width=request.width, height=request.height)


_BUILDERS: dict[type, tuple[str, Callable[[Any], Any]]] = {
    AddTrack: ("add_track", _add_track),
    Offer: ("offer", _offer),
    Answer: ("answer", _answer),
    Trickle: ("trickle", _trickle),
    Mute: ("mute", _mute),
    Leave: ("leave", _leave),
    UpdateMetadata: ("update_metadata", _update_metadata),
    SubscriptionPermissions: ("subscription_permission", _permissions),
    SyncState: ("sync_state", _sync_state),
    UpdateVideoTrack: ("update_video_track", _update_video_track),
}
