# lkedge: pure
"""The live table: what is published, layer by layer, as lines of text."""

from __future__ import annotations

from lkedge.publish.state import LayerStatus, Status, TrackStatus

COLUMNS = "  {:<5} {:<5} {:>9} {:>12} {:>12} {:>8}  {}"
HEADING = COLUMNS.format("layer", "state", "size", "bitrate", "of at most", "frames/s", "why off")


def table(status: Status, elapsed_s: float) -> list[str]:
    """The whole table, top to bottom."""
    lines = [connection_line(status, elapsed_s)]
    for track in status.tracks:
        lines += ["", *track_lines(track)]
    return lines


def connection_line(status: Status, elapsed_s: float) -> str:
    """Where we are connected, or why not."""
    connection = status.connection
    parts = [
        connection.state.value,
        f"room {connection.room}" if connection.room else "",
        f"livekit-server {connection.server_version}" if connection.server_version else "",
        f"round trip {connection.round_trip_ms} ms" if connection.round_trip_ms else "",
        f"quality {connection.quality}" if connection.quality else "",
        connection.reason,
    ]
    return f"{elapsed_s:5.0f} s  " + ", ".join(part for part in parts if part)


def track_lines(track: TrackStatus) -> list[str]:
    """One track with its layers."""
    parts = [
        track.state.value,
        track.codec,
        track.encoder,
        track.sid,
        "source open" if track.captures else "source closed",
        f"restarted {track.restarts} times" if track.restarts else "",
        track.reason,
    ]
    title = f"{track.name} ({track.publish_as.value}): " + ", ".join(part for part in parts if part)
    if not track.layers:
        return [title]
    return [title, HEADING, *(layer_line(layer) for layer in reversed(track.layers))]


def layer_line(layer: LayerStatus) -> str:
    """One layer; what is measured only while it is on."""
    size = f"{layer.width}x{layer.height}" if layer.width else "-"
    if not layer.active:
        return COLUMNS.format(layer.rid or "-", "off", size, "-", rate(layer.bitrate), "-", layer.reason).rstrip()
    measured = f"{layer.measured_framerate:.1f}"
    return COLUMNS.format(
        layer.rid or "-", "on", size, rate(layer.measured_bitrate), rate(layer.bitrate), measured, ""
    ).rstrip()


def plain_line(status: Status, elapsed_s: float) -> str:
    """Everything in one line, for output that is no terminal."""
    tracks = [f"{track.name} {_short(track)}" for track in status.tracks]
    return "; ".join([connection_line(status, elapsed_s), *tracks])


def rate(bits: int) -> str:
    """Bits per second, readable."""
    if bits <= 0:
        return "-"
    return f"{bits / 1e6:.2f} Mbit/s" if bits >= 1_000_000 else f"{bits / 1e3:.0f} kbit/s"


def _short(track: TrackStatus) -> str:
    words = f"{track.state.value} ({track.reason})" if track.reason else track.state.value
    return ", ".join([words, *(_short_layer(layer) for layer in reversed(track.layers))])


def _short_layer(layer: LayerStatus) -> str:
    name = layer.rid or "sent"
    if not layer.active:
        return f"{name} off ({layer.reason})" if layer.reason else f"{name} off"
    measured = f"{rate(layer.measured_bitrate)} {layer.measured_framerate:.0f} fps"
    return f"{name} {layer.width}x{layer.height} {measured}" if layer.width else f"{name} {measured}"
