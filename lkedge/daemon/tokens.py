"""From the configured credentials to the provider that fetches tokens."""

from __future__ import annotations

from typing import assert_never

from lkedge.clock import Clock
from lkedge.config import models
from lkedge.signaling.claims import Grants
from lkedge.signaling.token import ApiKey, FileTokenProvider, KeyTokenProvider, TokenKeeper, TokenProvider


def token_keeper(livekit: models.LiveKitConfig, clock: Clock) -> TokenKeeper:
    """The keeper in front of the configured provider."""
    return TokenKeeper(_provider(livekit, clock), clock)


def _provider(livekit: models.LiveKitConfig, clock: Clock) -> TokenProvider:
    credentials = livekit.credentials
    match credentials:
        case models.TokenFile():
            return FileTokenProvider(credentials.path)
        case models.ApiKey():
            key = ApiKey(credentials.key, credentials.secret)
            grants = _grants(livekit, credentials)
            return KeyTokenProvider(
                key, identity=credentials.identity, room=credentials.room, grants=grants, clock=clock
            )
        case models.TokenEndpoint():
            return _endpoint(livekit, credentials)
        case _:
            assert_never(credentials)


def _grants(livekit: models.LiveKitConfig, credentials: models.ApiKey) -> Grants:
    return Grants(
        name=livekit.name or "",
        metadata=livekit.metadata or "",
        attributes=livekit.attributes,
        can_subscribe=credentials.can_subscribe,
    )


def _endpoint(livekit: models.LiveKitConfig, credentials: models.TokenEndpoint) -> TokenProvider:
    # Its HTTP client is only needed here, and start-up time counts.
    from lkedge.signaling.token_endpoint import EndpointRequest, EndpointTokenProvider

    request = EndpointRequest(
        credentials.url,
        room=credentials.room,
        identity=credentials.identity,
        name=livekit.name or "",
        metadata=livekit.metadata or "",
        attributes=livekit.attributes,
    )
    return EndpointTokenProvider(request)
