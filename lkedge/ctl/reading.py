"""The commands that only look."""

from __future__ import annotations

import argparse
from typing import Any

from lkedge.ctl import tables
from lkedge.ctl.client import Client
from lkedge.ctl.output import show


def status(client: Client, args: argparse.Namespace) -> int:
    return show(args, client.get("status"), tables.status_lines)


def tracks(client: Client, args: argparse.Namespace) -> int:
    if args.track is not None:
        reply = client.get("tracks", args.track)
        return show(args, reply, lambda track: [track["name"]] if args.names else tables.track_lines(track))
    reply = client.get("tracks")
    if args.names:
        return show(args, reply, lambda found: [track["name"] for track in found["tracks"]])
    return show(args, reply, lambda found: tables.tracks_lines(found["tracks"]))


def layers(client: Client, args: argparse.Namespace) -> int:
    found = [client.get("tracks", args.track)] if args.track is not None else client.get("tracks")["tracks"]
    reply = {"tracks": [{"name": track["name"], "layers": track["layers"]} for track in found]}
    return show(args, reply, lambda shown: tables.layers_lines(shown["tracks"]))


def controls(client: Client, args: argparse.Namespace) -> int:
    reply = client.get("tracks", args.track, "controls")
    return show(args, reply, lambda found: tables.controls_lines(found["controls"]))


def plugins(client: Client, args: argparse.Namespace) -> int:
    return show(args, client.get("plugins"), lambda found: tables.plugins_lines(found["plugins"]))


def devices(client: Client, args: argparse.Namespace) -> int:
    return show(args, client.get("devices"), _devices)


def _devices(reply: Any) -> list[str]:
    return tables.devices_lines(reply["devices"])
