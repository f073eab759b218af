"""Reads the way to the server: name, TCP, and what the server says to our token."""

from __future__ import annotations

import asyncio
import socket
import time
from dataclasses import replace
from typing import TYPE_CHECKING

from lkedge.clock import SECOND_NS, SystemClock
from lkedge.doctor.facts import Network
from lkedge.doctor.files import Files
from lkedge.errors import LkedgeError
from lkedge.signaling.address import SignalAddress, join_query
from lkedge.signaling.http import HttpRequest, fetch
from lkedge.signaling.refusal import join_refused, plain_text

if TYPE_CHECKING:
    from lkedge.config.models import LiveKitConfig
    from lkedge.signaling.token import Credentials

NAME_S = 5.0
CONNECT_S = 5.0
HTTP_OK = 200


async def read_network(livekit: LiveKitConfig, files: Files) -> Network:
    """Ask for the name, connect, and let the server judge the token; stops at the first failure."""
    network = Network(has_default_route=has_default_route(files))
    credentials, network = await _with_token(network, livekit)
    url = (credentials.url if credentials else "") or livekit.url
    try:
        address = SignalAddress.parse(url)
    except LkedgeError as error:
        return replace(network, host=url or "server", name_problem=str(error))
    network = await _with_addresses(replace(network, host=address.name), address)
    if not network.name_problem:
        network = await _with_tcp(network, address)
    if credentials is None or network.name_problem or network.tcp_problem:
        return network
    return await _with_answer(network, address, credentials)


def has_default_route(files: Files) -> bool:
    """Of IPv4 (/proc/net/route) or IPv6 (/proc/net/ipv6_route): a destination and a prefix of nothing but zeros."""
    four = (line.split() for line in files.text("/proc/net/route").splitlines()[1:])
    six = (line.split() for line in files.text("/proc/net/ipv6_route").splitlines())
    return any(words[1] == "00000000" for words in four if len(words) > 1) or any(
        set(words[0] + words[1]) == {"0"} and words[-1] != "lo" for words in six if len(words) > 1
    )


async def _with_token(network: Network, livekit: LiveKitConfig) -> tuple[Credentials | None, Network]:
    from lkedge.daemon.tokens import token_keeper

    try:
        return await token_keeper(livekit, SystemClock()).credentials(), network
    except LkedgeError as error:
        return None, replace(network, token_problem=str(error))


async def _with_addresses(network: Network, address: SignalAddress) -> Network:
    loop = asyncio.get_running_loop()
    try:
        async with asyncio.timeout(NAME_S):
            found = await loop.getaddrinfo(address.host, address.port, type=socket.SOCK_STREAM)
    except TimeoutError:
        return replace(network, name_problem=f"{address.host}: no name server answers within {NAME_S:g} s")
    except OSError as error:
        return replace(network, name_problem=f"{address.host} cannot be found: {error.strerror or error}")
    return replace(network, addresses=tuple(dict.fromkeys(str(entry[4][0]) for entry in found)))


async def _with_tcp(network: Network, address: SignalAddress) -> Network:
    begun_ns = time.monotonic_ns()
    try:
        async with asyncio.timeout(CONNECT_S):
            _, writer = await asyncio.open_connection(address.host, address.port)
    except TimeoutError:
        return replace(network, tcp_problem=f"{address.name} does not answer within {CONNECT_S:g} s")
    except OSError as error:
        return replace(network, tcp_problem=f"{address.name} cannot be reached: {error.strerror or error}")
    writer.close()
    return replace(network, tcp_ms=(time.monotonic_ns() - begun_ns) / 1e6)


async def _with_answer(network: Network, address: SignalAddress, credentials: Credentials) -> Network:
    """/rtc/validate takes the query of a join and answers in words, without joining."""
    request = HttpRequest(
        address.validate_url(join_query({})), headers={"Authorization": f"Bearer {credentials.token}"}
    )
    try:
        answer = await fetch(request)
    except LkedgeError as error:
        return replace(network, server_problem=str(error))
    if answer.status == HTTP_OK:
        return replace(network, is_validated=True)
    now_s = SystemClock().wall_ns() / SECOND_NS
    said = plain_text(answer.content_type, answer.text)
    return replace(network, server_problem=str(join_refused(answer.status, said, credentials.token, address, now_s)))
