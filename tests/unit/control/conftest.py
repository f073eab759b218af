"""The real HTTP server on a socket in a temporary folder, with a fake daemon behind it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest

from lkedge.config.models import ControlConfig
from lkedge.control.handler import Handler
from lkedge.control.http_connection import Limits
from lkedge.control.http_server import HttpControl
from lkedge.testing.fake_target import FakeTarget
from tests.unit.control.http_client import Client


@pytest.fixture
def target() -> FakeTarget:
    return FakeTarget()


@pytest.fixture
def handler(target: FakeTarget) -> Handler:
    return Handler(target)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "control.sock"


Serve = Callable[..., Awaitable[HttpControl]]


@pytest.fixture
async def serve(handler: Handler, path: Path) -> AsyncIterator[Serve]:
    """Starts a server with other limits; it is stopped at the end of the test."""
    servers: list[HttpControl] = []

    async def do(limits: Limits | None = None, **settings: object) -> HttpControl:
        config = ControlConfig(socket=path, socket_group="")
        server = HttpControl(handler, ControlConfig(**{**_fields(config), **settings}), limits=limits)
        servers.append(server)
        await server.start()
        return server

    yield do
    for server in servers:
        await server.stop()
    await handler.close()


def _fields(config: ControlConfig) -> dict[str, object]:
    return {name: getattr(config, name) for name in ControlConfig.__slots__}


@pytest.fixture
async def client(serve: Serve, path: Path) -> Client:
    """Of a running server."""
    await serve()
    return Client(path)
