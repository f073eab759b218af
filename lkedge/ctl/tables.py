# lkedge: pure
"""Replies of the daemon as text for people. Every function takes JSON values and returns lines."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from lkedge.ctl.values import duration, rate

JsonTable = dict[str, Any]


def aligned(heading: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    """Columns as wide as their widest cell."""
    everything = [heading, *rows]
    widths = [max(len(row[column]) for row in everything) for column in range(len(heading))]
    return [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in everything
    ]


def status_lines(status: JsonTable) -> list[str]:
    """The daemon, the connection, and every track with its layers."""
    files = ", ".join(status["config_files"]) or "no file"
    lines = [
        f"lkedge {status['version']}, process {status['pid']}, running for {duration(status['uptime'])}, {files}",
        connection_line(status["connection"]),
    ]
    if not status["tracks"]:
        lines += ["", "no tracks; `lkedgectl add NAME source=...` adds one"]
    for track in status["tracks"]:
        lines += ["", *track_lines(track)]
    return lines


def connection_line(connection: JsonTable) -> str:
    """Where we are connected, or why not."""
    trip, server = connection["round_trip_ms"], connection["server_version"]
    parts = [
        connection["state"],
        f"room {connection['room']}" if connection["room"] else connection["url"],
        f"as {connection['identity']}" if connection["identity"] else "",
        f"livekit-server {server}" if server else "",
        f"round trip {trip} ms" if trip else "",
        f"quality {connection['quality']}" if connection["quality"] else "",
        connection["reason"],
    ]
    return ", ".join(part for part in parts if part)


def track_lines(track: JsonTable) -> list[str]:
    """One track with its layers."""
    parts = [
        track["state"],
        track["condition"],
        f"source {track['source']} {'open' if track['captures'] else 'closed'}",
        track["codec"],
        track["encoder"],
        track["sid"],
        f"restarted {track['restarts']} times" if track["restarts"] else "",
        track["reason"],
    ]
    title = f"{track['name']} ({track['publish_as']}): " + ", ".join(part for part in parts if part)
    layers = aligned(LAYER_HEADING[1:], [layer_row(track, layer)[1:] for layer in reversed(track["layers"])])
    return [title, *(f"  {line}" for line in layers)] if track["layers"] else [title]


TRACK_HEADING = ("TRACK", "PUBLISHED AS", "STATE", "SOURCE", "CODEC", "LAYERS", "BITRATE", "REASON")


def tracks_lines(tracks: Sequence[JsonTable]) -> list[str]:
    """One line for each track."""
    return aligned(TRACK_HEADING, map(_track_row, tracks)) if tracks else ["no tracks"]


def _track_row(track: JsonTable) -> tuple[str, ...]:
    layers = track["layers"]
    active = [layer["rid"] for layer in layers if layer["active"]]
    measured = sum(layer["measured_bitrate"] for layer in layers if layer["active"])
    reason = ", ".join(text for text in (track["condition"], track["reason"]) if text)
    return (
        track["name"],
        track["publish_as"],
        track["state"],
        track["source"],
        track["codec"] or "-",
        "+".join(reversed(active)) or "none",
        rate(measured),
        reason,
    )


LAYER_HEADING = ("TRACK", "LAYER", "STATE", "SIZE", "BITRATE", "OF AT MOST", "FRAMES/S", "WHY OFF")


def layers_lines(tracks: Sequence[JsonTable]) -> list[str]:
    """One line for each layer of all tracks, the top one first."""
    rows = [layer_row(track, layer) for track in tracks for layer in reversed(track["layers"])]
    return aligned(LAYER_HEADING, rows) if rows else ["no layers"]


def layer_row(track: JsonTable, layer: JsonTable) -> tuple[str, ...]:
    """One layer; what is measured only while it is on."""
    is_on = layer["active"]
    return (
        track["name"],
        layer["rid"],
        "on" if is_on else "off",
        f"{layer['width']}x{layer['height']}" if layer["width"] else "-",
        rate(layer["measured_bitrate"]) if is_on else "-",
        rate(layer["bitrate"]),
        f"{layer['measured_framerate']:.1f}" if is_on and layer["measured_framerate"] else "-",
        layer["reason"],
    )


def controls_lines(controls: Sequence[JsonTable]) -> list[str]:
    """One line for each control of a device."""
    if not controls:
        return ["no controls; the source has none, or is not open now"]
    rows = [(c["name"], shown(c["value"], c), shown(c["default"], c), allowed(c)) for c in controls]
    return aligned(("CONTROL", "VALUE", "DEFAULT", "ALLOWED"), rows)


def allowed(control: JsonTable) -> str:
    """What may be set."""
    if not control["writable"]:
        return "read only"
    if control["kind"] == "boolean":
        return "true, false"
    if control["kind"] == "menu":
        return ", ".join(control["choices"])
    low, high, step = (control[name] for name in ("minimum", "maximum", "step"))
    limits = "" if low is None and high is None else f"{_number(low)} to {_number(high)}"
    by_step = f", step {step:g}" if step not in (None, 0, 1) else ""
    return (limits + by_step) or control["kind"]


def shown(value: Any, control: JsonTable) -> str:
    """The value of a control as it is written in `lkedgectl set`."""
    if value is None:
        return "-"
    text = str(value).lower() if isinstance(value, bool) else f"{value:g}" if isinstance(value, float) else str(value)
    return f"{text} {control['unit']}".rstrip()


def permissions_lines(permissions: JsonTable) -> list[str]:
    """Who may subscribe to what."""
    if permissions["all_participants_allowed"]:
        return ["all participants may subscribe to all tracks"]
    if not permissions["participants"]:
        return ["nobody may subscribe"]
    rows = [
        (entry["identity"], "all tracks" if entry["all_tracks_allowed"] else ", ".join(entry["tracks"]) or "nothing")
        for entry in permissions["participants"]
    ]
    return aligned(("IDENTITY", "MAY SUBSCRIBE TO"), rows)


PLUGIN_HEADING = ("PLUGIN", "VERSION", "STATUS", "SOURCES", "ENCODERS", "PROCESSORS")


def plugins_lines(plugins: Sequence[JsonTable]) -> list[str]:
    """One line for each plugin, and one more with the reason for one that does not work."""
    rows = [(p["name"], p["version"] or "-", p["status"], *(", ".join(p[o]) or "-" for o in _OFFERS)) for p in plugins]
    heading, *lines = aligned(PLUGIN_HEADING, rows)
    for line, plugin in zip(lines, plugins, strict=True):
        reason = f"\n    {plugin['reason']}" if plugin["reason"] else ""
        heading += f"\n{line}{reason}"
    return heading.split("\n")


def devices_lines(devices: Sequence[JsonTable]) -> list[str]:
    """Every device with its facts as comments and its configuration to paste."""
    lines: list[str] = []
    for device in devices:
        lines += ["", f"# {device['name']} ({device['kind']}, plugin {device['plugin']})"]
        lines += [f"#   {name}: {value}" for name, value in device["details"].items()]
        lines += device["config"].strip().split("\n")
    return lines[1:] or ["no devices found"]


def event_line(name: str, data: JsonTable) -> str:
    """One event in words."""
    tell = _EVENTS.get(name)
    return f"{name}: {tell(data) if tell else data}"


def _state(status: JsonTable) -> str:
    tracks = [f"{track['name']} {track['state']}" for track in status["tracks"]]
    return "; ".join([connection_line(status["connection"]), *tracks])


def _track_event(track: JsonTable) -> str:
    facts = [
        track["state"],
        track["condition"],
        "source open" if track["captures"] else "source closed",
        track["reason"],
    ]
    return f"{track['name']}: " + ", ".join(filter(None, facts))


def _layers_event(data: JsonTable) -> str:
    layers = ", ".join(_layer_words(layer) for layer in reversed(data["layers"]))
    return f"{data['track']}: {layers or 'no layers'}"


def _layer_words(layer: JsonTable) -> str:
    if not layer["active"]:
        return f"{layer['rid']} off ({layer['reason']})" if layer["reason"] else f"{layer['rid']} off"
    size = f" {layer['width']}x{layer['height']}" if layer["width"] else ""
    return f"{layer['rid']}{size} {rate(layer['bitrate'])}"


def _reloaded(data: JsonTable) -> str:
    return "; ".join([data["summary"], *data["problems"]])


def _control_event(data: JsonTable) -> str:
    control = data["control"]
    return f"{data['track']}: {control['name']} is {shown(control['value'], control)}"


_EVENTS: dict[str, Callable[[JsonTable], str]] = {
    "state": _state,
    "connection_changed": connection_line,
    "track_added": _track_event,
    "track_changed": _track_event,
    "track_removed": lambda data: str(data["track"]),
    "layers_changed": _layers_event,
    "control_changed": _control_event,
    "reloaded": _reloaded,
}


def printable(line: str) -> str:
    """Without anything that a terminal would obey: names and reasons come from elsewhere."""
    return "".join(one if one.isprintable() or one == "\t" else ascii(one)[1:-1] for one in line)


def plan_lines(plan: JsonTable) -> list[str]:
    """What a reload or a change did."""
    return [plan["summary"], *(f"  {step}" for step in plan["steps"])]


def log_level_lines(levels: JsonTable) -> list[str]:
    """The general level, then those of single parts."""
    return [levels["level"], *(f"{name}: {level}" for name, level in levels["loggers"].items())]


def _number(value: float | None) -> str:
    return "..." if value is None else f"{value:g}"


_OFFERS = ("sources", "encoders", "processors")
