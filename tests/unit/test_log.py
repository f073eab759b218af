from __future__ import annotations

import io
import logging
from collections.abc import Iterator
from pathlib import Path

import pytest

from lkedge import log

JWT = "eyJhbGciOiJIUzI1NiJ9.eyJpc3MiOiJrIn0.c2lnbmF0dXJl"


@pytest.fixture(autouse=True)
def restored() -> Iterator[None]:
    root, ours = logging.getLogger(), logging.getLogger("lkedge")
    handlers, level, our_level = list(root.handlers), root.level, ours.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    ours.setLevel(our_level)
    logging.getLogger("lkedge.rtc").setLevel(logging.NOTSET)


def logged(message: str, *args: object, level: str = "info", environ: dict[str, str] | None = None) -> str:
    stream = io.StringIO()
    log.configure(level, environ=environ or {}, stream=stream)
    logging.getLogger("lkedge.rtc.dtls").info(message, *args)
    return stream.getvalue()


def test_one_short_line_for_each_record() -> None:
    line = logged("connected to %s", "h")
    assert line[8:] == " info    rtc.dtls: connected to h\n"


def test_configuring_again_replaces() -> None:
    logged("x")
    assert logged("once").count("once") == 1


def test_the_level_is_obeyed() -> None:
    assert logged("quiet", level="warning") == ""


def test_single_modules_can_talk_more() -> None:
    assert "loud" in logged("loud", level="error", environ={"LKEDGE_LOG": "rtc=debug"})
    assert logged("loud", level="error", environ={"LKEDGE_LOG": "signaling=debug"}) == ""


@pytest.mark.parametrize(
    ("text", "levels"),
    [
        ("", {}),
        ("debug", {"lkedge": logging.DEBUG}),
        ("rtc", {"lkedge.rtc": logging.DEBUG}),
        ("rtc=info, lkedge_v4l2=debug", {"lkedge.rtc": logging.INFO, "lkedge_v4l2": logging.DEBUG}),
        ("rtc=loud", {}),
    ],
)
def test_lkedge_log(text: str, levels: dict[str, int]) -> None:
    assert log.module_levels(text) == levels


@pytest.mark.parametrize(
    ("text", "clean"),
    [
        (f"join with {JWT} now", "join with (secret) now"),
        ("ws://h/rtc?access_token=abc.def&sdk=python", "ws://h/rtc?access_token=(secret)&sdk=python"),
        ("Authorization: Bearer abc123", "Authorization: Bearer (secret)"),
        ("turn:u via https://user:pass@host/x", "turn:u via https://user:(secret)@host/x"),
        ("nothing here", "nothing here"),
    ],
)
def test_tokens_and_passwords_are_taken_out(text: str, clean: str) -> None:
    assert log.redact(text) == clean


def test_a_very_long_word_is_soon_looked_through() -> None:
    assert len(log.redact("x" * 1_000_000)) == 1_000_000


def test_a_registered_secret_is_taken_out_of_arguments_and_tracebacks() -> None:
    log.register_secret("hunter2-hunter2")
    stream = io.StringIO()
    log.configure("info", environ={}, stream=stream)
    try:
        raise ValueError("it was hunter2-hunter2")
    except ValueError:
        logging.getLogger("lkedge.x").exception("using %s", "hunter2-hunter2")

    assert "hunter2" not in stream.getvalue()
    assert "ValueError: it was (secret)" in stream.getvalue()


def test_short_texts_are_no_secrets() -> None:
    log.register_secret("a")
    assert log.redact("a camera") == "a camera"


def test_the_journal_is_recognised_by_device_and_inode(tmp_path: Path) -> None:
    with (tmp_path / "stream").open("w") as stream:
        status = (tmp_path / "stream").stat()
        assert log.is_journal({"JOURNAL_STREAM": f"{status.st_dev}:{status.st_ino}"}, stream)
        assert not log.is_journal({"JOURNAL_STREAM": f"{status.st_dev}:1"}, stream)
        assert not log.is_journal({}, stream)
    assert not log.is_journal({"JOURNAL_STREAM": "1:2"}, io.StringIO())
