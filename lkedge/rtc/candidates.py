# lkedge: pure
"""ICE candidates as the signalling carries them (RFC 8839, section 5.1; W3C RTCIceCandidateInit)."""

from __future__ import annotations

import ipaddress
import json
from dataclasses import dataclass, replace

from lkedge.terms import Mid

_PREFIX = "candidate:"

MAX_REMOTE_CANDIDATES = 100
"""Of one peer and generation; more are ignored."""


@dataclass(frozen=True, slots=True)
class RemoteCandidate:
    """One candidate line of the peer.

    ufrag: which ICE generation it belongs to; "" when the line does not say.
    """

    foundation: str
    component: int
    transport: str
    priority: int
    host: str
    port: int
    type: str
    ufrag: str = ""


def parse_candidate(text: str) -> RemoteCandidate:
    """Parse "candidate:..." or "a=candidate:...".

    Raises:
        ValueError: the text is not a candidate line.
    """
    words = text.strip().removeprefix("a=").removeprefix(_PREFIX).split()
    if len(words) < 8 or words[6] != "typ":
        raise ValueError(f"{text!r} is not a candidate line")
    extras = dict(zip(words[8::2], words[9::2], strict=False))
    return RemoteCandidate(
        foundation=words[0],
        component=int(words[1]),
        transport=words[2].lower(),
        priority=int(words[3]),
        host=words[4],
        port=int(words[5]),
        type=words[7],
        ufrag=extras.get("ufrag", ""),
    )


def unusable_reason(candidate: RemoteCandidate) -> str | None:
    """Why we cannot send to the candidate; None when we can."""
    if candidate.component != 1:
        return "component 2 is not used: RTCP is multiplexed"
    if candidate.transport != "udp":
        return "ICE over TCP is not supported"
    if candidate.type not in ("host", "srflx", "relay"):
        return f"unknown candidate type {candidate.type!r}"
    try:
        ipaddress.ip_address(candidate.host)
    except ValueError:
        return "its host is a name (mDNS or DNS), not an address"
    return None


def candidate_of_init(candidate_init: str) -> RemoteCandidate | None:
    """The candidate of a TrickleRequest.candidateInit.

    Returns:
        None for the empty candidate, which some peers send at the end.

    Raises:
        ValueError: not JSON, or not a candidate.
    """
    init = json.loads(candidate_init)
    text = init.get("candidate") if isinstance(init, dict) else None
    if not isinstance(text, str):
        raise ValueError("candidateInit has no candidate")
    if not text.strip():
        return None
    candidate = parse_candidate(text)
    fragment = init.get("usernameFragment")
    if candidate.ufrag or not isinstance(fragment, str):
        return candidate
    return replace(candidate, ufrag=fragment)


def candidate_init(line: str, mid: Mid, ufrag: str) -> str:
    """The candidateInit of one of our candidates. line: without the "candidate:" prefix."""
    init = {"candidate": _PREFIX + line, "sdpMid": mid, "sdpMLineIndex": 0, "usernameFragment": ufrag}
    return json.dumps(init, separators=(",", ":"))
