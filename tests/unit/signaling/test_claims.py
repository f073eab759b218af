from __future__ import annotations

import base64
import json

import jwt
import pytest

from lkedge.errors import JoinRefused
from lkedge.signaling.claims import Claims, Grants, mint_token, read_claims, sign
from lkedge.terms import TrackSource

NOW_S = 1_790_000_000
SECRET = "secretsecretsecretsecretsecretsecret"


def mint(**grants: object) -> str:
    return mint_token("key", SECRET, identity="camera", room="room", now_s=NOW_S, grants=Grants(**grants))  # type: ignore[arg-type]


def test_pyjwt_accepts_what_we_mint() -> None:
    token = mint(name="Front", attributes={"site": "a"}, sources=(TrackSource.CAMERA,), ttl_s=100)

    payload = jwt.decode(token, SECRET, ["HS256"], options={"verify_exp": False, "verify_nbf": False})

    assert payload == {
        "iss": "key",
        "sub": "camera",
        "nbf": NOW_S - 60,
        "exp": NOW_S + 100,
        "name": "Front",
        "attributes": {"site": "a"},
        "video": {
            "roomJoin": True,
            "room": "room",
            "canPublish": True,
            "canSubscribe": False,
            "canPublishData": True,
            "canUpdateOwnMetadata": True,
            "canPublishSources": ["camera"],
        },
    }


def test_reads_what_it_minted() -> None:
    claims = read_claims(mint(ttl_s=100))
    assert (claims.identity, claims.room, claims.expires_s) == ("camera", "room", NOW_S + 100)
    assert (claims.can_join, claims.can_publish, claims.can_subscribe) == (True, True, False)


def test_what_is_unset_is_permitted() -> None:
    claims = read_claims(sign({"jti": "old", "video": {"roomJoin": True}}, SECRET))
    assert claims == Claims("old", "", None, can_join=True, can_publish=True, can_subscribe=True)


@pytest.mark.parametrize(
    "token",
    ["", "abc", "a.b", "a.!!!.c", "..", "a." + base64.urlsafe_b64encode(b"[1]").decode() + ".c", "a.e30.c.d", "ä.ö.ü"],
)
def test_what_is_no_token(token: str) -> None:
    with pytest.raises(JoinRefused, match="no LiveKit access token"):
        read_claims(token)


@pytest.mark.parametrize("video", [None, 3, "x", []])
def test_odd_grants_are_no_grants(video: object) -> None:
    body = base64.urlsafe_b64encode(json.dumps({"sub": "a", "video": video}).encode()).decode()
    assert not read_claims(f"a.{body}.c").can_join


@pytest.mark.parametrize(
    ("claims", "complaint"),
    [
        (Claims("a", "r", NOW_S - 1, can_join=True), "expired on 2026-"),
        (Claims("a", "r", None, NOW_S + 3600, can_join=True), "set the clock"),
        (Claims("a", "r", None), "no roomJoin grant"),
        (Claims("a", "", None, can_join=True), "names no room"),
        (Claims("a", "r", NOW_S + 1, NOW_S, can_join=True), ""),
        (Claims("a", "r", 0, can_join=True), "expired on 1970-"),
        (Claims("a", "r", -1e30, can_join=True), "expired on"),
    ],
)
def test_complaints(claims: Claims, complaint: str) -> None:
    said = claims.complaint(NOW_S)
    assert complaint in said
    assert bool(said) is bool(complaint)
