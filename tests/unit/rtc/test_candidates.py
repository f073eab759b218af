"""Candidate lines and candidateInit, with what a real server trickles."""

from __future__ import annotations

import json

import pytest

from lkedge.rtc.candidates import RemoteCandidate, candidate_init, candidate_of_init, parse_candidate, unusable_reason
from lkedge.terms import Mid

UDP = "candidate:3971775499 1 udp 2130706431 10.98.0.1 7882 typ host ufrag fyexuMsQQnXHgYDV"
TCP = "candidate:1364135403 1 tcp 1671430143 10.98.0.1 7881 typ host tcptype passive ufrag fyexuMsQQnXHgYDV"


def test_candidate_line() -> None:
    expected = RemoteCandidate("3971775499", 1, "udp", 2130706431, "10.98.0.1", 7882, "host", "fyexuMsQQnXHgYDV")
    assert parse_candidate(UDP) == expected
    assert parse_candidate("a=" + UDP + "\r\n") == expected


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (UDP, None),
        (UDP.replace("10.98.0.1", "2001:db8::1"), None),
        (TCP, "TCP"),
        (UDP.replace(" 1 udp", " 2 udp"), "component 2"),
        (UDP.replace("10.98.0.1", "9b36eaac-bb2e-49bb-bb78-21c41c499900.local"), "mDNS"),
        (UDP.replace("typ host", "typ magic"), "magic"),
    ],
)
def test_usable_or_why_not(line: str, reason: str | None) -> None:
    found = unusable_reason(parse_candidate(line))
    assert found is None if reason is None else reason in str(found)


def test_candidate_of_init() -> None:
    init = json.dumps({"candidate": UDP, "sdpMid": "0", "sdpMLineIndex": 0, "usernameFragment": None})
    assert candidate_of_init(init) == parse_candidate(UDP)


def test_fragment_of_init_counts_when_the_line_has_none() -> None:
    line = UDP.removesuffix(" ufrag fyexuMsQQnXHgYDV")
    candidate = candidate_of_init(json.dumps({"candidate": line, "usernameFragment": "abcd"}))
    assert candidate is not None
    assert candidate.ufrag == "abcd"


def test_empty_candidate_is_the_end() -> None:
    assert candidate_of_init('{"candidate": ""}') is None


@pytest.mark.parametrize("init", ["", "nonsense", "[]", "{}", '{"candidate": 5}', '{"candidate": "x 1 udp"}'])
def test_nonsense_is_refused(init: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - json and our own parser word it differently
        candidate_of_init(init)


def test_our_candidate_as_init() -> None:
    init = json.loads(candidate_init("f 1 udp 1 192.0.2.1 5 typ host", Mid("0"), "frag"))
    assert init == {
        "candidate": "candidate:f 1 udp 1 192.0.2.1 5 typ host",
        "sdpMid": "0",
        "sdpMLineIndex": 0,
        "usernameFragment": "frag",
    }
