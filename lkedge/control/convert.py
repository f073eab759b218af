# lkedge: pure
"""From the values of the daemon to replies, without secrets."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from urllib.parse import urlsplit

from lkedge.clock import SECOND_NS
from lkedge.control import replies
from lkedge.control.replies import SINGLE
from lkedge.control.target import Plan, Reloaded
from lkedge.log import redact
from lkedge.plugin.api import Control, DeviceInfo
from lkedge.plugin.manager import PluginRecord
from lkedge.publish.permissions import ParticipantPermission, Permissions
from lkedge.publish.state import ConnectionStatus, LayerStatus, TrackStatus


def track_reply(track: TrackStatus) -> replies.TrackReply:
    return replies.TrackReply(
        name=track.name,
        kind=track.kind.value,
        source=track.source,
        publish_as=track.publish_as.value,
        state=track.state.value,
        reason=redact(track.reason),
        sid=track.sid,
        codec=track.codec,
        encoder=track.encoder,
        muted=track.muted,
        captures=track.captures,
        condition=track.condition,
        restarts=track.restarts,
        worker_pid=track.worker_pid,
        layers=[layer_reply(layer) for layer in track.layers],
    )


def layer_reply(layer: LayerStatus) -> replies.LayerReply:
    return replies.LayerReply(
        rid=layer.rid or SINGLE,
        active=layer.active,
        width=layer.width,
        height=layer.height,
        bitrate=layer.bitrate,
        framerate=layer.framerate,
        measured_bitrate=layer.measured_bitrate,
        measured_framerate=round(layer.measured_framerate, 2),
        reason=layer.reason,
        ssrc=layer.ssrc,
        packets=layer.counters.packets,
        bytes=layer.counters.bytes,
        frames=layer.counters.frames,
        key_frames=layer.counters.key_frames,
        retransmitted=layer.counters.retransmitted,
        nacked=layer.counters.nacked,
        plis=layer.counters.plis,
    )


def connection_reply(connection: ConnectionStatus, wall_offset_ns: int) -> replies.ConnectionReply:
    """wall_offset_ns: what has to be added to monotonic time for Unix time."""
    return replies.ConnectionReply(
        state=connection.state.value,
        reason=redact(connection.reason),
        url=_public_address(connection.url),
        room=connection.room,
        identity=connection.identity,
        participant_sid=connection.participant_sid,
        server_version=connection.server_version,
        quality=connection.quality,
        speaker_level=connection.speaker_level,
        round_trip_ms=connection.round_trip_ms,
        since=iso_time(connection.since_ns + wall_offset_ns) if connection.since_ns else "",
        joins=connection.joins,
        resumes=connection.resumes,
    )


def iso_time(unix_ns: int) -> str:
    """ISO 8601 in UTC, to the second: "2026-11-22T17:37:52Z"."""
    return datetime.fromtimestamp(unix_ns // SECOND_NS, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _public_address(url: str) -> str:
    """Without user, password and query, which may be secret."""
    parts = urlsplit(url)
    return parts._replace(netloc=parts.netloc.rpartition("@")[2], query="", fragment="").geturl()


def plan_reply(plan: Plan) -> replies.PlanReply:
    return replies.PlanReply(summary=plan.summary, steps=[str(step) for step in plan.steps])


def reloaded_event(notice: Reloaded) -> replies.ReloadedEvent:
    if notice.plan is None:
        return replies.ReloadedEvent(summary="refused", steps=[], problems=list(notice.problems))
    plan = plan_reply(notice.plan)
    return replies.ReloadedEvent(summary=plan.summary, steps=plan.steps, problems=[])


def control_reply(control: Control) -> replies.ControlReply:
    return replies.ControlReply(
        name=control.name,
        kind=control.kind.value,
        value=control.value,
        default=control.default,
        minimum=control.minimum,
        maximum=control.maximum,
        step=control.step,
        choices=list(control.choices),
        unit=control.unit,
        writable=control.is_writable,
    )


def permissions_reply(permissions: Permissions) -> replies.PermissionsReply:
    return replies.PermissionsReply(
        all_participants_allowed=permissions.all_participants_allowed,
        participants=[_participant_reply(participant) for participant in permissions.participants],
    )


def _participant_reply(participant: ParticipantPermission) -> replies.ParticipantPermissionReply:
    return replies.ParticipantPermissionReply(
        identity=participant.identity,
        all_tracks_allowed=participant.all_tracks_allowed,
        tracks=list(participant.tracks),
    )


def plugins_reply(records: Sequence[PluginRecord]) -> replies.PluginsReply:
    return replies.PluginsReply(plugins=[_plugin_reply(record) for record in records])


def _plugin_reply(record: PluginRecord) -> replies.PluginReply:
    return replies.PluginReply(
        name=record.name,
        distribution=record.distribution,
        version=record.version,
        status=record.status.value,
        reason=record.reason,
        sources=list(record.sources),
        encoders=list(record.encoders),
        processors=list(record.processors),
    )


def devices_reply(devices: Sequence[DeviceInfo]) -> replies.DevicesReply:
    return replies.DevicesReply(devices=[_device_reply(device) for device in devices])


def _device_reply(device: DeviceInfo) -> replies.DeviceReply:
    return replies.DeviceReply(
        plugin=device.plugin,
        name=device.name,
        kind=device.kind.value,
        config=device.config,
        details=dict(device.details),
    )
