"""docs/control.md and the OpenAPI document say what there is."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from openapi_spec_validator import validate

from lkedge.control.api import COMMANDS, Command
from lkedge.control.changes import EventName
from lkedge.control.errors import Code
from lkedge.control.http_messages import MALFORMED, METHOD_NOT_ALLOWED, REQUEST_TIMEOUT, STATUS_OF, TOO_LARGE
from lkedge.control.metrics import Facts, Interface, Usage, metrics
from lkedge.control.openapi import document
from lkedge.testing.fake_target import FakeTarget

PAGE = (Path(__file__).resolve().parents[3] / "docs/control.md").read_text()


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command.name)
def test_every_command_is_documented_with_its_arguments(command: Command) -> None:
    row = next(line for line in PAGE.splitlines() if line.startswith(f"| `{command.http}` | `{command.name}` |"))
    in_path = set(re.findall(r"{(\w+)}", command.path))
    missing = [name for name in command.arguments.model_fields if name not in in_path and f"{name}" not in row]
    assert missing == []


def test_every_error_is_documented() -> None:
    codes = [*Code, MALFORMED, METHOD_NOT_ALLOWED, TOO_LARGE, REQUEST_TIMEOUT]
    assert [code for code in codes if f"| `{code}` |" not in PAGE] == []
    assert [code for code, status in STATUS_OF.items() if f"| `{code}` | {status} |" not in PAGE] == []


def test_every_event_is_documented() -> None:
    assert [name for name in EventName if f"`{name}`" not in PAGE] == []


def test_every_metric_is_documented_and_no_other() -> None:
    facts = Facts("1", FakeTarget().status(), 0.0, 1, Usage(0.0, 0), {}, Interface())
    names = set(re.findall(r"^# TYPE (\w+)", metrics(facts), flags=re.M))
    assert set(re.findall(r"`((?:lkedge|process)_\w+)`", PAGE)) == names


def test_the_openapi_document_is_valid() -> None:
    validate(document())


def test_it_tells_arguments_from_path_query_and_body() -> None:
    paths = document()["paths"]
    snapshot = {entry["name"]: entry["in"] for entry in paths["/v1/tracks/{track}/snapshot"]["get"]["parameters"]}
    assert snapshot == {"track": "path", "width": "query"}
    body = paths["/v1/tracks/{track}/layers/{rid}"]["put"]["requestBody"]["content"]["application/json"]["schema"]
    assert set(body["properties"]) == {"enabled", "max_bitrate", "max_framerate", "persist"}
