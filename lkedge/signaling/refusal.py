"""Why a WebSocket could not be opened, in one sentence that names the server and the remedy.

Everything that `websockets`, the resolver, TCP and TLS raise is translated here.
"""

from __future__ import annotations

import errno
import re
import socket
import ssl

from websockets.exceptions import InvalidHandshake, InvalidMessage, InvalidStatus, WebSocketException
from websockets.http11 import Response

from lkedge.errors import JoinRefused, SignalError, SignalLost
from lkedge.signaling.address import SignalAddress
from lkedge.signaling.claims import read_claims

MAX_QUOTED = 200

_TOKEN = re.compile(r"eyJ[\w-]+(\.[\w-]*)*")
"""A JWT, whole or cut off: base64 of a JSON object begins like this."""

_REMEDY = {
    400: "check the room and identity in the token",
    401: "check the API key and secret, or the token",
    403: "the token must allow joining this room (roomJoin), and publishing",
    404: "make the room first (the server has room.auto_create off), or correct the path in livekit.url",
    429: "it is overloaded; we come back later",
    500: "it failed to start the session, or the room is full; we come back later",
    503: "it is at its limits; we come back later",
}


def connect_error(error: Exception, address: SignalAddress, timeout_s: float) -> SignalLost:
    """What to raise when there was no HTTP answer at all."""
    return SignalLost(f"{address.name} {_network_reason(error, address, timeout_s)}")


def quoted_text(error: InvalidStatus) -> str:
    """The server's own words, when it sent some that are short and plain."""
    return plain_text(error.response.headers.get("Content-Type", ""), _body(error.response))


def plain_text(content_type: str, text: str) -> str:
    """`text`, shortened; empty when it is a proxy's page rather than the server's sentence.

    The server quotes a token that it refuses; tokens never reach a log.
    """
    is_plain = content_type.startswith(("text/plain", "application/json"))
    return _TOKEN.sub("...", " ".join(text.split()))[:MAX_QUOTED] if is_plain else ""


def join_refused(status: int, said: str, token: str, address: SignalAddress, now_s: float) -> JoinRefused:
    """What to raise when the server answered with `status`.

    said: the server's own words, may be empty.
    now_s: Unix time, to see whether the token has expired.
    """
    quoted = f" ({said})" if said else ""
    remedy = _token_complaint(token, now_s) if status in (400, 401, 403) else ""
    remedy = remedy or _REMEDY.get(status, "is it a LiveKit server?")
    refused = JoinRefused(f"{address.name} refuses the join with status {status}{quoted}: {remedy}", status)
    refused.retryable = status >= 500 or status in (404, 429)
    return refused


def _token_complaint(token: str, now_s: float) -> str:
    try:
        return read_claims(token).complaint(now_s)
    except SignalError as exc:
        return str(exc)


def _body(response: Response) -> str:
    return bytes(response.body or b"").decode("utf-8", "replace")


def _network_reason(error: Exception, address: SignalAddress, timeout_s: float) -> str:
    match error:
        case socket.gaierror():
            return f"cannot be found: check the name {address.host} in livekit.url, and DNS"
        case ssl.SSLCertVerificationError():
            return f"has an untrusted certificate ({error.verify_message}): install its CA, or correct the name"
        case ssl.SSLError():
            return "does not speak TLS here: use ws:// instead of wss://, or the TLS port"
        case TimeoutError():
            return f"did not answer within {timeout_s:g} s: check the address, the network and firewalls"
        case InvalidMessage() | EOFError():
            return "does not speak HTTP: is it a LiveKit server, and should it be wss://?"
        case InvalidHandshake():
            return f"is no LiveKit server, or a proxy is in between: {error}"
        case WebSocketException():
            return f"cannot be connected: {error}"
        case OSError() if _is_refused(error):
            return "refuses the connection: is the server running, and is the port right?"
        case OSError():
            return f"cannot be reached: {error.strerror or error}: check the network and livekit.url"
    return f"cannot be connected: {error!r}"


def _is_refused(error: OSError) -> bool:
    # With several addresses asyncio raises one OSError that only quotes the others.
    return error.errno == errno.ECONNREFUSED or f"[Errno {errno.ECONNREFUSED}]" in str(error)
