# lkedge: pure
"""Reads the peer's session descriptions (RFC 8866), tolerantly: what is not needed is skipped.

A rejected section may have no mid, no codec and no ICE attributes (Pion answers so), hence
sections are matched by their index. BUNDLE makes one transport of all sections, so the
transport's attributes are taken from wherever they stand first.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from lkedge.errors import NegotiationError
from lkedge.rtp.profile import EXTENSION_ID

_DIRECTIONS = ("sendrecv", "sendonly", "recvonly", "inactive")


@dataclass(frozen=True, slots=True)
class Fingerprint:
    """Digest of the peer's DTLS certificate (RFC 8122)."""

    algorithm: str
    value: str


@dataclass(frozen=True, slots=True)
class RemoteSection:
    """One m-section as the peer described it.

    mid: None when the section has none.
    payload_types: in the peer's order; empty for m=application.
    lines: the section's lines without "a=", for what is not parsed here.
    """

    kind: str
    port: int
    protocol: str
    formats: tuple[str, ...]
    mid: str | None
    direction: str
    extension_ids: tuple[tuple[str, int], ...]
    lines: tuple[str, ...]

    @property
    def payload_types(self) -> tuple[int, ...]:
        return tuple(int(fmt) for fmt in self.formats if fmt.isdecimal())

    @property
    def extensions(self) -> frozenset[str]:
        """URIs of the header extensions that the peer takes under our ids."""
        return frozenset(uri for uri, number in self.extension_ids if EXTENSION_ID.get(uri) == number)


@dataclass(frozen=True, slots=True)
class RemoteDescription:
    """An offer or answer of the peer.

    setup: the DTLS role it chose: "active", "passive" or "actpass".
    candidates: candidate lines without "a=candidate:", each once.
    """

    ufrag: str
    pwd: str
    fingerprints: tuple[Fingerprint, ...]
    setup: str
    is_ice_lite: bool
    candidates: tuple[str, ...]
    has_end_of_candidates: bool
    sections: tuple[RemoteSection, ...]


def parse_description(text: str) -> RemoteDescription:
    """Parse the peer's offer or answer.

    Raises:
        NegotiationError: it lacks what a transport needs.
    """
    session, *sections = _split(text)
    lines = [*(line for section in sections if _port(section) for line in section), *session]
    lines += [line for section in sections if not _port(section) for line in section]
    return RemoteDescription(
        ufrag=_required(lines, "ice-ufrag"),
        pwd=_required(lines, "ice-pwd"),
        fingerprints=tuple(dict.fromkeys(_fingerprints(lines))),
        setup=_required(lines, "setup"),
        is_ice_lite="a=ice-lite" in lines,
        candidates=tuple(dict.fromkeys(_values(lines, "candidate"))),
        has_end_of_candidates="a=end-of-candidates" in lines,
        sections=tuple(_section(section) for section in sections),
    )


def _split(text: str) -> list[list[str]]:
    parts: list[list[str]] = [[]]
    for line in text.replace("\r", "").split("\n"):
        if line.startswith("m="):
            parts.append([])
        if line:
            parts[-1].append(line.rstrip())
    if len(parts) == 1:
        raise NegotiationError(f"the server's session description has no media section: {text[:80]!r}")
    return parts


def _port(section: list[str]) -> int:
    words = section[0].split()
    port = words[1].split("/")[0] if len(words) > 3 else ""
    if not port.isdecimal():
        raise NegotiationError(f"the server's session description has a malformed line: {section[0][:80]!r}")
    return int(port)


def _section(lines: list[str]) -> RemoteSection:
    kind, _, protocol, *formats = lines[0].removeprefix("m=").split()
    return RemoteSection(
        kind=kind,
        port=_port(lines),
        protocol=protocol,
        formats=tuple(formats),
        mid=next(_values(lines, "mid"), None),
        direction=next((name for name in _DIRECTIONS if f"a={name}" in lines), "sendrecv"),
        extension_ids=tuple(_extension_ids(lines)),
        lines=tuple(line.removeprefix("a=") for line in lines[1:]),
    )


def _values(lines: list[str], name: str) -> Iterator[str]:
    prefix = f"a={name}:"
    return (line.removeprefix(prefix).strip() for line in lines if line.startswith(prefix))


def _required(lines: list[str], name: str) -> str:
    value = next(_values(lines, name), "")
    if not value:
        raise NegotiationError(f"the server's session description has no a={name}")
    return value


def _fingerprints(lines: list[str]) -> Iterator[Fingerprint]:
    found = False
    for value in _values(lines, "fingerprint"):
        algorithm, _, digest = value.partition(" ")
        if digest:
            found = True
            yield Fingerprint(algorithm.lower(), digest.strip().upper())
    if not found:
        raise NegotiationError("the server's session description has no a=fingerprint")


def _extension_ids(lines: list[str]) -> Iterator[tuple[str, int]]:
    for value in _values(lines, "extmap"):
        number, _, rest = value.partition(" ")
        number = number.split("/")[0]
        if number.isdecimal() and rest:
            yield rest.split()[0], int(number)
