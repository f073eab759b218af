import os
from pathlib import Path

import pytest

from lkedge.demo import livekit_server
from lkedge.demo.go_toolchain import NoServer, go_environment, parse_version
from lkedge.demo.progress import Progress

GO = """#!/bin/sh
case "$1 $2" in
  "env GOVERSION") echo {version} ;;
  "install -v") {install} ;;
esac
"""
MAKES_A_SERVER = 'echo compiling >&2; printf "#!/bin/sh\\necho built" > "$GOBIN/server"; chmod +x "$GOBIN/server"'


def executable(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(0o755)
    return path


def server_saying(path: Path, version: str) -> Path:
    return executable(path, f"#!/bin/sh\necho livekit-server version {version}\n")


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A machine with /bin and nothing else: no server, no Go, an empty cache."""
    monkeypatch.setenv("PATH", f"{tmp_path}/bin{os.pathsep}/usr/bin{os.pathsep}/bin")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.delenv("LKEDGE_LIVEKIT_SERVER", raising=False)
    return tmp_path


def test_nothing_is_found_on_an_empty_machine(machine: Path) -> None:
    assert livekit_server.find() is None


def test_the_path_comes_before_the_cache_and_the_environment_before_both(
    machine: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cached = server_saying(livekit_server.cached_path(livekit_server.VERSION), livekit_server.VERSION)
    assert livekit_server.find() == cached
    on_path = server_saying(machine / "bin" / "livekit-server", "1.8.0")
    assert livekit_server.find() == on_path
    monkeypatch.setenv("LKEDGE_LIVEKIT_SERVER", "/opt/livekit")
    assert livekit_server.find() == Path("/opt/livekit")


def test_a_version_on_the_path_counts_only_if_it_is_that_version(machine: Path) -> None:
    on_path = server_saying(machine / "bin" / "livekit-server", "1.9.12")

    assert livekit_server.find("1.9.12") == on_path
    assert livekit_server.find("1.13.5") is None


def test_a_build_lands_in_the_cache_once(machine: Path) -> None:
    executable(machine / "bin" / "go", GO.format(version="go1.26.8", install=MAKES_A_SERVER))

    built = livekit_server.build("1.13.5")
    executable(machine / "bin" / "go", GO.format(version="go1.26.8", install="exit 1"))

    assert built == livekit_server.build("1.13.5") == livekit_server.find()
    assert sorted(path.name for path in built.parent.parent.iterdir()) == ["1.13.5", "1.13.5.lock"]


def test_a_failed_build_shows_what_go_said_and_leaves_nothing(machine: Path) -> None:
    executable(machine / "bin" / "go", GO.format(version="go1.26.8", install="echo no such module >&2; exit 1"))

    with pytest.raises(NoServer, match="no such module"):
        livekit_server.build("1.13.5")

    assert livekit_server.find() is None


def test_without_go_the_message_says_what_to_install(machine: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(machine / "bin"))

    with pytest.raises(NoServer, match="apt-get install golang-go"):
        livekit_server.build("1.13.5")


@pytest.mark.parametrize(("version", "toolchain"), [("go1.24.4", "go1.26.8+auto"), ("go1.26.0", None)])
def test_an_older_go_is_told_to_fetch_a_newer_toolchain(machine: Path, version: str, toolchain: str | None) -> None:
    executable(machine / "bin" / "go", GO.format(version=version, install="exit 1"))

    with Progress("test") as progress:
        assert go_environment(progress).get("GOTOOLCHAIN") == (toolchain or os.environ.get("GOTOOLCHAIN"))


def test_versions_of_go_are_read() -> None:
    assert parse_version("go1.26.8") == parse_version("go version go1.26.8 linux/amd64") == (1, 26)
    assert parse_version("devel") == (0, 0)


def test_find_prints_the_path_and_fails_when_there_is_none(machine: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert livekit_server.main(["find"]) == 1
    server_saying(machine / "bin" / "livekit-server", "1.13.5")

    assert livekit_server.main(["find", "1.13.5"]) == 0
    assert capsys.readouterr().out.split() == [str(machine / "bin" / "livekit-server")]
