# lkedge: pure
"""LiveKit's access token (a JWT, RFC 7519): made here, and read without checking its signature.

Source: livekit-wire.md, section 1.8; livekit/protocol auth/grants.go.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from lkedge.errors import JoinRefused
from lkedge.terms import TrackSource

DEFAULT_TTL_S = 6 * 3600
CLOCK_SKEW_S = 60
"""nbf lies this far in the past: a board without a clock chip may be behind the server."""


@dataclass(frozen=True, slots=True)
class Claims:
    """What a token says.

    expires_s: Unix time; None when it never expires.
    not_before_s: Unix time, 0 when it does not say.
    """

    identity: str
    room: str
    expires_s: float | None
    not_before_s: float = 0
    can_join: bool = False
    can_publish: bool = True
    can_subscribe: bool = True

    def is_expired(self, now_s: float) -> bool:
        return self.expires_s is not None and now_s >= self.expires_s

    def complaint(self, now_s: float) -> str:
        """Why a server may refuse this token, in one sentence; empty when nothing can be seen."""
        if self.expires_s is not None and self.is_expired(now_s):
            return (
                f"the token expired on {_date(self.expires_s)} (this machine's clock says {_date(now_s)}): "
                "get a new one"
            )
        if self.not_before_s > now_s + CLOCK_SKEW_S:
            return (
                f"the token is not valid before {_date(self.not_before_s)} and this machine's clock says "
                f"{_date(now_s)}: set the clock"
            )
        if not self.can_join:
            return "the token has no roomJoin grant: make one that has"
        if not self.room:
            return "the token names no room: make one with a room grant"
        return ""


@dataclass(frozen=True, slots=True)
class Grants:
    """What a minted token permits.

    attributes: of the participant, visible to others.
    sources: the only sources that may be published; empty for all.
    ttl_s: seconds it is valid from now.
    """

    name: str = ""
    metadata: str = ""
    attributes: Mapping[str, str] = field(default_factory=dict)
    can_publish: bool = True
    can_subscribe: bool = False
    can_publish_data: bool = True
    can_update_own_metadata: bool = True
    sources: tuple[TrackSource, ...] = ()
    ttl_s: float = DEFAULT_TTL_S


def mint_token(
    api_key: str, api_secret: str, *, identity: str, room: str, now_s: float, grants: Grants | None = None
) -> str:
    """An access token for one participant of one room, signed with HS256.

    now_s: Unix time.
    """
    grants = grants or Grants()
    video: dict[str, Any] = {
        "roomJoin": True,
        "room": room,
        "canPublish": grants.can_publish,
        "canSubscribe": grants.can_subscribe,
        "canPublishData": grants.can_publish_data,
        "canUpdateOwnMetadata": grants.can_update_own_metadata,
    }
    if grants.sources:
        video["canPublishSources"] = [source.value for source in grants.sources]
    claims = {"name": grants.name, "metadata": grants.metadata, "attributes": dict(grants.attributes)}
    payload: dict[str, Any] = {
        "iss": api_key,
        "sub": identity,
        "nbf": int(now_s) - CLOCK_SKEW_S,
        "exp": int(now_s + grants.ttl_s),
        "video": video,
    }
    return sign(payload | {key: value for key, value in claims.items() if value}, api_secret)


def sign(payload: Mapping[str, Any], secret: str) -> str:
    """A compact JWS (RFC 7515) with HS256."""
    signed = ".".join((_encode({"alg": "HS256", "typ": "JWT"}), _encode(payload)))
    signature = hmac.new(secret.encode(), signed.encode(), hashlib.sha256).digest()
    return f"{signed}.{_base64url(signature)}"


def read_claims(token: str) -> Claims:
    """Read a token without checking its signature.

    Raises:
        JoinRefused: it is no JWT.
    """
    payload = _payload(token)
    video = payload.get("video")
    video = video if isinstance(video, dict) else {}
    expires = payload.get("exp")
    return Claims(
        identity=str(payload.get("sub") or payload.get("jti") or ""),
        room=str(video.get("room") or ""),
        expires_s=float(expires) if isinstance(expires, int | float) else None,
        not_before_s=float(payload.get("nbf") or 0),
        can_join=bool(video.get("roomJoin")),
        can_publish=video.get("canPublish") is not False,
        can_subscribe=video.get("canSubscribe") is not False,
    )


def _payload(token: str) -> dict[str, Any]:
    try:
        _header, body, _signature = token.split(".")
        payload = json.loads(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4)))
    except (ValueError, binascii.Error):
        payload = None
    if not isinstance(payload, dict):
        raise JoinRefused("this is no LiveKit access token (three base64 parts with dots between are expected)")
    return payload


def _encode(value: Mapping[str, Any]) -> str:
    return _base64url(json.dumps(value, separators=(",", ":")).encode())


def _base64url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def _date(unix_s: float) -> str:
    try:
        return f"{datetime.fromtimestamp(unix_s, UTC):%Y-%m-%d %H:%M:%S} UTC"
    except (OverflowError, ValueError, OSError):
        return f"second {unix_s:.0f}"
