"""The client against the loop-back SFU's WebSocket, and against servers that are none."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import TypeVar

import pytest

from lkedge.errors import JoinRefused, ServerLeave, SignalError, SignalLost
from lkedge.signaling import events, requests
from lkedge.signaling.channel import QUEUE_LIMIT
from lkedge.signaling.claims import Grants, mint_token, sign
from lkedge.signaling.client import MAX_MESSAGE_BYTES, SignalClient
from lkedge.terms import Cid, Codec, TrackSid, TrackSource
from lkedge.testing.sfu import LoopbackSfu
from lkedge.testing.sfu_settings import Faults, SfuSettings

Event = TypeVar("Event")


class Listener:
    """Keeps events; tests wait for them."""

    def __init__(self) -> None:
        self.events: list[events.SignalEvent] = []
        self._changed = asyncio.Event()

    def __call__(self, event: events.SignalEvent) -> None:
        self.events.append(event)
        self._changed.set()

    async def wait(self, kind: type[Event]) -> Event:
        async with asyncio.timeout(5):
            while True:
                for event in self.events:
                    if isinstance(event, kind):
                        return event
                self._changed.clear()
                await self._changed.wait()


@asynccontextmanager
async def connected(sfu: LoopbackSfu) -> AsyncIterator[tuple[SignalClient, Listener]]:
    listener = Listener()
    client = SignalClient(listener)
    await client.connect(sfu.url, sfu.token())
    try:
        yield client, listener
    finally:
        await client.close()


@asynccontextmanager
async def tcp_server(
    serve: Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]],
) -> AsyncIterator[str]:
    """A server that is no LiveKit server; yields its address."""
    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield f"ws://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    finally:
        server.close()


async def test_joins_and_leaves() -> None:
    async with LoopbackSfu() as sfu:
        async with connected(sfu) as (client, listener):
            participant = sfu.participant()
            await listener.wait(events.TokenRefreshed)
            assert client.is_connected
            assert client.protocol.sid == participant.sid
            assert participant.query["sdk"] == "python"
            assert participant.query["protocol"] == "16"
        await sfu.until(lambda: not sfu.participants)

        assert participant.requests[-1].leave.reason == 1
        assert not client.is_connected
        assert not any(isinstance(event, events.SignalClosed) for event in listener.events)


async def test_a_request_and_its_answer() -> None:
    async with LoopbackSfu() as sfu, connected(sfu) as (client, listener):
        client.send(requests.AddTrack(Cid("c"), "mic", TrackSource.MICROPHONE, Codec.OPUS))
        client.send(requests.Mute(TrackSid("TR_none"), True))

        assert (await listener.wait(events.TrackPublished)).cid == "c"
        assert (await listener.wait(events.RequestRefused)).reason == "NOT_FOUND"


async def test_pings_at_the_servers_interval() -> None:
    async with LoopbackSfu(SfuSettings(ping_interval_s=1)) as sfu, connected(sfu) as (client, _):
        await sfu.until(lambda: any(request.HasField("ping_req") for request in sfu.participant().requests))
        async with asyncio.timeout(5):
            while client.protocol.rtt_ms is None:
                await asyncio.sleep(0)


async def test_a_silent_server_is_given_up() -> None:
    async with (
        LoopbackSfu(SfuSettings(ping_interval_s=60, ping_timeout_s=1)) as sfu,
        connected(sfu) as (client, listener),
    ):
        assert "silent" in (await listener.wait(events.SignalClosed)).reason
        assert not client.is_connected


async def test_a_dropped_socket_is_told_once() -> None:
    async with LoopbackSfu() as sfu, connected(sfu) as (client, listener):
        sfu.drop_socket(sfu.participant())

        assert "broke" in (await listener.wait(events.SignalClosed)).reason
        with pytest.raises(SignalLost, match="Mute was not sent"):
            client.send(requests.Mute(TrackSid("TR"), True))
        await client.close()
        assert sum(isinstance(event, events.SignalClosed) for event in listener.events) == 1


async def test_a_leave_comes_before_the_end() -> None:
    async with LoopbackSfu() as sfu, connected(sfu) as (_, listener):
        sfu.dismiss(sfu.participant(), "disconnect", "PARTICIPANT_REMOVED")
        await listener.wait(events.SignalClosed)

        left, closed = listener.events[-2:]
        assert left == events.Left(events.LeaveAction.DISCONNECT, "PARTICIPANT_REMOVED")
        assert isinstance(closed, events.SignalClosed)


async def test_a_duplicate_throws_the_first_out() -> None:
    async with LoopbackSfu() as sfu, connected(sfu) as (_, first), connected(sfu):
        assert (await first.wait(events.Left)).reason == "DUPLICATE_IDENTITY"


async def test_nonsense_is_warned_about_once_and_counted(caplog: pytest.LogCaptureFixture) -> None:
    async with LoopbackSfu() as sfu, connected(sfu) as (client, listener):
        with caplog.at_level(logging.WARNING, "lkedge"):
            for nonsense in ("text", b"\xff\xff\xff", b"GET / HTTP/1.1", "more text"):
                sfu.send_raw(sfu.participant(), nonsense)
            sfu.refresh_token(sfu.participant())
            async with asyncio.timeout(5):
                while sum(isinstance(event, events.TokenRefreshed) for event in listener.events) < 2:
                    await asyncio.sleep(0)

        assert client.protocol.unreadable == 4
        assert client.is_connected
        assert [record.levelname for record in caplog.records] == ["WARNING"]


async def test_a_huge_frame_ends_the_connection() -> None:
    async with LoopbackSfu() as sfu, connected(sfu) as (_, listener):
        sfu.send_raw(sfu.participant(), bytes(MAX_MESSAGE_BYTES + 1))
        assert "broke the WebSocket protocol" in (await listener.wait(events.SignalClosed)).reason


async def test_an_overflowing_queue_ends_the_connection() -> None:
    async with LoopbackSfu() as sfu, connected(sfu) as (client, listener):
        for _ in range(QUEUE_LIMIT + 1):
            client.send(requests.Mute(TrackSid("TR"), True))
        assert "takes none" in (await listener.wait(events.SignalClosed)).reason


async def test_send_before_connect_is_an_error() -> None:
    with pytest.raises(SignalLost, match="no signalling connection"):
        SignalClient(Listener()).send(requests.Leave())


async def test_connect_twice_is_an_error() -> None:
    async with LoopbackSfu() as sfu, connected(sfu) as (client, _):
        with pytest.raises(SignalError, match="already open"):
            await client.connect(sfu.url, sfu.token())


async def test_resume_of_a_forgotten_session() -> None:
    async with LoopbackSfu() as sfu:
        with pytest.raises(ServerLeave) as left:
            await SignalClient(Listener()).connect(sfu.url, sfu.token(), requests.ResumeFrom("PA_gone", "camera"))
        assert (left.value.action, left.value.reason) == ("reconnect", "STATE_MISMATCH")


@pytest.mark.parametrize(
    ("token", "status", "complaint"),
    [
        (
            lambda sfu: mint_token("other", "x" * 32, identity="a", room="r", now_s=time.time()),
            401,
            "check the API key",
        ),
        (
            lambda sfu: mint_token("devkey", "x" * 32, identity="a", room="r", now_s=time.time()),
            401,
            "check the API key",
        ),
        (lambda sfu: sfu.token(grants=Grants(ttl_s=-600)), 401, "the token expired on"),
        (lambda sfu: sign({"iss": "devkey", "sub": "a"}, sfu.settings.api_secret), 401, "no roomJoin grant"),
        (lambda sfu: "nonsense", 401, "no LiveKit access token"),
    ],
)
async def test_refused_tokens(token: Callable[[LoopbackSfu], str], status: int, complaint: str) -> None:
    async with LoopbackSfu() as sfu:
        text = token(sfu)
        with pytest.raises(JoinRefused, match=complaint) as refused:
            await SignalClient(Listener()).connect(sfu.url, text)

    assert refused.value.status == status
    assert not refused.value.retryable
    assert sfu.url.removeprefix("ws://") in str(refused.value)
    assert text not in str(refused.value)


@pytest.mark.parametrize(
    ("status", "complaint", "retryable"),
    [(404, "make the room first", True), (503, "at its limits", True), (418, "is it", False)],
)
async def test_refusals_by_status(status: int, complaint: str, retryable: bool) -> None:
    async with LoopbackSfu(faults=Faults(handshake_status=status)) as sfu:
        with pytest.raises(JoinRefused, match=complaint) as refused:
            await SignalClient(Listener()).connect(sfu.url, sfu.token())
    assert (refused.value.status, refused.value.retryable) == (status, retryable)


async def test_a_room_that_does_not_exist() -> None:
    async with LoopbackSfu(SfuSettings(auto_create=False)) as sfu:
        with pytest.raises(JoinRefused, match=r"status 404 \(requested room does not exist\): make the room"):
            await SignalClient(Listener()).connect(sfu.url, sfu.token())


async def test_the_first_message_may_be_a_leave() -> None:
    async with LoopbackSfu(faults=Faults(leave_first=("disconnect", "ROOM_DELETED"))) as sfu:
        with pytest.raises(ServerLeave, match="ROOM_DELETED"):
            await SignalClient(Listener()).connect(sfu.url, sfu.token())


@pytest.mark.parametrize("first", [b"", b"\xff\xff", "text"])
async def test_no_join_response(first: bytes | str) -> None:
    async with LoopbackSfu(faults=Faults(first_message=first)) as sfu:
        with pytest.raises(SignalLost, match=r"no join response came in 0\.2 s"):
            await SignalClient(Listener(), first_message_timeout_s=0.2).connect(sfu.url, sfu.token())


@pytest.mark.parametrize(
    ("url", "complaint"),
    [
        ("ws://127.0.0.1:1", "127.0.0.1:1 refuses the connection"),
        ("ws://localhost:1", "localhost:1 refuses the connection"),
        ("ws://nosuch.invalid", "nosuch.invalid:80 cannot be found"),
    ],
)
async def test_no_server(url: str, complaint: str) -> None:
    with pytest.raises(SignalLost, match=complaint):
        await SignalClient(Listener()).connect(url, "token")


async def test_a_server_that_never_answers() -> None:
    async def hold(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()

    async with tcp_server(hold) as url:
        with pytest.raises(SignalLost, match=r"did not answer within 0\.2 s"):
            await SignalClient(Listener(), connect_timeout_s=0.2).connect(url, "token")


@pytest.mark.parametrize(
    ("scheme", "complaint"), [("ws", "does not speak HTTP"), ("wss", "does not speak TLS here: use ws://")]
)
async def test_a_server_that_speaks_something_else(scheme: str, complaint: str) -> None:
    async def ssh(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(10)
        writer.write(b"SSH-2.0-OpenSSH_9.2\r\n")
        writer.close()

    async with tcp_server(ssh) as url:
        with pytest.raises(SignalLost, match=complaint):
            await SignalClient(Listener()).connect(url.replace("ws", scheme, 1), "token")


async def test_a_redirect_does_not_get_the_token() -> None:
    async def redirect(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 302 Found\r\nLocation: ws://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n")
        await writer.drain()
        writer.close()

    async with tcp_server(redirect) as url:
        with pytest.raises(JoinRefused, match="status 302"):
            await SignalClient(Listener()).connect(url, "token")


async def test_a_cancelled_connect_leaves_nothing() -> None:
    async with LoopbackSfu(faults=Faults(first_message=b"")) as sfu:
        task = asyncio.create_task(SignalClient(Listener()).connect(sfu.url, sfu.token()))
        await sfu.until(lambda: sfu.handshakes)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
