from __future__ import annotations

from pathlib import Path

import pytest

from lkedge.errors import JoinRefused, SignalLost
from lkedge.signaling.claims import Grants, mint_token, read_claims
from lkedge.signaling.token import ApiKey, Credentials, FileTokenProvider, KeyTokenProvider, TokenKeeper, load_api_key
from lkedge.testing.clock import FakeClock

SECRET = "secretsecretsecretsecretsecretsecret"


def token_at(clock: FakeClock, ttl_s: float, *, identity: str = "camera") -> str:
    now_s = clock.wall_ns() / 1e9
    return mint_token("key", SECRET, identity=identity, room="room", now_s=now_s, grants=Grants(ttl_s=ttl_s))


class FakeProvider:
    """Gives what it was told to give, or fails."""

    def __init__(self, token: str, url: str = "") -> None:
        self.token = token
        self.url = url
        self.error: Exception | None = None
        self.calls = 0

    async def fetch(self) -> Credentials:
        self.calls += 1
        if self.error is not None:
            raise self.error
        return Credentials(self.token, self.url)


async def test_the_file_is_read_again_when_it_changes(tmp_path: Path) -> None:
    clock = FakeClock()
    path = tmp_path / "token.jwt"
    provider = FileTokenProvider(path)
    first, second = token_at(clock, 10), token_at(clock, 20)

    path.write_text(first + "\n")
    assert (await provider.fetch()).token == first
    path.write_text(second)
    assert (await provider.fetch()).token == second


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (None, "cannot be read: No such file"),
        (b"", "is empty"),
        (b"\xff\xfe", "it is no text"),
        (b"abc", "no LiveKit access"),
    ],
)
async def test_an_unusable_file_is_named(tmp_path: Path, content: bytes | None, complaint: str) -> None:
    path = tmp_path / "token.jwt"
    if content is not None:
        path.write_bytes(content)

    with pytest.raises(JoinRefused, match=complaint) as refused:
        await FileTokenProvider(path).fetch()

    assert str(path) in str(refused.value)


async def test_a_key_mints_a_fresh_token_each_time() -> None:
    clock = FakeClock()
    provider = KeyTokenProvider(ApiKey("key", SECRET), identity="camera", room="room", clock=clock)

    first = read_claims((await provider.fetch()).token)
    clock.advance(3600)
    second = read_claims((await provider.fetch()).token)

    assert (first.identity, first.room, first.can_subscribe) == ("camera", "room", False)
    assert second.expires_s == (first.expires_s or 0) + 3600


async def test_whichever_expires_later_is_used() -> None:
    clock = FakeClock()
    provider = FakeProvider(token_at(clock, 300))
    keeper = TokenKeeper(provider, clock)
    shorter, longer = token_at(clock, 200), token_at(clock, 400)

    keeper.refreshed(shorter)
    assert (await keeper.credentials()).token == provider.token
    keeper.refreshed(longer)
    assert (await keeper.credentials()).token == longer


async def test_a_resume_does_not_wait_for_the_provider() -> None:
    clock = FakeClock()
    provider = FakeProvider(token_at(clock, 3000))
    keeper = TokenKeeper(provider, clock)
    refreshed = token_at(clock, 600)
    keeper.refreshed(refreshed)

    assert (await keeper.credentials(resume=True)).token == refreshed
    assert provider.calls == 0
    clock.advance(601)
    assert (await keeper.credentials(resume=True)).token == provider.token


async def test_a_refreshed_token_bridges_a_dead_provider() -> None:
    clock = FakeClock()
    provider = FakeProvider(token_at(clock, 100), "ws://a")
    keeper = TokenKeeper(provider, clock)
    await keeper.credentials()
    refreshed = token_at(clock, 600)
    keeper.refreshed(refreshed)
    provider.error = SignalLost("endpoint down")

    assert await keeper.credentials() == Credentials(refreshed, "ws://a")
    clock.advance(601)
    with pytest.raises(SignalLost, match="endpoint down"):
        await keeper.credentials()


async def test_a_new_identity_in_the_file_wins() -> None:
    clock = FakeClock()
    provider = FakeProvider(token_at(clock, 100, identity="new"))
    keeper = TokenKeeper(provider, clock)
    keeper.refreshed(token_at(clock, 9999))

    assert (await keeper.credentials()).token == provider.token
    assert (await keeper.credentials(resume=True)).token == provider.token


async def test_a_refused_refreshed_token_can_be_forgotten() -> None:
    clock = FakeClock()
    provider = FakeProvider(token_at(clock, 100))
    keeper = TokenKeeper(provider, clock)
    keeper.refreshed(token_at(clock, 9999))
    keeper.forget()

    assert (await keeper.credentials()).token == provider.token


def test_key_from_files_or_environment(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text(" s3cret\n")
    environ = {"LIVEKIT_API_KEY": "key", "LIVEKIT_API_SECRET": "other"}

    assert load_api_key(None, tmp_path / "secret", environ) == ApiKey("key", "s3cret")
    with pytest.raises(JoinRefused, match="set LIVEKIT_API_SECRET"):
        load_api_key(None, None, {"LIVEKIT_API_KEY": "key"})


def test_secrets_never_show() -> None:
    shown = repr([ApiKey("key", "s3cret"), Credentials("t0ken")])
    assert "s3cret" not in shown
    assert "t0ken" not in shown
