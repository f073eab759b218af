"""The commands as a user sees them: output, exit status, help."""

from __future__ import annotations

import json
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

import lkedge
from lkedge.cli import main
from lkedge.cli.devices import describe
from lkedge.cli.plugins import table
from lkedge.cli.program import COMMANDS, EX_CONFIG
from lkedge.cli.token import duration
from lkedge.plugin.api import DeviceInfo
from lkedge.plugin.manager import PluginRecord, PluginStatus
from lkedge.signaling.claims import Grants, mint_token, read_claims
from lkedge.terms import TrackKind

Output = pytest.CaptureFixture[str]

GOOD = """[livekit]
url = "ws://127.0.0.1:7880"
token_file = "token.jwt"
[[track]]
name = "front"
source = "testsrc"
"""


@pytest.fixture
def good(tmp_path: Path) -> Path:
    (tmp_path / "token.jwt").write_text("token")
    path = tmp_path / "lkedge.toml"
    path.write_text(GOOD)
    return path


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("LIVEKIT_URL", "LIVEKIT_API_KEY", "LIVEKIT_API_SECRET"):
        monkeypatch.delenv(name, raising=False)


def test_version(capsys: Output) -> None:
    with pytest.raises(SystemExit) as caught:
        main(["--version"])
    assert caught.value.code == 0
    assert capsys.readouterr().out == f"lkedge {lkedge.__version__}\n"


def test_without_a_command_it_helps(capsys: Output) -> None:
    assert main([]) == 0
    text = capsys.readouterr().out
    assert all(f"{name}  " in text for name in COMMANDS)


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help_with_examples(command: str, capsys: Output) -> None:
    with pytest.raises(SystemExit) as caught:
        main([command, "--help"])
    assert caught.value.code == 0
    text = capsys.readouterr().out
    assert "examples:" in text
    assert f"  lkedge {command}" in text


def test_an_unknown_command_is_refused(capsys: Output) -> None:
    with pytest.raises(SystemExit) as caught:
        main(["runn"])
    assert caught.value.code == 2
    assert "runn" in capsys.readouterr().err


def test_help_imports_no_command() -> None:
    script = "import sys; from lkedge.cli import main; main([]); sys.exit('lkedge.cli.run' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", script], capture_output=True, timeout=30).returncode == 0


class TestCheck:
    def test_a_right_file_is_summed_up(self, good: Path, capsys: Output) -> None:
        assert main(["check", str(good)]) == 0
        out = capsys.readouterr().out
        assert "track    front: testsrc as camera, vp8" in out
        assert "ws://127.0.0.1:7880" in out

    def test_all_problems_and_status_78(self, good: Path, capsys: Output) -> None:
        good.write_text(GOOD + 'sauce = 1\npublish = { video_codec = "vp9" }\n')

        assert main(["check", str(good)]) == EX_CONFIG == 78
        captured = capsys.readouterr()
        assert captured.out == ""
        assert captured.err.splitlines() == [
            f'{good}:7: track "front", sauce: there is no such setting; did you mean "source"?',
            f'{good}:8: track "front", publish.video_codec = "vp9": must be "vp8" or "h264"; did you mean "vp8"?',
            "lkedge: 2 problems in the configuration",
        ]

    def test_what_will_fail_all_the_same(self, good: Path, capsys: Output) -> None:
        good.write_text(GOOD + '[[track]]\nname = "clip"\nsource = "file"\nfile = { path = "none.mp4" }\n')

        assert main(["check", str(good)]) == 0
        assert [line for line in capsys.readouterr().out.splitlines() if line.startswith("But")] == [
            f"But {good.with_name('token.jwt')}: this is no LiveKit access token (three base64 parts with dots between "
            "are expected)",
            f"But track clip: there is no {good.with_name('none.mp4')}",
        ]

    def test_an_expired_token_and_no_track(self, good: Path, capsys: Output) -> None:
        token = mint_token("k", "s" * 32, identity="box", room="yard", now_s=0.0, grants=Grants())
        good.with_name("token.jwt").write_text(token)
        good.write_text(GOOD.partition("[[track]]")[0])

        assert main(["check", str(good)]) == 0
        out = capsys.readouterr().out
        assert "token.jwt: the token expired on 1970-01-01" in out
        assert "there is no [[track]], so nothing is published" in out

    def test_a_missing_file(self, tmp_path: Path, capsys: Output) -> None:
        assert main(["check", str(tmp_path / "none.toml")]) == 78
        assert "cannot be read: No such file or directory" in capsys.readouterr().err


class TestConfig:
    def test_the_example_is_toml(self, capsys: Output) -> None:
        assert main(["config", "--example"]) == 0
        assert tomllib.loads(capsys.readouterr().out)["track"]

    def test_the_schema_is_json(self, capsys: Output) -> None:
        assert main(["config", "--schema", "--builtin-only"]) == 0
        assert json.loads(capsys.readouterr().out)["title"] == "lkedge configuration"

    def test_the_reference(self, capsys: Output) -> None:
        assert main(["config", "--reference"]) == 0
        assert capsys.readouterr().out.startswith("# Configuration")

    def test_show_names_origins_and_defaults(self, good: Path, capsys: Output) -> None:
        folder = good.with_name("lkedge.toml.d")
        folder.mkdir()
        (folder / "more.toml").write_text('[publish_defaults]\nvideo_codec = "h264"\n')

        assert main(["config", "--show", str(good)]) == 0
        out = capsys.readouterr().out
        assert f"# {good}:2" in out
        assert f"# {folder / 'more.toml'}:2" in out
        assert "# dynacast" in out
        assert tomllib.loads(out)["track"][0]["publish"] == {"video_codec": "h264"}

    def test_show_of_a_wrong_file_is_78(self, good: Path, capsys: Output) -> None:
        good.write_text("x = 1\n")
        assert main(["config", "--show", str(good)]) == 78
        assert "there is no such setting" in capsys.readouterr().err

    def test_one_of_the_options_is_needed(self, capsys: Output) -> None:
        with pytest.raises(SystemExit):
            main(["config"])
        assert "--example" in capsys.readouterr().err


class TestPlugins:
    def test_lists_what_is_there(self, capsys: Output) -> None:
        main(["plugins"])
        out = capsys.readouterr().out
        assert "builtin" in out
        assert "testsrc, tone, file" in out

    def test_json(self, capsys: Output) -> None:
        main(["plugins", "--json"])
        builtin = json.loads(capsys.readouterr().out)[0]
        assert (builtin["name"], builtin["status"]) == ("builtin", "ready")
        assert {key: builtin["encoders"][0][key] for key in ("name", "codec", "rank")} == {
            "name": "vp8",
            "codec": "vp8",
            "rank": 100,
        }

    def test_a_failure_has_its_reason_below(self) -> None:
        records = [
            PluginRecord("builtin", "lkedge", "0.1.0", PluginStatus.READY, sources=("tone",)),
            PluginRecord("cam", "lkedge-cam", "2", PluginStatus.IMPORT_ERROR, "no libcamera"),
        ]
        assert table(records).splitlines() == [
            "PLUGIN   VERSION  STATUS        SOURCES  ENCODERS  PROCESSORS",
            "builtin  0.1.0    ready         tone     -         -",
            "cam      2        import error  -        -         -",
            "    no libcamera (lkedge-cam)",
        ]


class TestDevices:
    def test_a_device_is_ready_to_paste(self) -> None:
        text = describe(
            DeviceInfo("v4l2", "Cam", TrackKind.VIDEO, '[[track]]\nname = "cam"\n', {"node": "/dev/video0"})
        )
        assert text.splitlines()[:2] == ["# Cam (video, plugin v4l2)", "#   node: /dev/video0"]
        assert tomllib.loads(text) == {"track": [{"name": "cam"}]}

    def test_json_is_a_list(self, capsys: Output) -> None:
        assert main(["devices", "--json", "--kind", "audio"]) == 0
        assert json.loads(capsys.readouterr().out) == []


class TestToken:
    def test_mints_from_the_environment(self, monkeypatch: pytest.MonkeyPatch, capsys: Output) -> None:
        monkeypatch.setenv("LIVEKIT_API_KEY", "key")
        monkeypatch.setenv("LIVEKIT_API_SECRET", "secret-secret")

        assert main(["token", "--room", "yard", "--identity", "pi", "--ttl", "1h", "--subscribe"]) == 0
        out = capsys.readouterr().out
        claims = read_claims(out.strip())
        assert (claims.room, claims.identity, claims.can_subscribe) == ("yard", "pi", True)
        assert claims.expires_s is not None
        assert claims.expires_s - claims.not_before_s == pytest.approx(3660, abs=2)
        assert "secret-secret" not in out

    def test_mints_from_files(self, tmp_path: Path, capsys: Output) -> None:
        (tmp_path / "key").write_text("key\n")
        (tmp_path / "secret").write_text("secret\n")
        files = ["--api-key-file", str(tmp_path / "key"), "--api-secret-file", str(tmp_path / "secret")]

        assert main(["token", "--room", "r", "--identity", "i", *files]) == 0
        assert read_claims(capsys.readouterr().out.strip()).room == "r"

    def test_without_a_key_it_says_where_one_comes_from(self, capsys: Output) -> None:
        assert main(["token", "--room", "r", "--identity", "i"]) == 1
        assert "LIVEKIT_API_KEY" in capsys.readouterr().err

    @pytest.mark.parametrize(("text", "seconds"), [("90", 90), ("90s", 90), ("30m", 1800), ("7d", 604800)])
    def test_durations(self, text: str, seconds: int) -> None:
        assert duration(text) == seconds

    @pytest.mark.parametrize("text", ["", "0", "1w", "-1h", "h"])
    def test_wrong_durations_are_refused(self, text: str, capsys: Output) -> None:
        with pytest.raises(SystemExit):
            main(["token", "--room", "r", "--identity", "i", f"--ttl={text}"])
        assert "30m" in capsys.readouterr().err


def test_a_reader_that_goes_away_is_no_traceback() -> None:
    script = f"{sys.executable} -m lkedge config --reference | head -1"
    done = subprocess.run(["bash", "-c", script], capture_output=True, text=True, timeout=30)
    assert done.stdout == "# Configuration\n"
    assert done.stderr == ""
