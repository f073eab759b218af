"""Who may join: the checks of livekit-server before the WebSocket opens (livekit-wire.md, 1.7)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, urlsplit

import jwt
from livekit.protocol import models

from lkedge.testing.sfu_settings import SfuSettings

LEEWAY_S = 60


@dataclass(frozen=True, slots=True)
class Refusal:
    status: int
    text: str


@dataclass(frozen=True, slots=True)
class JoinRequest:
    """A handshake that may go on.

    payload: of the token. resume_sid: of the session to resume, or empty.
    """

    identity: str
    room: str
    payload: Mapping[str, Any]
    query: Mapping[str, str]
    token: str = field(repr=False)

    @property
    def resume_sid(self) -> str:
        return self.query.get("sid", "") if self.query.get("reconnect") in ("1", "true") else ""

    @property
    def grants(self) -> Mapping[str, Any]:
        return dict(self.payload.get("video") or {})


def examine(target: str, authorization: str, settings: SfuSettings) -> JoinRequest | Refusal:
    """Check a handshake.

    target: path and query of the request. authorization: the header, may be empty.
    """
    parts = urlsplit(target)
    if parts.path.rstrip("/").removesuffix("/validate") != "/rtc":
        return Refusal(404, "404 page not found")
    query = {name: values[-1] for name, values in parse_qs(parts.query).items()}
    token = authorization.removeprefix("Bearer ") or query.get("access_token", "")
    payload = _verify(token, settings)
    if isinstance(payload, Refusal):
        return payload
    grants = payload.get("video") or {}
    identity, room = str(payload.get("sub") or ""), str(grants.get("room") or "")
    if not grants.get("roomJoin"):
        return Refusal(401, "permissions denied")
    if not identity or not room:
        return Refusal(400, "identity cannot be empty" if not identity else "room name cannot be empty")
    if not settings.auto_create and room not in settings.rooms:
        return Refusal(404, "requested room does not exist")
    return JoinRequest(identity, room, payload, query, token)


def permission_of(request: JoinRequest) -> models.ParticipantPermission:
    """The grants of a token as the server understands them; what is unset is permitted."""
    grants = request.grants
    can_publish = grants.get("canPublish") is not False
    sources = [name.upper() for name in grants.get("canPublishSources") or ()]
    return models.ParticipantPermission(
        can_subscribe=grants.get("canSubscribe") is not False,
        can_publish=can_publish,
        can_publish_data=grants.get("canPublishData", can_publish) is not False,
        can_update_metadata=bool(grants.get("canUpdateOwnMetadata")),
        can_publish_sources=sources,
        hidden=bool(grants.get("hidden")),
    )


def _verify(token: str, settings: SfuSettings) -> dict[str, Any] | Refusal:
    try:
        issuer = jwt.decode(token, options={"verify_signature": False}).get("iss")
        if issuer != settings.api_key:
            return Refusal(401, f"invalid API key: {issuer}")
        return dict(jwt.decode(token, settings.api_secret, ["HS256"], leeway=LEEWAY_S))
    except jwt.InvalidTokenError as exc:
        return Refusal(401, f"invalid token: {exc}")
