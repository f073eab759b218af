# lkedge: pure
"""The OpenAPI document, made from the table of commands and the models."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel

from lkedge import __version__
from lkedge.control import replies
from lkedge.control.api import COMMANDS, Access, Command
from lkedge.control.http_routes import Resource

REF = "#/components/schemas/{model}"
_PROBLEMS = {
    "400": "an argument is wrong, or the body is no JSON",
    "403": "you may not do this",
    "404": "there is no such track, layer or control",
    "503": "not possible now, or too busy",
}
_EVENTS = (
    "A stream of server-sent events: first `state` with everything, then `track_added`, `track_changed`, "
    "`track_removed`, `layers_changed`, `connection_changed`, `control_changed` and `reloaded`."
)


_LICENSE = {"name": "Apache-2.0", "identifier": "Apache-2.0"}
_EVENT_MODELS = (replies.LayersEvent, replies.RemovedEvent, replies.ControlEvent, replies.ReloadedEvent)


class Description:
    """Grows command by command, so that an event loop can do other things in between: all of it takes 50 ms."""

    def __init__(self) -> None:
        self._schemas: dict[str, Any] = {"Error": _error_schema()}
        self._paths: dict[str, dict[str, Any]] = {}

    def add(self, command: Command) -> None:
        """Describe one command."""
        self._paths.setdefault(command.path, {})[command.method.lower()] = _operation(command, self._schemas)

    def document(self) -> dict[str, Any]:
        """OpenAPI 3.1 of what was added, and of what only HTTP has."""
        for model in _EVENT_MODELS:
            _reference(model, self._schemas)
        return {
            "openapi": "3.1.0",
            "info": {"title": "lkedge control", "version": __version__, "license": _LICENSE},
            "servers": [{"url": "http://localhost", "description": "the Unix socket, /run/lkedge/control.sock"}],
            "paths": self._paths | _resources(),
            "components": {"schemas": dict(sorted(self._schemas.items()))},
        }


def document() -> dict[str, Any]:
    """The whole document."""
    description = Description()
    for command in COMMANDS:
        description.add(command)
    return description.document()


def _operation(command: Command, schemas: dict[str, Any]) -> dict[str, Any]:
    schema = _arguments_schema(command, schemas)
    operation: dict[str, Any] = {
        "operationId": command.name,
        "summary": command.summary,
        "description": _RIGHTS[command.access],
        "responses": {"200": _success(command, schemas), **_failures()},
    }
    parameters = [_path_parameter(name, schema) for name in _path_fields(command)]
    remaining = {name: value for name, value in schema["properties"].items() if name not in _path_fields(command)}
    if command.method in ("GET", "DELETE"):
        parameters += [_query_parameter(name, value) for name, value in remaining.items()]
    elif remaining:
        operation["requestBody"] = _body(schema, remaining)
    return operation | ({"parameters": parameters} if parameters else {})


_RIGHTS = {
    Access.READ: 'For everybody who may change things; with `allow_read = "everyone"` for every user.',
    Access.CHANGE: "For root, the daemon's own user, and the members of `socket_group`.",
}


def _path_fields(command: Command) -> list[str]:
    return [segment[1:-1] for segment in command.path.split("/") if segment.startswith("{")]


def _path_parameter(name: str, schema: dict[str, Any]) -> dict[str, Any]:
    return _parameter(name, "path", schema["properties"][name]) | {"required": True}


def _query_parameter(name: str, schema: dict[str, Any]) -> dict[str, Any]:
    return _parameter(name, "query", schema)


def _parameter(name: str, place: str, schema: dict[str, Any]) -> dict[str, Any]:
    description = schema.get("description", "")
    plain = {key: value for key, value in schema.items() if key != "description"}
    return {"name": name, "in": place, "description": description, "schema": plain}


def _body(schema: dict[str, Any], properties: dict[str, Any]) -> dict[str, Any]:
    required = [name for name in schema.get("required", ()) if name in properties]
    content = {"type": "object", "properties": properties, "additionalProperties": False}
    content |= {"required": required} if required else {}
    return {"required": bool(required), "content": {"application/json": {"schema": content}}}


def _success(command: Command, schemas: dict[str, Any]) -> dict[str, Any]:
    if issubclass(command.reply, bytes):
        return {"description": "a picture", "content": {"image/jpeg": {}}}
    return {"description": "done", "content": {"application/json": {"schema": _reference(command.reply, schemas)}}}


def _failures() -> dict[str, Any]:
    content = {"application/json": {"schema": {"$ref": REF.format(model="Error")}}}
    named = {status: {"description": text, "content": content} for status, text in _PROBLEMS.items()}
    return named | {"default": {"description": "another error", "content": content}}


def _arguments_schema(command: Command, schemas: dict[str, Any]) -> dict[str, Any]:
    schema: dict[str, Any] = command.arguments.model_json_schema(ref_template=REF)
    _take_definitions(schema, schemas)
    schema.setdefault("properties", {})
    return schema


def _reference(model: type[BaseModel], schemas: dict[str, Any]) -> dict[str, str]:
    if model.__name__ not in schemas:
        schema = model.model_json_schema(ref_template=REF, mode="serialization")
        _take_definitions(schema, schemas)
        schemas[model.__name__] = _untitled(schema)
    return {"$ref": REF.format(model=model.__name__)}


def _take_definitions(schema: dict[str, Any], schemas: dict[str, Any]) -> None:
    for name, definition in schema.pop("$defs", {}).items():
        schemas.setdefault(name, _untitled(definition))
    for key, value in schema.get("properties", {}).items():
        schema["properties"][key] = _untitled(value)


def _untitled(node: Any) -> Any:
    """Without the titles that only repeat the names."""
    if isinstance(node, list):
        return [_untitled(entry) for entry in node]
    if not isinstance(node, dict):
        return node
    return {key: _untitled(value) for key, value in node.items() if not (key == "title" and isinstance(value, str))}


def _error_schema() -> dict[str, Any]:
    text = {"type": "string"}
    properties = {
        "code": text | {"description": "stable, such as not_found or invalid_argument"},
        "message": text | {"description": "a sentence for people"},
        "problems": {"type": "array", "items": text, "description": "every single problem"},
    }
    error = {"type": "object", "properties": properties, "required": list(properties)}
    return {"type": "object", "properties": {"error": error}, "required": ["error"]}


def _resources() -> dict[str, Any]:
    return {
        Resource.EVENTS.value: _page("events", _EVENTS, "text/event-stream"),
        Resource.OPENAPI.value: _page("openapi", "This document.", "application/json"),
        Resource.METRICS.value: _page("metrics", "The state as Prometheus reads it.", "text/plain"),
    }


def _page(name: str, summary: str, content_type: str) -> dict[str, Any]:
    success = {"description": summary, "content": {content_type: {}}}
    return {"get": {"operationId": name, "summary": summary, "responses": {"200": success, **_failures()}}}
