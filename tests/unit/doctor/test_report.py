from __future__ import annotations

from lkedge.doctor.finding import fail, ok, warn
from lkedge.doctor.report import as_json, summary, text

WELL = ok("board", "Raspberry Pi 4")
ILL = warn("clock", "not synchronised", "`sudo timedatectl set-ntp true`")
BAD = fail("server", "refuses the join", "check the API key")


def test_each_finding_with_its_remedy_below() -> None:
    assert text([WELL, ILL, BAD], 80).splitlines() == [
        "ok    board   Raspberry Pi 4",
        "warn  clock   not synchronised",
        "              -> `sudo timedatectl set-ntp true`",
        "FAIL  server  refuses the join",
        "              -> check the API key",
        "",
        "1 failure, 1 warning, 1 well.",
    ]


def test_long_lines_are_folded_below_their_beginning() -> None:
    lines = text([ok("plugins", "one, two, three, four, five, six, seven, eight, nine")], 40).splitlines()

    assert lines[0].startswith("ok    plugins  one, two")
    assert lines[1].startswith(" " * len("ok    plugins  "))
    assert max(map(len, lines)) <= 60


def test_counts() -> None:
    assert summary([WELL, WELL]) == "All 2 checks are well."
    assert summary([BAD, BAD]) == "2 failures, 0 well."


def test_for_programs() -> None:
    assert as_json([WELL, ILL])["level"] == "warn"
    assert as_json([WELL])["findings"] == [{"level": "ok", "subject": "board", "seen": "Raspberry Pi 4", "remedy": ""}]
