# lkedge: pure
"""The table of commands. HTTP, D-Bus, `lkedgectl`, the OpenAPI document and the tests are read from it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from lkedge.control import arguments as args
from lkedge.control import replies

MANAGER = "org.lkedge1.Manager"
TRACK = "org.lkedge1.Track"


class Access(StrEnum):
    """Who may call a command.

    READ: who may change; with `allow_read = "everyone"` everybody.
    CHANGE: root, the daemon's own user, and the members of `socket_group`; snapshots too.
    """

    READ = "read"
    CHANGE = "change"


@dataclass(frozen=True, slots=True)
class Command:
    """One command in both spellings.

    http: method and path; `{field}` is a field of `arguments`. dbus: interface and member.
    reply: `bytes` for a JPEG picture.
    """

    name: str
    summary: str
    access: Access
    arguments: type[args.Arguments]
    reply: type[replies.Reply] | type[bytes]
    http: str
    dbus: tuple[str, str]

    @property
    def method(self) -> str:
        return self.http.partition(" ")[0]

    @property
    def path(self) -> str:
        return self.http.partition(" ")[2]


def _read(
    name: str, http: str, dbus: tuple[str, str], reply: type[replies.Reply], summary: str,
    arguments: type[args.Arguments] = args.Arguments,
) -> Command:  # fmt: skip
    return Command(name, summary, Access.READ, arguments, reply, f"GET /v1/{http}", dbus)


def _change(
    name: str, http: str, dbus: tuple[str, str], arguments: type[args.Arguments], reply: type[replies.Reply],
    summary: str,
) -> Command:  # fmt: skip
    method, _, path = http.partition(" ")
    return Command(name, summary, Access.CHANGE, arguments, reply, f"{method} /v1/{path}", dbus)


COMMANDS: tuple[Command, ...] = (
    _read("status", "status", (MANAGER, "Status"), replies.StatusReply, "Everything: connection, tracks, layers."),
    _read("tracks", "tracks", (MANAGER, "Tracks"), replies.TracksReply, "All tracks with their layers."),
    _read("track", "tracks/{track}", (TRACK, "Status"), replies.TrackReply, "One track.", args.OfTrack),
    _change(
        "add_track", "POST tracks", (MANAGER, "AddTrack"), args.AddTrack, replies.TrackReply,
        "Add a track.",
    ),
    _change(
        "change_track", "PATCH tracks/{track}", (TRACK, "Change"), args.ChangeTrack, replies.PlanReply,
        "Change settings of a track.",
    ),
    _change(
        "remove_track", "DELETE tracks/{track}", (TRACK, "Remove"), args.ChangeTrackState, replies.Done,
        "Remove a track.",
    ),
    _change(
        "mute", "POST tracks/{track}/mute", (TRACK, "Mute"), args.ChangeTrackState, replies.TrackReply,
        "Mute a track: it stays published.",
    ),
    _change(
        "unmute", "POST tracks/{track}/unmute", (TRACK, "Unmute"), args.ChangeTrackState, replies.TrackReply,
        "Unmute a track.",
    ),
    _change(
        "enable", "POST tracks/{track}/enable", (TRACK, "Enable"), args.ChangeTrackState, replies.TrackReply,
        "Publish a disabled track again.",
    ),
    _change(
        "disable", "POST tracks/{track}/disable", (TRACK, "Disable"), args.ChangeTrackState, replies.TrackReply,
        "Unpublish a track and release its source.",
    ),
    _change(
        "enable_kind", "POST sources/{publish_as}/enable", (MANAGER, "EnableSource"), args.ChangeSource,
        replies.ChangedTracksReply, "Enable all tracks that are published as this.",
    ),
    _change(
        "disable_kind", "POST sources/{publish_as}/disable", (MANAGER, "DisableSource"), args.ChangeSource,
        replies.ChangedTracksReply, "Disable all tracks that are published as this.",
    ),
    _change(
        "set_layer", "PUT tracks/{track}/layers/{rid}", (TRACK, "SetLayer"), args.SetLayer, replies.TrackReply,
        "Limit one layer, or take the limit away.",
    ),
    _read(
        "controls", "tracks/{track}/controls", (TRACK, "Controls"), replies.ControlsReply,
        "The controls of the open source.", args.OfTrack,
    ),
    _change(
        "set_control", "PUT tracks/{track}/controls/{control}", (TRACK, "SetControl"), args.SetControl,
        replies.ControlReply, "Set a control of the open source.",
    ),
    # It opens the camera, and shows what nobody in the room may see: more than reading.
    Command(
        "snapshot", "What the source sees now, as JPEG.", Access.CHANGE, args.Snapshot, bytes,
        "GET /v1/tracks/{track}/snapshot", (TRACK, "Snapshot"),
    ),
    _read(
        "permissions", "permissions", (MANAGER, "Permissions"), replies.PermissionsReply,
        "Who may subscribe to which tracks.",
    ),
    _change(
        "set_permissions", "PUT permissions", (MANAGER, "SetPermissions"), args.SetPermissions,
        replies.PermissionsReply, "Say who may subscribe to which tracks.",
    ),
    _change(
        "reconnect", "POST reconnect", (MANAGER, "Reconnect"), args.Arguments, replies.Done,
        "Do not wait for the next attempt to connect.",
    ),
    _change(
        "reload", "POST reload", (MANAGER, "Reload"), args.Arguments, replies.PlanReply,
        "Read the configuration again and apply what has changed.",
    ),
    _read("plugins", "plugins", (MANAGER, "Plugins"), replies.PluginsReply, "The plugins, with what is wrong."),
    _read("devices", "devices", (MANAGER, "Devices"), replies.DevicesReply, "What the plugins find plugged in."),
    _read("log_level", "log-level", (MANAGER, "LogLevel"), replies.LogLevelReply, "What is logged."),
    _change(
        "set_log_level", "PUT log-level", (MANAGER, "SetLogLevel"), args.SetLogLevel, replies.LogLevelReply,
        "Change what is logged, until the daemon restarts.",
    ),
)  # fmt: skip

COMMAND: dict[str, Command] = {command.name: command for command in COMMANDS}
"""By name."""
