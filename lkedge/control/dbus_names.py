# lkedge: pure
"""Names on D-Bus: the bus name, object paths, and how a track's name becomes a part of a path."""

from __future__ import annotations

from lkedge.control.api import MANAGER, TRACK

BUS_NAME = "org.lkedge1"
ANY_NAME = f"{BUS_NAME}._any"
"""All daemons of a machine queue for it, so that the policy of the bus has one name for who sends their signals:
unlike send_destination, receive_sender has no prefix (dbus-daemon(1)). No instance can have this name."""

ROOT_PATH = "/org/lkedge1"
TRACKS_PATH = f"{ROOT_PATH}/track"

PROPERTIES = "org.freedesktop.DBus.Properties"
INTROSPECTABLE = "org.freedesktop.DBus.Introspectable"
OBJECT_MANAGER = "org.freedesktop.DBus.ObjectManager"
PEER = "org.freedesktop.DBus.Peer"

_DIGITS = frozenset(b"0123456789")
_PLAIN = frozenset(b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ") | _DIGITS


def bus_name(instance: str) -> str:
    """Of lkedge@INSTANCE.service: "org.lkedge1.yard"; "" for lkedge.service: "org.lkedge1"."""
    return f"{BUS_NAME}.{escaped(instance)}" if instance else BUS_NAME


def track_path(name: str) -> str:
    """The object of a track: "/org/lkedge1/track/front_2ddoor"."""
    return f"{TRACKS_PATH}/{escaped(name)}"


def track_name(path: str) -> str | None:
    """The track of an object path; None for any other path."""
    folder, _, label = path.rpartition("/")
    return unescaped(label) if folder == TRACKS_PATH and label else None


def interface_of(path: str) -> str | None:
    """Which interface of ours an object has."""
    if path == ROOT_PATH:
        return MANAGER
    return TRACK if track_name(path) is not None else None


def escaped(name: str) -> str:
    """A text as one element of an object path, or of a bus name.

    Bytes of UTF-8 other than letters and digits, and a leading digit, become `_` and two
    hexadecimal digits; the empty text is `_`. Source: sd_bus_path_encode(3).
    """
    data = name.encode("utf-8", "surrogatepass")
    parts = [
        chr(byte) if byte in _PLAIN and (index or byte not in _DIGITS) else f"_{byte:02x}"
        for index, byte in enumerate(data)
    ]
    return "".join(parts) or "_"


def unescaped(label: str) -> str | None:
    """The text of an element of an object path; None for what `escaped` never makes."""
    if label == "_":
        return ""
    first, *rest = label.split("_")
    try:
        data = first.encode("ascii") + b"".join(bytes.fromhex(part[:2]) + part[2:].encode("ascii") for part in rest)
        name = data.decode()
    except ValueError:
        return None
    return name if escaped(name) == label else None


def member_name(field: str) -> str:
    """`publish_as` as properties are named: "PublishAs"."""
    return "".join(word.capitalize() for word in field.split("_"))
