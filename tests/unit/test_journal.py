"""The journal: what the handler hands to libsystemd, what comes out at a journal of the test's own, and the catalog."""

from __future__ import annotations

import contextlib
import json
import logging
import re
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from lkedge import journal, log
from lkedge.journal import MessageId, event
from tests.systemd_library import needs_systemd_python

ALONE = Path(__file__).with_name("journal_alone.py")
CATALOG = Path(__file__).parents[2] / "systemd/catalog/lkedge.catalog"


@pytest.fixture
def journald(tmp_path: Path) -> Iterator[socket.socket]:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as server:
        server.bind(str(tmp_path / "journal"))
        server.setblocking(False)
        yield server


class Library:
    """In the place of `systemd.journal.sendv`. error: what it raises."""

    def __init__(self) -> None:
        self.entries: list[dict[str, str]] = []
        self.error: OSError | None = None

    def sendv(self, *fields: bytes) -> None:
        if self.error is not None:
            raise self.error
        pairs = (field.decode().partition("=") for field in fields)
        self.entries.append({name: value for name, _, value in pairs})


@pytest.fixture
def library() -> Library:
    return Library()


@pytest.fixture
def handler(tmp_path: Path, journald: socket.socket, library: Library) -> log.JournalHandler:
    handler = log.JournalHandler(library.sendv, str(tmp_path / "journal"))
    handler.setFormatter(logging.Formatter("%(message)s"))
    return handler


def record(text: str, level: int = logging.INFO, **extra: str) -> logging.LogRecord:
    made = logging.getLogger("lkedge.x").makeRecord("lkedge.x", level, __file__, 7, text, (), None, "here", extra)
    log.RedactingFilter().filter(made)
    return made


def test_only_what_is_known_becomes_a_field() -> None:
    assert event(MessageId.JOINED, room="kitchen") == {"MESSAGE_ID": MessageId.JOINED.value, "LKEDGE_ROOM": "kitchen"}
    assert journal.fields_of({"MESSAGE_ID": "", "LKEDGE_TRACK": "front", "LD_PRELOAD": "x"}) == {
        "LKEDGE_TRACK": "front"
    }


def test_a_record_has_its_fields(handler: log.JournalHandler, library: Library) -> None:
    handler.emit(record("lost", logging.WARNING, **event(MessageId.SOURCE_LOST, track="front", rid="h")))
    (entry,) = library.entries
    assert (entry["MESSAGE"], entry["PRIORITY"], entry["SYSLOG_IDENTIFIER"]) == ("lost", "4", "lkedge")
    assert (entry["LKEDGE_TRACK"], entry["LKEDGE_RID"], entry["LOGGER"]) == ("front", "h", "lkedge.x")
    assert (entry["MESSAGE_ID"], entry["CODE_LINE"]) == (MessageId.SOURCE_LOST.value, "7")


def test_no_field_has_a_secret(handler: log.JournalHandler, library: Library) -> None:
    log.register_secret("hunter3-hunter3")
    try:
        raise ValueError("hunter3-hunter3")
    except ValueError:
        failed = logging.getLogger("lkedge.x").makeRecord(
            "lkedge.x", logging.ERROR, __file__, 7, "with %s", ("hunter3-hunter3",), sys.exc_info()
        )
    log.RedactingFilter().filter(failed)
    handler.emit(failed)
    (entry,) = library.entries
    assert not any("hunter3" in value for value in entry.values())
    assert "ValueError: (secret)" in entry["MESSAGE"]


def test_a_journal_that_does_not_read_costs_messages_and_says_so(
    handler: log.JournalHandler, library: Library, journald: socket.socket
) -> None:
    library.error = BlockingIOError()
    handler.emit(record("its buffer is full"))
    library.error = None
    fill(journald)
    handler.emit(record("its queue is full"))
    assert (handler.lost, library.entries) == (2, [])
    journald.recv(65536)
    handler.emit(record("again"))
    assert library.entries[0]["MESSAGE"] == "again (2 messages before this one were lost)"
    assert handler.lost == 0


def fill(receiver: socket.socket) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
        sender.setblocking(False)
        with contextlib.suppress(BlockingIOError):
            while True:
                sender.sendto(b"x", receiver.getsockname())


@pytest.mark.parametrize("reason", ["no journal", "an error", "no library"])
def test_else_records_go_to_stderr(
    reason: str, library: Library, journald: socket.socket, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    library.error = ConnectionRefusedError() if reason == "an error" else None
    if reason == "no journal":
        (tmp_path / "journal").unlink()
    handler = log.JournalHandler(None if reason == "no library" else library.sendv, str(tmp_path / "journal"))
    handler.emit(record("hello", logging.ERROR))
    assert (capsys.readouterr().err, library.entries) == ("<3>hello\n", [])


def played(scene: str) -> tuple[list[list[Any]], str]:
    """What came out at libsystemd's journal in a mount namespace, and what on stderr."""
    alone = ["unshare", "--mount", "--net"]
    if shutil.which("unshare") is None or subprocess.run([*alone, "true"], capture_output=True, timeout=30).returncode:
        pytest.skip("a name space of mounts, and of the length of queues, cannot be had: run the tests as root")
    command = [*alone, sys.executable, str(ALONE), scene]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()], done.stderr


@needs_systemd_python
def test_entries_come_out_as_they_went_in() -> None:
    ((first, second, third),), said = played("fields")
    entry = dict(map(tuple, first))
    assert (entry["MESSAGE"], entry["LKEDGE_TRACK"]) == ("two\nlines=a=b", "front\nPRIORITY=0")
    assert (entry["PRIORITY"], entry["MESSAGE_ID"]) == ("4", MessageId.SOURCE_LOST.value)
    assert len(first) == len(entry)
    assert dict(map(tuple, second))["MESSAGE"] == "not in utf-8: ?"
    assert len(dict(map(tuple, third))["MESSAGE"]) == 1_000_000
    assert said == ""


@needs_systemd_python
@pytest.mark.parametrize("scene", ["stuck", "stuck_with_a_long_queue"])
def test_nobody_waits_for_a_journal_that_does_not_read(scene: str) -> None:
    """systemd-python would keep the interpreter's lock meanwhile."""
    ((lost,), (again, and_again), *_), said = played(scene)
    assert lost > 0
    assert dict(map(tuple, again))["MESSAGE"] == f"again ({lost} messages before this one were lost)"
    assert (dict(map(tuple, and_again))["MESSAGE"], said) == ("and again", "")


@needs_systemd_python
def test_the_first_record_does_not_wait_either() -> None:
    ((only,),), _ = played("stuck_from_the_start")
    assert dict(map(tuple, only))["MESSAGE"] == "first (1 messages before this one were lost)"


@needs_systemd_python
def test_without_a_journal_libsystemds_silence_is_not_taken_for_success() -> None:
    assert played("gone")[1] == "<3>nobody is there\n"


def catalog_entries() -> dict[str, str]:
    parts = re.split(r"^-- ([0-9a-f]{32})$", CATALOG.read_text(), flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


def test_the_catalog_explains_every_event_and_no_other() -> None:
    assert set(catalog_entries()) == {one.value for one in MessageId}


@pytest.mark.parametrize("message_id", list(MessageId))
def test_every_entry_has_a_subject_an_explanation_and_a_remedy(message_id: MessageId) -> None:
    text = catalog_entries()[message_id.value]
    assert re.search(r"^Subject: \S", text, re.MULTILINE)
    assert "Defined-By: lkedge\n" in text
    assert "\n\n" in text.strip()
    assert re.search(r"^What to do: \S", text, re.MULTILINE)
    assert set(re.findall(r"@(\w+)@", text)) <= {*journal.FIELDS, "MESSAGE"}


def test_journalctl_takes_the_catalog(tmp_path: Path) -> None:
    if shutil.which("journalctl") is None:
        pytest.skip("journalctl is missing: apt install systemd")
    for folder in ("usr/lib/systemd/catalog", "var/lib/systemd/catalog"):
        (tmp_path / folder).mkdir(parents=True)
    shutil.copy(CATALOG, tmp_path / "usr/lib/systemd/catalog")
    journalctl = ["journalctl", f"--root={tmp_path}"]
    subprocess.run([*journalctl, "--update-catalog"], check=True, timeout=30)
    listed = subprocess.run(
        [*journalctl, "--list-catalog"], check=True, timeout=30, capture_output=True, text=True
    ).stdout
    assert len(listed.splitlines()) == len(MessageId)
    assert f"{MessageId.JOINED} lkedge: " in listed
