"""The commands that change something."""

from __future__ import annotations

import argparse
import os
import sys
from typing import Any

from lkedge.ctl import tables
from lkedge.ctl.client import Client
from lkedge.ctl.errors import CtlError, UsageError
from lkedge.ctl.output import done, show
from lkedge.ctl.values import assignments

LAYERS = ("q", "h", "f", "single")
CONTROL = "control"


def mute(client: Client, args: argparse.Namespace) -> int:
    return _switch(client, args, "mute")


def unmute(client: Client, args: argparse.Namespace) -> int:
    return _switch(client, args, "unmute")


def enable(client: Client, args: argparse.Namespace) -> int:
    return _switch(client, args, "enable") if _names_tracks(args) else _switch_source(client, args, "enable")


def disable(client: Client, args: argparse.Namespace) -> int:
    return _switch(client, args, "disable") if _names_tracks(args) else _switch_source(client, args, "disable")


def add(client: Client, args: argparse.Namespace) -> int:
    settings = {"name": args.track, **assignments(args.settings)}
    track = client.call("POST", "tracks", body={"settings": settings, "persist": args.persist})
    return show(args, track, tables.track_lines)


def remove(client: Client, args: argparse.Namespace) -> int:
    for name in args.tracks:
        client.call("DELETE", "tracks", name, query={"persist": args.persist})
    return done(args, {"removed": args.tracks}, f"removed {', '.join(args.tracks)}")


def change(client: Client, args: argparse.Namespace) -> int:
    """`set`: of the track, or of what stands before the first SETTING=VALUE."""
    what, *words = args.words if "=" not in args.words[0] else ("", *args.words)
    if not words:
        raise UsageError(f"what of {what!r}? `lkedgectl set --help` has examples")
    if what == CONTROL:
        return _set_controls(client, args, assignments(words))
    if what in LAYERS:
        body = {**assignments(words), "persist": args.persist}
        return show(args, client.call("PUT", "tracks", args.track, "layers", what, body=body), tables.track_lines)
    if what:
        raise UsageError(f"{what!r} is neither a layer ({', '.join(LAYERS)}) nor {CONTROL!r} nor SETTING=VALUE")
    body = {"settings": assignments(words), "persist": args.persist}
    return show(args, client.call("PATCH", "tracks", args.track, body=body), tables.plan_lines)


def snapshot(client: Client, args: argparse.Namespace) -> int:
    picture = client.data("tracks", args.track, "snapshot", query={"width": args.width})
    path = args.output or f"{args.track.replace('/', '_')}.jpg"
    if path == "-":
        sys.stdout.buffer.write(picture)
        return 0
    try:
        _replace(path, picture)
    except OSError as error:
        raise CtlError(f"cannot write {path}: {error.strerror}") from error
    return done(args, {"file": path, "bytes": len(picture)}, f"{path}: {len(picture)} bytes")


def permissions(client: Client, args: argparse.Namespace) -> int:
    if args.everyone + args.nobody + bool(args.allow) > 1:
        raise UsageError("--everyone, --nobody and --allow exclude each other")
    if not (args.everyone or args.nobody or args.allow):
        return show(args, client.get("permissions"), tables.permissions_lines)
    body = {
        "all_participants_allowed": args.everyone,
        "participants": [_participant(text) for text in args.allow],
        "persist": args.persist,
    }
    return show(args, client.call("PUT", "permissions", body=body), tables.permissions_lines)


def reload(client: Client, args: argparse.Namespace) -> int:
    return show(args, client.call("POST", "reload"), tables.plan_lines)


def reconnect(client: Client, args: argparse.Namespace) -> int:
    return done(args, client.call("POST", "reconnect"), "connecting again; `lkedgectl status` tells how far it is")


def log_level(client: Client, args: argparse.Namespace) -> int:
    if args.level is None:
        return show(args, client.get("log-level"), tables.log_level_lines)
    body = {"level": args.level} | ({"logger": args.logger} if args.logger else {})
    return show(args, client.call("PUT", "log-level", body=body), tables.log_level_lines)


def _switch(client: Client, args: argparse.Namespace, verb: str) -> int:
    tracks = [client.call("POST", "tracks", name, verb, body={"persist": args.persist}) for name in args.tracks]
    return show(args, {"tracks": tracks}, lambda reply: tables.tracks_lines(reply["tracks"]))


def _switch_source(client: Client, args: argparse.Namespace, verb: str) -> int:
    reply = client.call("POST", "sources", args.source, verb, body={"persist": args.persist})
    return done(args, reply, f"{verb}d {', '.join(reply['tracks']) or f'nothing: no {args.source} to {verb}'}")


def _names_tracks(args: argparse.Namespace) -> bool:
    if bool(args.tracks) == bool(args.source):
        raise UsageError("name the tracks, or give --source")
    return bool(args.tracks)


def _set_controls(client: Client, args: argparse.Namespace, values: dict[str, Any]) -> int:
    controls = [
        client.call("PUT", "tracks", args.track, "controls", name, body={"value": value, "persist": args.persist})
        for name, value in values.items()
    ]
    return show(args, {"controls": controls}, lambda reply: tables.controls_lines(reply["controls"]))


def _participant(text: str) -> dict[str, Any]:
    """`alice` for all tracks, `bob=front,door` for those."""
    identity, separator, names = text.partition("=")
    tracks = [name for name in names.split(",") if name]
    return {"identity": identity, "all_tracks_allowed": not separator, "tracks": tracks}


def _replace(path: str, data: bytes) -> None:
    """Nobody ever reads half a picture. What is no ordinary file, such as /dev/null, is written as it is."""
    if os.path.exists(path) and not os.path.isfile(path):
        with open(path, "wb") as file:
            file.write(data)
        return
    new = f"{path}.new"
    with open(new, "wb") as file:
        file.write(data)
    os.replace(new, path)
