"""The arguments of `lkedgectl`. Completion and the manual page are made from this parser."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from typing import Any

import lkedge
from lkedge.ctl import changing, live, reading

SOURCES = ("camera", "microphone", "screen_share", "screen_share_audio")
LOG_LEVELS = ("debug", "info", "warning", "error")

DESCRIPTION = "Show and control a running lkedge daemon."

EPILOG = """\
examples:
  lkedgectl status                               what is published, and what is not, and why
  lkedgectl top                                  the same, live
  lkedgectl mute front                           stay published, send nothing
  lkedgectl set front h max_bitrate=300k         limit one layer
  lkedgectl set front control exposure_time=2000 turn a knob of the camera
  lkedgectl set front capture.framerate=15 --persist
                                                 change a setting, and keep it over restarts
  lkedgectl snapshot front -o front.jpg          the present picture
  lkedgectl reload                               read the configuration again

exit status:
  0  done
  1  the daemon could not do it, and says why
  2  wrong arguments
  3  the daemon is not running, or does not answer
  4  the rights are missing: root and the group lkedge may
"""

Run = Callable[[Any, argparse.Namespace], int]


def build_parser() -> argparse.ArgumentParser:
    """The whole parser; `run` of what it parses takes a client and the arguments."""
    shared = _shared_options()
    parser = argparse.ArgumentParser(
        prog="lkedgectl",
        description=DESCRIPTION,
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        parents=[shared],
    )
    parser.add_argument("--version", action="version", version=f"lkedgectl {lkedge.__version__}")
    commands = Commands(parser.add_subparsers(title="commands", metavar="COMMAND", required=True), shared)
    _add_reading(commands)
    _add_switches(commands)
    _add_changes(commands)
    _add_daemon(commands)
    return parser


class Commands:
    """Adds commands that all know the shared options."""

    def __init__(self, subparsers: Any, shared: argparse.ArgumentParser) -> None:
        self._subparsers = subparsers
        self._shared = shared

    def add(self, name: str, run: Run, summary: str, details: str = "") -> argparse.ArgumentParser:
        parser: argparse.ArgumentParser = self._subparsers.add_parser(
            name,
            help=summary,
            description=f"{summary[:1].upper()}{summary[1:]}.",
            epilog=details or None,
            formatter_class=argparse.RawDescriptionHelpFormatter,
            parents=[self._shared],
        )
        parser.set_defaults(run=run)
        return parser


def _shared_options() -> argparse.ArgumentParser:
    """Before or after the command; SUPPRESS keeps the command's default from undoing what stood before."""
    shared = argparse.ArgumentParser(add_help=False, argument_default=argparse.SUPPRESS)
    where = shared.add_mutually_exclusive_group()
    where.add_argument("--socket", metavar="PATH", help="socket of the daemon (default: /run/lkedge/control.sock)")
    where.add_argument("--instance", metavar="NAME", help="the daemon of lkedge@NAME.service")
    shared.add_argument("--json", action="store_true", help="print what the daemon replied, as JSON")
    return shared


def _add_reading(commands: Commands) -> None:
    commands.add("status", reading.status, "show the connection and every track")
    tracks = commands.add("tracks", reading.tracks, "list the tracks, one line each")
    tracks.add_argument("--names", action="store_true", help="only the names")
    tracks.add_argument("track", nargs="?", metavar="TRACK", help="only this one")
    layers = commands.add("layers", reading.layers, "list the simulcast layers, and why one is off")
    layers.add_argument("track", nargs="?", metavar="TRACK", help="only of this track")
    top = commands.add("top", live.top, "show the tracks and layers, again and again", "Ctrl-C ends it.")
    top.add_argument("--interval", type=_positive, default=1.0, metavar="SECONDS", help="time between two (default: 1)")
    top.add_argument("--count", type=int, default=0, metavar="N", help="end after so many (default: never)")
    events = commands.add("events", live.events, "print what changes, as it happens", "Ctrl-C ends it.")
    events.add_argument("--count", type=int, default=0, metavar="N", help="end after so many (default: never)")
    controls = commands.add("controls", reading.controls, "list the controls of a track's device")
    controls.add_argument("track", metavar="TRACK")
    commands.add("plugins", reading.plugins, "list the plugins, and why one does not work")
    commands.add("devices", reading.devices, "list cameras and microphones, with configuration to paste")


def _add_switches(commands: Commands) -> None:
    _add_tracks(commands.add("mute", changing.mute, "mute tracks: they stay published and send nothing"))
    _add_tracks(commands.add("unmute", changing.unmute, "undo mute"))
    _add_tracks_or_source(
        commands.add("enable", changing.enable, "start and publish tracks that are disabled", _BY_SOURCE)
    )
    _add_tracks_or_source(
        commands.add("disable", changing.disable, "stop and unpublish tracks; devices are released", _BY_SOURCE)
    )


def _add_changes(commands: Commands) -> None:
    add = commands.add("add", changing.add, "add a track", _ADD)
    add.add_argument("track", metavar="NAME", help="name of the new track")
    add.add_argument("settings", nargs="+", metavar="SETTING=VALUE", help="as in [[track]] of the configuration")
    _add_persist(add)
    _add_tracks(commands.add("remove", changing.remove, "remove tracks"))
    change = commands.add("set", changing.change, "change a track, one of its layers, or a control of its device", _SET)
    change.add_argument("track", metavar="TRACK")
    change.add_argument("words", nargs="+", metavar="[LAYER | control] SETTING=VALUE", help="what to change")
    change.usage = "%(prog)s [OPTION ...] TRACK [LAYER | control] SETTING=VALUE ..."
    _add_persist(change)
    snapshot = commands.add("snapshot", changing.snapshot, "save the present picture as JPEG")
    snapshot.add_argument("track", metavar="TRACK")
    snapshot.add_argument("-o", "--output", metavar="FILE", help="where to (default: TRACK.jpg; - is standard output)")
    snapshot.add_argument("--width", type=int, metavar="PIXELS", help="scaled to this width")
    permissions = commands.add("permissions", changing.permissions, "show or set who may subscribe", _PERMISSIONS)
    permissions.add_argument("--everyone", action="store_true", help="all participants may subscribe to all tracks")
    permissions.add_argument("--nobody", action="store_true", help="nobody may subscribe")
    permissions.add_argument(
        "--allow",
        action="append",
        default=[],
        metavar="IDENTITY[=TRACK,...]",
        help="only those named may, to all tracks or those named; any number of times",
    )
    _add_persist(permissions)


def _add_daemon(commands: Commands) -> None:
    commands.add("reload", changing.reload, "read the configuration again and apply what differs", _RELOAD)
    commands.add("reconnect", changing.reconnect, "connect now, without waiting for the next attempt")
    level = commands.add("log-level", changing.log_level, "show or set what is logged", _LOG_LEVEL)
    level.add_argument("level", nargs="?", choices=LOG_LEVELS, help="until the daemon restarts")
    level.add_argument("--logger", metavar="NAME", help='only of this part, such as "rtc.dtls"')


def _add_tracks(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("tracks", nargs="+", metavar="TRACK")
    _add_persist(parser)


def _add_tracks_or_source(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("tracks", nargs="*", metavar="TRACK")
    parser.add_argument("--source", choices=SOURCES, help="all tracks that are published as this")
    _add_persist(parser)


def _add_persist(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--persist", action="store_true", help="keep it over restarts of the daemon")


def _positive(text: str) -> float:
    seconds = float(text)
    if not 0 < seconds < float("inf"):
        raise argparse.ArgumentTypeError("it must be more than 0")
    return seconds


_BY_SOURCE = """\
examples:
  lkedgectl disable front                the track "front"
  lkedgectl disable --source camera      all cameras
"""

_ADD = """\
examples:
  lkedgectl add back source=testsrc
  lkedgectl add yard source=v4l2 v4l2.device=/dev/video2 capture.width=1280 capture.height=720 --persist
"""

_SET = """\
examples:
  lkedgectl set front capture.framerate=15 publish.video_encoding.max_bitrate=800k
  lkedgectl set front h max_bitrate=300k max_framerate=10
  lkedgectl set front f enabled=false
  lkedgectl set front control exposure_time=2000 brightness=12

LAYER is q, h or f, or "single" for a track without simulcast. A layer that is limited again
forgets its earlier limits; "none" lifts one. k and M stand for thousands and millions of bit/s.
`lkedgectl controls TRACK` lists the controls.
"""

_PERMISSIONS = """\
examples:
  lkedgectl permissions
  lkedgectl permissions --allow alice --allow bob=front,door
  lkedgectl permissions --everyone
"""

_RELOAD = """\
A configuration that is wrong is refused with everything that is wrong in it, and the present
one stays. Tracks that are the same in both lose nothing.
"""

_LOG_LEVEL = """\
examples:
  lkedgectl log-level
  lkedgectl log-level debug --logger rtc
  lkedgectl log-level info
"""
