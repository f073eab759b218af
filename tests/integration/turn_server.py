"""A TURN server for one client per port, on 127.0.0.1 (RFC 8656): UDP, TCP or TLS towards the client."""

from __future__ import annotations

import asyncio
import ssl
import struct
from collections.abc import Callable
from typing import Any

from aioice import stun
from aioice.turn import TurnStreamMixin, make_integrity_key

ADDRESS = "127.0.0.1"
REALM, USERNAME, PASSWORD = "test", "user", "secret"
KEY = make_integrity_key(USERNAME, REALM, PASSWORD)


class _Relay(asyncio.DatagramProtocol):
    """The relayed address of one allocation."""

    def __init__(self, to_client: Callable[[bytes], None]) -> None:
        self._to_client = to_client
        self.channels: dict[int, tuple[str, int]] = {}

    def connection_made(self, transport: Any) -> None:
        self.transport = transport

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        for number, peer in self.channels.items():
            if peer == addr:
                self._to_client(struct.pack("!HH", number, len(data)) + data + bytes(-len(data) % 4))


class TurnServer:
    """relayed: packets that went from the client to a peer. mapped: what BINDING answers, or the truth."""

    def __init__(self) -> None:
        self.relayed = 0
        self.allocations = 0
        self.mapped: tuple[str, int] | None = None
        self.port = 0
        self._relays: dict[object, _Relay] = {}
        self._servers: list[Any] = []

    async def listen_udp(self) -> None:
        server = self

        class Udp(asyncio.DatagramProtocol):
            def connection_made(self, transport: Any) -> None:
                self.transport = transport

            def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
                server._take(data, addr, addr, lambda reply: self.transport.sendto(reply, addr))

        loop = asyncio.get_running_loop()
        transport, _ = await loop.create_datagram_endpoint(Udp, local_addr=(ADDRESS, 0))
        self._servers.append(transport)
        self.port = transport.get_extra_info("sockname")[1]

    async def listen_tcp(self, context: ssl.SSLContext | None = None) -> None:
        server = self

        class Tcp(TurnStreamMixin, asyncio.Protocol):
            transport: Any

            def connection_made(self, transport: Any) -> None:
                self.transport = transport
                server._servers.append(transport)

            def datagram_received(self, data: bytes, addr: Any) -> None:
                server._take(data, addr, self, self.transport.write)

        listener = await asyncio.get_running_loop().create_server(Tcp, ADDRESS, 0, ssl=context)
        self._servers.append(listener)
        self.port = listener.sockets[0].getsockname()[1]

    def close(self) -> None:
        for relay in self._relays.values():
            relay.transport.close()
        for server in self._servers:
            server.close()

    def _take(self, data: bytes, addr: tuple[str, int], client: object, reply: Callable[[bytes], None]) -> None:
        if data[0] & 0xC0 == 0x40:
            self._forward(data, self._relays[client])
            return
        task = asyncio.ensure_future(self._answer(stun.parse_message(data), addr, client, reply))
        task.add_done_callback(lambda done: done.result())

    def _forward(self, data: bytes, relay: _Relay) -> None:
        number, length = struct.unpack("!HH", data[:4])
        self.relayed += 1
        relay.transport.sendto(data[4 : 4 + length], relay.channels[number])

    async def _answer(
        self, request: stun.Message, addr: tuple[str, int], client: object, reply: Callable[[bytes], None]
    ) -> None:
        is_signed = request.message_method == stun.Method.BINDING or "USERNAME" in request.attributes
        response = stun.Message(
            message_method=request.message_method,
            message_class=stun.Class.RESPONSE if is_signed else stun.Class.ERROR,
            transaction_id=request.transaction_id,
        )
        if not is_signed:
            response.attributes.update({"ERROR-CODE": (401, "Unauthorized"), "REALM": REALM, "NONCE": b"nonce"})
        else:
            await self._do(request, response, addr, client, reply)
            response.add_message_integrity(KEY)
        reply(bytes(response))

    async def _do(
        self,
        request: stun.Message,
        response: stun.Message,
        addr: tuple[str, int],
        client: object,
        reply: Callable[[bytes], None],
    ) -> None:
        match request.message_method:
            case stun.Method.BINDING:
                response.attributes["XOR-MAPPED-ADDRESS"] = self.mapped or addr
            case stun.Method.ALLOCATE:
                relay = await self._allocate(client, reply)
                response.attributes["XOR-RELAYED-ADDRESS"] = relay.transport.get_extra_info("sockname")
                response.attributes["XOR-MAPPED-ADDRESS"] = addr
                response.attributes["LIFETIME"] = 600
            case stun.Method.CHANNEL_BIND:
                number = request.attributes["CHANNEL-NUMBER"]
                self._relays[client].channels[number] = request.attributes["XOR-PEER-ADDRESS"]
            case stun.Method.REFRESH:
                response.attributes["LIFETIME"] = request.attributes["LIFETIME"]
                if request.attributes["LIFETIME"] == 0:
                    self._relays.pop(client).transport.close()

    async def _allocate(self, client: object, reply: Callable[[bytes], None]) -> _Relay:
        self.allocations += 1
        loop = asyncio.get_running_loop()
        _, relay = await loop.create_datagram_endpoint(lambda: _Relay(reply), local_addr=(ADDRESS, 0))
        self._relays[client] = relay
        return relay
