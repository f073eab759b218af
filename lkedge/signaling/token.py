"""Where access tokens come from, and which one to use next.

A `TokenProvider` fetches a token: from a file, from an API key and secret, or from an
endpoint (token_endpoint.py). `TokenKeeper` stands in front of it and adds the token that
the server refreshes every few minutes, so that a reconnect works when the provider's own
has expired or cannot be had. No secret and no token is ever in a repr or a log line.
"""

from __future__ import annotations

import logging
import math
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from lkedge.clock import SECOND_NS, Clock, SystemClock
from lkedge.errors import JoinRefused, SignalError
from lkedge.signaling.claims import Claims, Grants, mint_token, read_claims

logger = logging.getLogger(__name__)

KEY_VARIABLE = "LIVEKIT_API_KEY"
SECRET_VARIABLE = "LIVEKIT_API_SECRET"


@dataclass(frozen=True, slots=True)
class Credentials:
    """What a join needs.

    url: the server's address when the provider knows it; empty for the configured one.
    """

    token: str = field(repr=False)
    url: str = ""


class TokenProvider(Protocol):
    """Fetches a token when asked; keeps nothing.

    Raises:
        JoinRefused: there is no usable token, and only a person can change that.
        SignalLost: not now; try again.
    """

    async def fetch(self) -> Credentials: ...


@dataclass(frozen=True, slots=True)
class ApiKey:
    """An API key with its secret."""

    key: str
    secret: str = field(repr=False)


class FileTokenProvider:
    """Reads the token from a file each time, so that whoever replaces the file is heard."""

    def __init__(self, path: Path) -> None:
        self._path = path

    async def fetch(self) -> Credentials:
        token = read_secret(self._path, "token file")
        try:
            read_claims(token)
        except JoinRefused as exc:
            raise JoinRefused(f"token file {self._path}: {exc}") from None
        return Credentials(token)


class KeyTokenProvider:
    """Mints a token for every join."""

    def __init__(
        self,
        api_key: ApiKey,
        *,
        identity: str,
        room: str,
        grants: Grants | None = None,
        clock: Clock | None = None,
    ) -> None:
        self._api_key = api_key
        self._identity = identity
        self._room = room
        self._grants = grants
        self._clock = clock or SystemClock()

    async def fetch(self) -> Credentials:
        now_s = self._clock.wall_ns() / SECOND_NS
        key = self._api_key
        token = mint_token(
            key.key, key.secret, identity=self._identity, room=self._room, now_s=now_s, grants=self._grants
        )
        return Credentials(token)


class TokenKeeper:
    """Answers with the best token known: the provider's, or the one the server refreshed.

    Whichever expires later wins. A refreshed token is dropped when the provider's names
    another room or identity, because then a person wants something else.
    Owned by one loop.
    """

    def __init__(self, provider: TokenProvider, clock: Clock | None = None) -> None:
        self._provider = provider
        self._clock = clock or SystemClock()
        self._refreshed: str | None = None
        self._url = ""

    def refreshed(self, token: str) -> None:
        """The server sent a newer token (TokenRefreshed)."""
        self._refreshed = token

    def forget(self) -> None:
        """Drop the refreshed token: the server refused it."""
        self._refreshed = None

    async def credentials(self, *, resume: bool = False) -> Credentials:
        """The token for the next connection.

        resume: prefer the refreshed token without asking the provider, for speed.

        Raises:
            JoinRefused, SignalLost: from the provider, when no refreshed token is valid.
        """
        kept = self._valid_refreshed()
        if resume and kept:
            return Credentials(kept, self._url)
        try:
            fetched = await self._provider.fetch()
        except SignalError as exc:
            if kept is None:
                raise
            logger.warning("no new token (%s); the one the server refreshed is used", exc)
            return Credentials(kept, self._url)
        self._url = fetched.url
        return Credentials(self._better(fetched.token, kept), fetched.url)

    def _valid_refreshed(self) -> str | None:
        claims = _claims(self._refreshed)
        if claims is None or claims.is_expired(self._clock.wall_ns() / SECOND_NS):
            return None
        return self._refreshed

    def _better(self, fetched: str, kept: str | None) -> str:
        ours, theirs = _claims(fetched), _claims(kept)
        if kept is None or ours is None or theirs is None:
            return fetched
        if (ours.identity, ours.room) != (theirs.identity, theirs.room):
            self.forget()
            return fetched
        return kept if _expiry(theirs) > _expiry(ours) else fetched


def load_api_key(
    key_file: Path | None = None, secret_file: Path | None = None, environ: Mapping[str, str] | None = None
) -> ApiKey:
    """The API key and secret, from files, else from the environment.

    Raises:
        JoinRefused: one of them is missing; says where it was looked for.
    """
    environ = os.environ if environ is None else environ
    return ApiKey(
        _file_or_variable(key_file, KEY_VARIABLE, environ, "API key"),
        _file_or_variable(secret_file, SECRET_VARIABLE, environ, "API secret"),
    )


def read_secret(path: Path, what: str) -> str:
    """The content of a file without surrounding white space.

    Raises:
        JoinRefused: it cannot be read, or is empty.
    """
    try:
        text = path.read_text("utf-8").strip()
    except (OSError, UnicodeDecodeError) as exc:
        reason = getattr(exc, "strerror", None) or "it is no text"
        raise JoinRefused(f"{what} {path} cannot be read: {reason}") from exc
    if not text:
        raise JoinRefused(f"{what} {path} is empty")
    return text


def _file_or_variable(path: Path | None, variable: str, environ: Mapping[str, str], what: str) -> str:
    if path is not None:
        return read_secret(path, f"{what} file")
    value = environ.get(variable, "").strip()
    if not value:
        raise JoinRefused(f"no {what}: name a file in [livekit] or set {variable}")
    return value


def _claims(token: str | None) -> Claims | None:
    if token is None:
        return None
    try:
        return read_claims(token)
    except JoinRefused:
        return None


def _expiry(claims: Claims) -> float:
    return math.inf if claims.expires_s is None else claims.expires_s
