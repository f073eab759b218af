from pathlib import Path

import pytest

from lkedge.demo.server_process import LiveKitServer, ServerFailed, ServerSettings, server_config

SECRET = "x" * 32


def test_configuration_keeps_everything_on_loop_back() -> None:
    config = server_config(ServerSettings(SECRET), 7880, 7882)

    assert config["bind_addresses"] == ["127.0.0.1"]
    assert config["rtc"]["node_ip"] == "127.0.0.1"
    assert config["rtc"]["interfaces"] == {"includes": ["lo"]}
    assert config["keys"] == {"devkey": SECRET}


def test_overrides_are_merged_section_by_section() -> None:
    overrides = {"room": {"max_participants": 2}, "limit": {"num_tracks": 3}}

    config = server_config(ServerSettings(SECRET, overrides=overrides), 7880, 7882)

    assert config["room"] == {"auto_create": True, "empty_timeout": 60, "departure_timeout": 5, "max_participants": 2}
    assert config["limit"] == {"num_tracks": 3}


async def test_a_server_that_ends_at_once_is_an_error_with_its_log(tmp_path: Path) -> None:
    binary = tmp_path / "server"
    binary.write_text("#!/bin/sh\necho the port is taken\nexit 1\n")
    binary.chmod(0o755)
    server = LiveKitServer(binary, ServerSettings(SECRET), tmp_path)

    with pytest.raises(ServerFailed, match="the port is taken"):
        await server.start()

    assert server.pid is None


def test_the_configuration_with_its_secret_is_for_the_owner_only(tmp_path: Path) -> None:
    LiveKitServer(Path("/bin/false"), ServerSettings(SECRET), tmp_path)

    assert (tmp_path / "livekit-server.json").stat().st_mode & 0o077 == 0
