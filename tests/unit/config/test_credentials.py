"""Secrets from $CREDENTIALS_DIRECTORY: named in a setting, or found by their conventional names."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from lkedge import log
from lkedge.config.models import ApiKey, Config, TokenFile

Loading = Callable[..., Config]
Complaints = Callable[..., list[str]]

URL = '[livekit]\nurl = "ws://h"\nroom = "r"\nidentity = "i"\n'


@pytest.fixture
def store(tmp_path: Path) -> Path:
    folder = tmp_path / "credentials"
    folder.mkdir()
    return folder


def environ(store: Path, **more: str) -> dict[str, str]:
    return {"CREDENTIALS_DIRECTORY": str(store), **more}


def put(store: Path, **texts: str) -> None:
    for name, text in texts.items():
        (store / f"lkedge.{name.replace('_', '-')}").write_text(text)


def test_a_setting_names_a_credential(store: Path, loaded: Loading) -> None:
    put(store, yard="a-token")
    config = loaded(URL + 'token_file = "credential:lkedge.yard"\n', bare=True, environ=environ(store))
    assert config.livekit.credentials == TokenFile(store / "lkedge.yard")


def test_key_and_secret_by_their_conventional_names(store: Path, loaded: Loading) -> None:
    put(store, api_key="the-key\n", api_secret="the-secret-of-it\n")
    config = loaded(URL, bare=True, environ=environ(store))
    assert config.livekit.credentials == ApiKey("the-key", "the-secret-of-it", "r", "i")
    assert log.redact("it was the-secret-of-it") == "it was (secret)"


def test_a_token_goes_before_a_key(store: Path, loaded: Loading) -> None:
    put(store, api_key="k", api_secret="s", token="t")
    assert loaded(URL, bare=True, environ=environ(store)).livekit.credentials == TokenFile(store / "lkedge.token")


@pytest.mark.parametrize("where", ["file", "environment"])
def test_what_is_configured_goes_before_what_was_handed_over(
    where: str, store: Path, loaded: Loading, folder: Path
) -> None:
    put(store, token="t", api_secret="from-the-credential")
    (folder / "key").write_text("k")
    text = URL + ('api_key_file = "key"\n' if where == "file" else "")
    said = environ(store) if where == "file" else environ(store, LIVEKIT_API_KEY="k")
    assert loaded(text, bare=True, environ=said).livekit.credentials == ApiKey("k", "from-the-credential", "r", "i")


@pytest.mark.parametrize(
    ("name", "has_store", "problem"),
    [
        ("lkedge.other", True, "there is no credential lkedge.other: put it into /etc/credstore/lkedge.other"),
        ("../token.jwt", True, "'../token.jwt' is no name of a credential"),
        ("", True, "'' is no name of a credential"),
        ("lkedge.token", False, "there are no credentials here: they exist in a systemd service only"),
    ],
)
def test_a_credential_that_is_not_there(
    name: str, has_store: bool, problem: str, store: Path, problems: Complaints
) -> None:
    put(store, token="t")
    text = URL + f'token_file = "credential:{name}"\n'
    (found,) = problems(text, bare=True, environ=environ(store) if has_store else {})
    assert problem in found
    assert f'livekit.token_file = "credential:{name}"' in found


def test_an_empty_credential_is_named(store: Path, problems: Complaints) -> None:
    put(store, token="")
    (found,) = problems(URL, bare=True, environ=environ(store))
    assert "credentials/lkedge.token is empty" in found


def test_a_key_without_its_secret(store: Path, problems: Complaints) -> None:
    put(store, api_key="k")
    (found,) = problems(URL, bare=True, environ=environ(store))
    assert "or the credential lkedge.api-secret" in found
