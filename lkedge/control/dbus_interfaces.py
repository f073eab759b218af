# lkedge: pure
"""The D-Bus interfaces, made from the table of commands.

A method takes the required fields of its command's arguments in their order, then, where
there are optional ones, `options` (a{sv}) with those by name; `options` may be left out.
`track` of org.lkedge1.Track is the object. A method gives the reply as one a{sv}, a
picture as `ay`, and nothing when there is nothing to say.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

from pydantic.fields import FieldInfo

from lkedge.control.api import COMMANDS, MANAGER, TRACK, Command
from lkedge.control.dbus_names import member_name
from lkedge.control.dbus_types import TABLE, signature_of
from lkedge.control.errors import Code, ControlError
from lkedge.control.replies import ConnectionReply, Done, LayerReply, Reply, StatusReply, TrackReply

OPTIONS = "options"


@dataclass(frozen=True, slots=True)
class Argument:
    """Of a method or a signal."""

    name: str
    signature: str


@dataclass(frozen=True)
class Method:
    """One command as a method of an object."""

    command: Command

    @property
    def name(self) -> str:
        return self.command.dbus[1]

    @cached_property
    def takes(self) -> tuple[Argument, ...]:
        required = [
            Argument(name, signature_of(field.annotation)) for name, field in self._fields if _is_required(field)
        ]
        has_options = len(required) < len(self._fields)
        return tuple([*required, Argument(OPTIONS, TABLE)] if has_options else required)

    @cached_property
    def gives(self) -> tuple[Argument, ...]:
        reply = self.command.reply
        if reply is bytes:
            return (Argument("picture", "ay"),)
        return () if reply is Done else (Argument("reply", TABLE),)

    @property
    def gives_signature(self) -> str:
        return "".join(argument.signature for argument in self.gives)

    def values(self, track: str | None, signature: str, body: list[Any]) -> dict[str, Any]:
        """The fields of the command's arguments from a message, still as D-Bus has them.

        Raises:
            ControlError: `invalid_argument`: the signature is another one, or a field is given twice.
        """
        names = self._names_for(signature)
        values = dict(zip(names, body, strict=True))
        options = values.pop(OPTIONS, {})
        of_object = {} if track is None else {"track": track}
        if twice := sorted({*options} & {*values, *of_object}):
            raise ControlError(Code.INVALID_ARGUMENT, f"{self.command.name}: {twice[0]!r} is given twice")
        return {**of_object, **values, **options}

    def _names_for(self, signature: str) -> list[str]:
        for names in (self.takes, self.takes[:-1] if self._has_options else self.takes):
            if signature == "".join(argument.signature for argument in names):
                return [argument.name for argument in names]
        expected = " ".join(f"{argument.signature} {argument.name}" for argument in self.takes) or "nothing"
        raise ControlError(
            Code.INVALID_ARGUMENT, f"{self.command.name}: takes {expected}, and was given {signature or 'nothing'}"
        )

    @property
    def _has_options(self) -> bool:
        return bool(self.takes) and self.takes[-1].name == OPTIONS

    @property
    def _fields(self) -> list[tuple[str, FieldInfo]]:
        is_of_track = self.command.dbus[0] == TRACK
        fields = self.command.arguments.model_fields.items()
        return [(name, field) for name, field in fields if not (is_of_track and name == "track")]


@dataclass(frozen=True, slots=True)
class Property:
    """field: of the reply it is read from. is_constant: never changes while the daemon runs.

    setters: names of the commands for true and for false, when it can be written.
    """

    name: str
    signature: str
    field: str
    is_constant: bool = False
    setters: tuple[str, str] | None = None


@dataclass(frozen=True, slots=True)
class Signal:
    name: str
    arguments: tuple[Argument, ...]
    summary: str


@dataclass(frozen=True, slots=True)
class Interface:
    """All members, each in the order in which it is shown."""

    name: str
    summary: str
    methods: tuple[Method, ...]
    properties: tuple[Property, ...]
    signals: tuple[Signal, ...]


def _is_required(field: FieldInfo) -> bool:
    return field.is_required()


def _methods(interface: str) -> tuple[Method, ...]:
    return tuple(Method(command) for command in COMMANDS if command.dbus[0] == interface)


def _property(reply: type[Reply], field: str, name: str = "", *, is_constant: bool = False) -> Property:
    annotation = reply.model_fields[field].annotation
    return Property(name or member_name(field), signature_of(annotation), field, is_constant)


CONNECTION_PROPERTIES = (
    _property(ConnectionReply, "state", "ConnectionState"),
    _property(ConnectionReply, "reason", "ConnectionReason"),
    *(
        _property(ConnectionReply, field)
        for field in ("url", "room", "identity", "participant_sid", "server_version", "quality", "joins", "resumes")
    ),
    _property(ConnectionReply, "since", "ConnectedSince"),
)
"""Those of org.lkedge1.Manager that are read from the connection."""

DAEMON_PROPERTIES = (
    *(_property(StatusReply, field, is_constant=True) for field in ("version", "pid")),
    _property(StatusReply, "since"),
    _property(StatusReply, "config_files"),
)

TRACK_FIELDS = (
    "name", "kind", "source", "publish_as", "state", "reason", "sid", "codec", "encoder", "captures", "condition",
    "restarts", "layers",
)  # fmt: skip

LAYER_FIELDS = frozenset({"rid", "active", "width", "height", "bitrate", "framerate", "reason", "ssrc"})
"""What the property Layers tells: what is planned. Measurements change with every second; Status has them."""

assert set(LAYER_FIELDS) <= set(LayerReply.model_fields)

MUTED = Property("Muted", "b", "muted", setters=("mute", "unmute"))
ENABLED = Property("Enabled", "b", "state", setters=("enable", "disable"))

TRACK_PROPERTIES = (*(_property(TrackReply, field) for field in TRACK_FIELDS), MUTED, ENABLED)

INTERFACES = {
    MANAGER: Interface(
        MANAGER,
        "The daemon and its connection to the room.",
        _methods(MANAGER),
        (*DAEMON_PROPERTIES, *CONNECTION_PROPERTIES),
        (
            Signal("TrackAdded", (Argument("name", "s"), Argument("path", "o")), "A track is there."),
            Signal("TrackRemoved", (Argument("name", "s"), Argument("path", "o")), "A track has gone."),
            Signal(
                "Reloaded",
                (Argument("applied", "b"), Argument("summary", "s"), Argument("problems", "as")),
                "A configuration was applied, or refused for its problems.",
            ),
        ),
    ),
    TRACK: Interface(
        TRACK,
        "One track.",
        _methods(TRACK),
        TRACK_PROPERTIES,
        (Signal("ControlChanged", (Argument("control", TABLE),), "A control of the device has another value."),),
    ),
}
