from pathlib import Path

import pytest

from lkedge.demo.room import GivenKey, GivenToken, OwnServer, StandIn, choose
from lkedge.errors import ConfigError
from lkedge.signaling.claims import Grants, mint_token, read_claims

URL = "wss://example.livekit.cloud"


def test_a_url_with_a_key_is_used_and_mints_viewers_that_cannot_publish() -> None:
    place = choose({"LIVEKIT_URL": URL, "LIVEKIT_API_KEY": "key", "LIVEKIT_API_SECRET": "s" * 32})

    assert place == GivenKey(URL, "lkedge-demo", "key", "s" * 32)
    assert "s" * 32 not in repr(place)


async def test_viewers_get_a_token_of_their_own_each() -> None:
    room = await GivenKey(URL, "yard", "key", "s" * 32).open()
    assert room.viewer
    first, second = (read_claims(dict(room.viewer())["token"]) for _ in range(2))

    assert (first.room, first.can_subscribe, first.can_publish) == ("yard", True, False)
    assert first.identity != second.identity
    assert "s" * 32 not in repr(room)


async def test_a_given_token_names_the_room_and_has_no_viewer_without_a_second_token() -> None:
    token = mint_token("key", "s" * 32, identity="box", room="yard", now_s=0, grants=Grants())

    room = await choose({"LIVEKIT_URL": URL, "LIVEKIT_TOKEN": token}).open()

    assert (room.name, room.viewer, dict(room.files)) == ("yard", None, {"token": token})
    assert "LIVEKIT_VIEWER_TOKEN" in room.why_no_viewer
    assert isinstance(choose({"LIVEKIT_URL": URL, "LIVEKIT_TOKEN": token}), GivenToken)


def test_a_url_without_credentials_is_refused_with_the_remedy() -> None:
    with pytest.raises(ConfigError, match="set LIVEKIT_API_KEY and LIVEKIT_API_SECRET, or LIVEKIT_TOKEN"):
        choose({"LIVEKIT_URL": URL})


def test_a_server_on_the_path_is_used(tmp_path: Path) -> None:
    server = tmp_path / "livekit-server"
    server.write_text("#!/bin/sh\n")
    server.chmod(0o755)

    assert choose({"PATH": str(tmp_path)}) == OwnServer(server)


def test_without_server_and_go_the_stand_in_is_used(tmp_path: Path) -> None:
    assert isinstance(choose({"PATH": str(tmp_path), "XDG_CACHE_HOME": str(tmp_path)}), StandIn)
