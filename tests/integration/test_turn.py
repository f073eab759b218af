"""STUN and TURN against a small server of our own: UDP, TCP and TLS."""

from __future__ import annotations

import asyncio
import datetime
import ipaddress
import json
import ssl
import struct
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from lkedge.rtc.publisher_transport import PublisherTransport
from lkedge.rtc.sdp import SectionSpec
from lkedge.rtc.settings import IceSettings, TransportState, TransportTimings
from lkedge.terms import Cid, Codec, IceServer, Ssrc
from tests.integration.transport_peer import TransportPeer
from tests.integration.turn_server import PASSWORD, USERNAME, TurnServer

MICROPHONE = SectionSpec(codec=Codec.OPUS, cid=Cid("mic"), stream_id="s", ssrc=Ssrc(7))
PACKET = struct.pack("!BBHII", 0x80, 111, 1, 0, 7) + b"payload"


@pytest.fixture
async def peer() -> AsyncIterator[TransportPeer]:
    made = TransportPeer()
    yield made
    await made.close()


@pytest.fixture
async def turn() -> AsyncIterator[TurnServer]:
    made = TurnServer()
    yield made
    made.close()


def server_context(folder: Path) -> ssl.SSLContext:
    """TLS for 127.0.0.1 with a certificate in folder/cert.pem."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.datetime.now(datetime.UTC)
    builder = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
    builder = builder.serial_number(1).not_valid_before(now - datetime.timedelta(days=1))
    builder = builder.not_valid_after(now + datetime.timedelta(days=1))
    address = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
    certificate = builder.add_extension(address, critical=False).sign(key, hashes.SHA256())
    (folder / "cert.pem").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    pem = serialization.PrivateFormat.PKCS8
    (folder / "key.pem").write_bytes(key.private_bytes(serialization.Encoding.PEM, pem, serialization.NoEncryption()))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "cert.pem", folder / "key.pem")
    return context


class Published:
    def __init__(self, settings: IceSettings) -> None:
        self.trickled: list[str | None] = []
        self.transport = PublisherTransport(
            settings=settings,
            on_rtcp=lambda data: None,
            on_state=lambda state: None,
            on_candidate=self.trickled.append,
            timings=TransportTimings(answer_s=2, ice_s=5, dtls_s=5, gather_s=2),
        )
        self.transport.add_section(MICROPHONE)

    @property
    def candidates(self) -> list[str]:
        return [json.loads(init)["candidate"] for init in self.trickled if init is not None]


async def relay_through(peer: TransportPeer, url: str) -> Published:
    """Connect by TURN only and send one packet."""
    servers = (IceServer((url,), USERNAME, PASSWORD),)
    published = Published(IceSettings(servers=servers, force_relay=True, loopback=True))
    await published.transport.negotiate(peer.answer)
    await peer.connected()
    assert published.transport.send_many([bytearray(PACKET)]) == 1
    assert (await asyncio.wait_for(peer.rtp.get(), 2)).payload == b"payload"
    return published


async def test_turn_over_udp(peer: TransportPeer, turn: TurnServer) -> None:
    await turn.listen_udp()
    published = await relay_through(peer, f"turn:127.0.0.1:{turn.port}?transport=udp")
    assert turn.relayed > 0
    assert " typ relay " in published.candidates[0]
    assert published.trickled[-1] is None
    assert "a=candidate" not in peer.offers[0]
    await published.transport.close()


async def test_turn_over_tcp(peer: TransportPeer, turn: TurnServer) -> None:
    await turn.listen_tcp()
    published = await relay_through(peer, f"turn:127.0.0.1:{turn.port}?transport=tcp")
    assert turn.relayed > 0
    await published.transport.close()


async def test_turn_over_tls(
    peer: TransportPeer, turn: TurnServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    await turn.listen_tcp(server_context(tmp_path))
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "cert.pem"))
    published = await relay_through(peer, f"turns:127.0.0.1:{turn.port}?transport=tcp")
    assert turn.relayed > 0
    await published.transport.close()


async def test_second_turn_server_serves_when_the_first_is_dead(peer: TransportPeer, turn: TurnServer) -> None:
    await turn.listen_udp()
    servers = tuple(IceServer((f"turn:127.0.0.1:{port}",), USERNAME, PASSWORD) for port in (9, turn.port))
    published = Published(IceSettings(servers=servers, force_relay=True, loopback=True))
    await published.transport.negotiate(peer.answer)
    assert published.transport.state is TransportState.CONNECTED
    await published.transport.close()


async def test_direct_path_does_not_wait_for_servers(peer: TransportPeer, turn: TurnServer) -> None:
    await turn.listen_udp()
    urls = (f"turn:127.0.0.1:{turn.port}", "turn:no-such-host.invalid", "stun:no-such-host.invalid")
    published = Published(IceSettings(servers=(IceServer(urls, USERNAME, PASSWORD),), loopback=True))
    await published.transport.negotiate(peer.answer)
    assert published.transport.state is TransportState.CONNECTED
    assert "a=end-of-candidates" not in peer.offers[0]
    await published.transport.close()


async def test_reflexive_address_is_trickled(peer: TransportPeer, turn: TurnServer) -> None:
    turn.mapped = ("203.0.113.5", 4321)
    await turn.listen_udp()

    async def exchange(offer: str) -> str:
        await asyncio.sleep(0.2)
        return await peer.answer(offer)

    published = Published(IceSettings(servers=(IceServer((f"stun:127.0.0.1:{turn.port}",)),), loopback=True))
    await published.transport.negotiate(exchange)
    assert "203.0.113.5 4321 typ srflx raddr 127.0.0.1" in published.candidates[0]
    assert published.trickled[-1] is None
    await published.transport.close()
