"""The journal: entries as bytes, the handler on a socket that stands for journald's, and the catalog."""

from __future__ import annotations

import logging
import re
import shutil
import socket
import struct
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from lkedge import journal, log
from lkedge.journal import MessageId, event

CATALOG = Path(__file__).parents[2] / "systemd/catalog/lkedge.catalog"


@pytest.fixture
def journald(tmp_path: Path) -> Iterator[socket.socket]:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as server:
        server.bind(str(tmp_path / "journal"))
        server.setblocking(False)
        yield server


@pytest.fixture
def handler(tmp_path: Path) -> Iterator[log.JournalHandler]:
    handler = log.JournalHandler(str(tmp_path / "journal"))
    handler.setFormatter(logging.Formatter("%(message)s"))
    yield handler
    handler.close()


def record(text: str, level: int = logging.INFO, **extra: str) -> logging.LogRecord:
    made = logging.getLogger("lkedge.x").makeRecord("lkedge.x", level, __file__, 7, text, (), None, "here", extra)
    log.RedactingFilter().filter(made)
    return made


def parsed(data: bytes) -> dict[str, str]:
    """What journald makes of a datagram."""
    found = {}
    while data:
        line, _, data = data.partition(b"\n")
        name, has_value, value = line.partition(b"=")
        if not has_value:
            (length,) = struct.unpack_from("<Q", data)
            value, data = data[8 : 8 + length], data[8 + length + 1 :]
        found[name.decode()] = value.decode()
    return found


def test_only_what_is_known_becomes_a_field() -> None:
    assert event(MessageId.JOINED, room="kitchen") == {"MESSAGE_ID": MessageId.JOINED.value, "LKEDGE_ROOM": "kitchen"}
    assert journal.fields_of({"MESSAGE_ID": "", "LKEDGE_TRACK": "front", "LD_PRELOAD": "x"}) == {
        "LKEDGE_TRACK": "front"
    }


def test_an_entry_survives_newlines_and_equals_signs() -> None:
    entry = {"MESSAGE": "two\nlines=1", "LKEDGE_TRACK": "a=b", "PRIORITY": "6"}
    assert parsed(journal.encode(entry.items())) == entry


def test_a_track_name_cannot_smuggle_in_a_field() -> None:
    entry = {"LKEDGE_TRACK": "front\nPRIORITY=0", "MESSAGE": "x"}
    assert parsed(journal.encode(entry.items())) == entry


def test_endless_texts_are_cut() -> None:
    assert len(journal.encode([("MESSAGE", "x" * 1_000_000)])) < 60_000


def test_a_record_has_its_fields(journald: socket.socket, handler: log.JournalHandler) -> None:
    handler.emit(record("lost", logging.WARNING, **event(MessageId.SOURCE_LOST, track="front", rid="h")))
    entry = parsed(journald.recv(65536))
    assert (entry["MESSAGE"], entry["PRIORITY"], entry["SYSLOG_IDENTIFIER"]) == ("lost", "4", "lkedge")
    assert (entry["LKEDGE_TRACK"], entry["LKEDGE_RID"], entry["LOGGER"]) == ("front", "h", "lkedge.x")
    assert (entry["MESSAGE_ID"], entry["CODE_LINE"]) == (MessageId.SOURCE_LOST.value, "7")


def test_no_field_has_a_secret(journald: socket.socket, handler: log.JournalHandler) -> None:
    log.register_secret("hunter3-hunter3")
    try:
        raise ValueError("hunter3-hunter3")
    except ValueError:
        failed = logging.getLogger("lkedge.x").makeRecord(
            "lkedge.x", logging.ERROR, __file__, 7, "with %s", ("hunter3-hunter3",), sys.exc_info()
        )
    log.RedactingFilter().filter(failed)
    handler.emit(failed)
    data = journald.recv(65536)
    assert b"hunter3" not in data
    assert b"ValueError: (secret)" in data


def test_a_journal_that_does_not_read_costs_messages_not_time(
    journald: socket.socket, handler: log.JournalHandler
) -> None:
    while not handler.lost:
        handler.emit(record("x" * 10_000))
    while True:
        try:
            journald.recv(65536)
        except BlockingIOError:
            break
    handler.emit(record("again"))
    assert parsed(journald.recv(65536))["MESSAGE"] == "again (1 messages before this one were lost)"
    assert handler.lost == 0


def test_without_a_journal_records_go_to_stderr(
    handler: log.JournalHandler, capsys: pytest.CaptureFixture[str]
) -> None:
    handler.emit(record("hello", logging.ERROR))
    assert capsys.readouterr().err == "<3>hello\n"


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
