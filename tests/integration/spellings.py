"""The same call through HTTP and through D-Bus, and what comes back in the same shape."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from dbus_fast import Variant

from lkedge.config.models import ControlConfig
from lkedge.control.api import TRACK, Command
from lkedge.control.dbus_interfaces import Method
from lkedge.control.dbus_names import ROOT_PATH, track_path
from lkedge.control.dbus_types import plain
from lkedge.control.errors import Code
from lkedge.control.handler import Handler
from lkedge.control.http_server import HttpControl
from lkedge.control.target import ControlTarget
from lkedge.ctl import http
from lkedge.ctl.client import quote
from tests.integration.bus_client import BusClient, Refused

Said = tuple[Any, str, str]
"""Reply, and code and message of a refusal."""


@asynccontextmanager
async def over_http(folder: Path, target: ControlTarget) -> AsyncIterator[str]:
    handler, path = Handler(target), folder / "control.sock"
    control = HttpControl(handler, ControlConfig(socket=path))
    await control.start()
    try:
        yield str(path)
    finally:
        await control.stop()
        await handler.close()


async def by_http(path: str, command: Command, values: Mapping[str, Any]) -> Said:
    rest, target = dict(values), command.path
    for name in [name for name in values if f"{{{name}}}" in target]:
        target = target.replace(f"{{{name}}}", quote(str(rest.pop(name))))
    body = None
    if command.method in ("GET", "DELETE"):
        query = "&".join(f"{name}={quote(json.dumps(value).strip(chr(34)))}" for name, value in rest.items())
        target += f"?{query}" if query else ""
    else:
        body = json.dumps(rest).encode()
    response = await asyncio.to_thread(http.request, path, command.method, target, body, timeout_s=30)
    if command.reply is bytes and response.status == 200:
        return response.body, "", ""
    reply = json.loads(response.body)
    if response.status != 200:
        return None, reply["error"]["code"], reply["error"]["message"]
    return without_none(reply), "", ""


async def by_bus(client: BusClient, command: Command, values: Mapping[str, Any]) -> Said:
    interface, member = command.dbus
    rest = dict(values)
    path = track_path(rest.pop("track")) if interface == TRACK else ROOT_PATH
    signature, body = as_message(Method(command), rest)
    try:
        replies = await client.call(path, interface, member, signature, *body)
    except Refused as error:
        code = next(code for code in Code if code.dbus_name == error.name)
        return None, code.value, error.text
    return (plain_reply(replies[0]) if replies else {}), "", ""


def as_message(method: Method, values: dict[str, Any]) -> tuple[str, list[Any]]:
    """The values in the method's own signature where they fit, else in the one that they have."""
    taken = {argument.name: argument.signature for argument in method.takes if argument.name in values}
    body = [as_type(signature, values.pop(name)) for name, signature in taken.items()]
    if any(
        isinstance(value, Variant) and signature != "v" for value, signature in zip(body, taken.values(), strict=True)
    ):
        return "v" * len(body), [as_type("v", value) for value in body]
    signature = "".join(taken.values())
    return (f"{signature}a{{sv}}", [*body, as_type("a{sv}", values)]) if values else (signature, body)


def as_type(signature: str, value: Any) -> Any:
    """For dbus-fast; a Variant where the value does not fit."""
    if signature == "a{sv}" and isinstance(value, dict):
        return {name: as_type("v", entry) for name, entry in value.items()}
    if signature == "v":
        return value if isinstance(value, Variant) else variant(value)
    return value if isinstance(value, {"s": str, "b": bool}.get(signature, ())) else variant(value)


def variant(value: Any) -> Variant:
    if isinstance(value, dict):
        return Variant("a{sv}", as_type("a{sv}", value))
    if isinstance(value, list):
        inner = "s" if all(isinstance(entry, str) for entry in value) else "a{sv}"
        return Variant(f"a{inner}", [as_type(inner, entry) for entry in value])
    return Variant({bool: "b", int: "x", float: "d", str: "s"}[type(value)], value)


def plain_reply(reply: Any) -> Any:
    return bytes(reply) if isinstance(reply, bytes | bytearray) else plain(reply)


def without_none(value: Any) -> Any:
    """D-Bus has no null: what is unknown is left out there."""
    if isinstance(value, dict):
        return {name: without_none(entry) for name, entry in value.items() if entry is not None}
    return [without_none(entry) for entry in value] if isinstance(value, list) else value
