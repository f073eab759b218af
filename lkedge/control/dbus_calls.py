"""Answers method calls on the bus: our methods, properties, the object manager and introspection."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Any

from dbus_fast import DBusError, DBusFastError, ErrorType, Message, MessageFlag, MessageType, Variant

from lkedge.control.api import COMMAND, MANAGER, TRACK, Access
from lkedge.control.arguments import Arguments
from lkedge.control.dbus_callers import Callers
from lkedge.control.dbus_filter import CUT, MAX_MESSAGE_BYTES
from lkedge.control.dbus_interfaces import INTERFACES, Method, Property
from lkedge.control.dbus_names import (
    INTROSPECTABLE,
    OBJECT_MANAGER,
    PEER,
    PROPERTIES,
    ROOT_PATH,
    TRACKS_PATH,
    interface_of,
    track_name,
    track_path,
)
from lkedge.control.dbus_objects import Properties, manager_properties, objects, track_properties
from lkedge.control.dbus_types import plain, table_of, text
from lkedge.control.dbus_xml import node_xml
from lkedge.control.errors import Code, ControlError
from lkedge.control.handler import Handler
from lkedge.control.parse import from_values
from lkedge.control.replies import Done, StatusReply, TrackReply

logger = logging.getLogger(__name__)

MAX_CALLS = 64
"""Calls under way at once; more are refused as busy."""

MAX_GUESTS = 16
"""Of those, for callers who may only read: they cannot lock out who may change."""

CALL_DEADLINE_S = 60.0
INTERNAL = "a fault of lkedge; the journal has the details"
TOO_LARGE = f"a call may have {MAX_MESSAGE_BYTES} bytes"

_METHODS = {name: {method.name: method for method in one.methods} for name, one in INTERFACES.items()}
_PROPERTIES = {name: {prop.name: prop for prop in one.properties} for name, one in INTERFACES.items()}
_STANDARD = {
    INTROSPECTABLE: {"Introspect": ""},
    OBJECT_MANAGER: {"GetManagedObjects": ""},
    PROPERTIES: {"Get": "ss", "GetAll": "s", "Set": "ssv"},
}

_CHILD = {"/": "org", "/org": "lkedge1", ROOT_PATH: "track"}

Answer = tuple[str, list[Any]]
"""Signature and body of a reply."""

NOTHING: Answer = ("", [])


class Calls:
    """The calls of one connection to the bus. Owned by the loop.

    send: writes a message to the bus; ConnectionError when it is gone.
    """

    def __init__(self, handler: Handler, callers: Callers, send: Callable[[Message], Awaitable[None]]) -> None:
        self._handler = handler
        self._callers = callers
        self._send = send
        self._tasks: set[asyncio.Task[None]] = set()
        self._guests: set[asyncio.Task[Any]] = set()

    def receive(self, message: Message) -> Message | bool:
        """A message handler of dbus-fast: True for what is answered here."""
        if message.message_type is not MessageType.METHOD_CALL:
            return False
        if message.flags & CUT:
            return Message.new_error(message, ErrorType.LIMITS_EXCEEDED.value, TOO_LARGE)
        if message.interface == PEER:
            return False
        if len(self._tasks) >= MAX_CALLS:
            return Message.new_error(message, Code.BUSY.dbus_name, f"{MAX_CALLS} calls are under way; try later")
        task = asyncio.get_running_loop().create_task(self._answer(message), name=f"dbus.{message.member}")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return True

    async def close(self) -> None:
        """End the calls that are under way."""
        tasks = tuple(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _answer(self, message: Message) -> None:
        reply = await self._reply(message)
        if message.flags & MessageFlag.NO_REPLY_EXPECTED:
            return
        try:
            await self._send(reply)
        except DBusFastError:
            logger.exception("the reply to %s cannot be written", message.member)
            await self._send(_error(message, Code.INTERNAL.dbus_name, INTERNAL))
        except ConnectionError as error:
            logger.debug("nobody to answer %s: %s", message.member, error)

    async def _reply(self, message: Message) -> Message:
        try:
            async with asyncio.timeout(CALL_DEADLINE_S):
                signature, body = await self._call(message)
        except ControlError as error:
            return _error(message, error.code.dbus_name, _with_problems(error))
        except DBusError as error:
            return _error(message, error.type, error.text)
        except TimeoutError:
            return _error(message, Code.TIMEOUT.dbus_name, f"no answer for {CALL_DEADLINE_S:g} s")
        except Exception:
            logger.exception("the call of %s failed", message.member)
            return _error(message, Code.INTERNAL.dbus_name, INTERNAL)
        return Message.new_method_return(message, signature, body)

    async def _call(self, message: Message) -> Answer:
        interface = message.interface or _interface_with(message)
        if interface in _STANDARD:
            _expect(message, _STANDARD[interface])
            return await self._standard(message)
        method = _METHODS.get(interface, {}).get(message.member or "")
        if method is None or interface != interface_of(_path(message)):
            raise DBusError(ErrorType.UNKNOWN_METHOD, f"{message.path} has no method {interface}.{message.member}")
        return await self._command(message, method)

    async def _command(self, message: Message, method: Method) -> Answer:
        command = method.command
        await self._check(message, command.access, command.name)
        values = method.values(track_name(_path(message)), message.signature, message.body)
        reply = await self._handler.call(command, from_values(command, plain(values)))
        if isinstance(reply, Done):
            return NOTHING
        return method.gives_signature, [reply if isinstance(reply, bytes) else table_of(reply)]

    async def _standard(self, message: Message) -> Answer:
        match message.member:
            case "Introspect":
                return "s", [await self._introspection(message)]
            case "GetManagedObjects":
                return "a{oa{sa{sv}}}", [await self._managed_objects(message)]
            case "Get":
                return "v", [await self._property(message, message.body[0], message.body[1])]
            case "GetAll":
                return "a{sv}", [await self._properties(message, message.body[0])]
        return await self._set_property(message, *message.body)

    async def _introspection(self, message: Message) -> str:
        """Free for all; which tracks there are is told to those who may look."""
        path = _path(message)
        if path in _CHILD:
            return node_xml(interface_of(path), [_CHILD[path]], is_root=path == ROOT_PATH)
        may_read = await self._callers.may_read(message.sender or "")
        names = [track.name for track in (await self._status()).tracks] if may_read else []
        if path == TRACKS_PATH:
            return node_xml(None, [track_path(name).rpartition("/")[2] for name in names])
        if interface_of(path) is None or (may_read and track_name(path) not in names):
            raise DBusError(ErrorType.UNKNOWN_OBJECT, f"there is no object {path}")
        return node_xml(TRACK, [])

    async def _managed_objects(self, message: Message) -> dict[str, dict[str, Properties]]:
        if message.path != ROOT_PATH:
            raise DBusError(ErrorType.UNKNOWN_METHOD, f"the object manager is {ROOT_PATH}, not {message.path}")
        await self._check(message, Access.READ, "GetManagedObjects")
        found = objects(await self._status())
        return {path: {TRACK: properties} for path, properties in found.items() if path != ROOT_PATH}

    async def _property(self, message: Message, interface: str, name: str) -> Variant:
        _known_property(interface, name)
        return (await self._properties(message, interface))[name]

    async def _properties(self, message: Message, interface: str) -> Properties:
        if interface in _STANDARD or interface == PEER:
            return {}
        path = _path(message)
        if interface not in INTERFACES or interface != interface_of(path):
            raise DBusError(ErrorType.UNKNOWN_INTERFACE, f"{path} has no interface {interface}")
        await self._check(message, Access.READ, "properties")
        if interface == MANAGER:
            return manager_properties(await self._status())
        arguments = from_values(COMMAND["track"], {"track": track_name(path)})
        track = await self._handler.call(COMMAND["track"], arguments)
        assert isinstance(track, TrackReply)
        return track_properties(track)

    async def _set_property(self, message: Message, interface: str, name: str, value: Variant) -> Answer:
        one = _known_property(interface, name)
        if interface != interface_of(_path(message)):
            raise DBusError(ErrorType.UNKNOWN_INTERFACE, f"{message.path} has no interface {interface}")
        if one.setters is None:
            raise DBusError(ErrorType.PROPERTY_READ_ONLY, f"{name} can only be read")
        wanted = plain(value)
        if not isinstance(wanted, bool):
            raise ControlError(
                Code.INVALID_ARGUMENT, f"{name} takes true or false (b), and was given {value.signature}"
            )
        command = COMMAND[one.setters[0 if wanted else 1]]
        await self._check(message, command.access, command.name)
        await self._handler.call(command, from_values(command, {"track": track_name(_path(message))}))
        return NOTHING

    async def _status(self) -> StatusReply:
        status = await self._handler.call(COMMAND["status"], Arguments())
        assert isinstance(status, StatusReply)
        return status

    async def _check(self, message: Message, access: Access, what: str) -> None:
        task = asyncio.current_task()
        if not await self._callers.check(message.sender or "", access, what) or task is None:
            return
        if len(self._guests) >= MAX_GUESTS:
            raise ControlError(Code.BUSY, f"{MAX_GUESTS} calls of those who may only read are under way; try later")
        self._guests.add(task)
        task.add_done_callback(self._guests.discard)


def _interface_with(message: Message) -> str:
    """The interface of a call that names none: the first of the object that has the method."""
    of_object = interface_of(_path(message))
    members: dict[str, Any] = {of_object: _METHODS[of_object]} if of_object else {}
    return next((name for name, found in (members | _STANDARD).items() if message.member in found), "")


def _expect(message: Message, signatures: dict[str, str]) -> None:
    expected = signatures.get(message.member or "")
    if expected is None:
        raise DBusError(ErrorType.UNKNOWN_METHOD, f"{message.interface} has no method {message.member}")
    if message.signature != expected:
        raise DBusError(ErrorType.INVALID_ARGS, f"{message.member} takes {expected}, and was given {message.signature}")


def _known_property(interface: str, name: str) -> Property:
    if interface not in INTERFACES:
        raise DBusError(ErrorType.UNKNOWN_INTERFACE, f"there is no interface {interface}")
    one = _PROPERTIES[interface].get(name)
    if one is None:
        raise DBusError(ErrorType.UNKNOWN_PROPERTY, f"{interface} has no property {name}")
    return one


def _error(message: Message, name: str, sentence: str) -> Message:
    return Message.new_error(message, name, text(sentence))


def _with_problems(error: ControlError) -> str:
    """An error on the bus is one text; the message has the first problems only."""
    is_whole = all(problem in error.message for problem in error.problems)
    return error.message if is_whole else "\n".join([error.message, *error.problems])


def _path(message: Message) -> str:
    return message.path or ""
