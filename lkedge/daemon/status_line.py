# lkedge: pure
"""The one line that `systemctl status` shows of a running daemon."""

from __future__ import annotations

from lkedge.publish.state import ConnectionState, ConnectionStatus, LayerStatus, Status, TrackState, TrackStatus
from lkedge.terms import TrackKind

MAX_REASON = 120
MAX_TRACKS = 6
"""More are only counted."""

_PUBLISHED = (TrackState.PUBLISHED, TrackState.MUTED)


def status_line(status: Status) -> str:
    """Such as `publishing front 1280x720@30 in 3 of 3 layers, mic; room kitchen; 1.9 Mbit/s`."""
    connection = status.connection
    tracks = _listed(status.tracks)
    if connection.state is not ConnectionState.CONNECTED:
        return f"{_unconnected(connection)}; {tracks}"
    rate = _rate(sum(layer.measured_bitrate for track in status.tracks for layer in track.layers))
    publishes = any(track.state in _PUBLISHED for track in status.tracks)
    what = f"publishing {tracks}" if publishes else f"connected, nothing is published: {tracks}"
    return "; ".join((what, f"room {connection.room}", rate))


def _unconnected(connection: ConnectionStatus) -> str:
    reason = _short(connection.reason)
    match connection.state:
        case ConnectionState.RECONNECTING:
            return f"reconnecting to room {connection.room}: {reason}" if reason else "reconnecting"
        case ConnectionState.WAITING | ConnectionState.DISCONNECTED if reason:
            return f"waiting: {reason}"
        case ConnectionState.CLOSED:
            return "stopped"
    return f"connecting to {connection.url}" if connection.url else "connecting"


def _listed(tracks: tuple[TrackStatus, ...]) -> str:
    shown = [_track(track) for track in tracks[:MAX_TRACKS]]
    more = len(tracks) - len(shown)
    return ", ".join([*shown, f"{more} more"] if more else shown) or "no tracks"


def _track(track: TrackStatus) -> str:
    note = _note(track)
    if note:
        return f"{track.name} ({note})"
    if track.kind is TrackKind.AUDIO:
        return track.name
    return f"{track.name} {_picture(track.layers)}".rstrip()


def _note(track: TrackStatus) -> str:
    """Why a track is not simply being sent; "" when it is."""
    if track.state is TrackState.FAILED:
        return _short(track.reason) or "failed"
    if track.state is not TrackState.PUBLISHED:
        return str(track.state.value)
    if track.condition:
        return _short(track.condition)
    return "" if any(layer.active for layer in track.layers) else "paused"


def _picture(layers: tuple[LayerStatus, ...]) -> str:
    active = [layer for layer in layers if layer.active]
    top = max(active, key=lambda layer: layer.width)
    size = f"{top.width}x{top.height}@{top.framerate:g}"
    return f"{size} in {len(active)} of {len(layers)} layers" if len(layers) > 1 else size


def _rate(bitrate: int) -> str:
    """In few enough digits not to change all the time."""
    return f"{bitrate / 1e6:.1f} Mbit/s" if bitrate >= 1_000_000 else f"{round(bitrate, -4) // 1000} kbit/s"


def _short(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= MAX_REASON else f"{line[: MAX_REASON - 3]}..."
