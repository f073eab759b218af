# lkedge: pure
"""The SFU's reading of an SDP offer or answer.

Independent of lkedge.rtc.sdp on purpose: each checks the other.
Source: livekit-wire.md, section 4; livekit-verified.md, sections 1, 8, 9.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

MID = "urn:ietf:params:rtp-hdrext:sdes:mid"
RID = "urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id"
REPAIRED_RID = "urn:ietf:params:rtp-hdrext:sdes:repaired-rtp-stream-id"
AUDIO_LEVEL = "urn:ietf:params:rtp-hdrext:ssrc-audio-level"
TRANSPORT_CC = "http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01"

_DIRECTIONS = ("sendonly", "recvonly", "sendrecv", "inactive")


@dataclass(frozen=True, slots=True)
class OfferedCodec:
    """One payload type; name in lower case."""

    payload_type: int
    name: str
    rtpmap: str
    fmtp: str = ""
    feedback: tuple[str, ...] = ()

    def parameter(self, name: str) -> str:
        pairs = (item.strip().partition("=") for item in self.fmtp.split(";"))
        return next((value for key, _, value in pairs if key == name), "")


@dataclass(frozen=True, slots=True)
class OfferSection:
    """One media section of an offer.

    simulcast: the rids of a=simulcast:send; None without that line.
    fid: media SSRC to RTX SSRC.
    """

    index: int
    kind: str
    port: int
    mid: str
    direction: str
    codecs: tuple[OfferedCodec, ...]
    extensions: Mapping[int, str]
    rids: tuple[str, ...]
    simulcast: tuple[str, ...] | None
    stream_id: str
    cid: str
    ssrcs: tuple[int, ...]
    fid: Mapping[int, int]
    ufrag: str
    pwd: str
    fingerprints: tuple[str, ...]
    setup: str
    candidates: tuple[str, ...]
    has_rtcp_mux: bool
    protocol: str = ""
    formats: tuple[str, ...] = ()

    @property
    def is_media(self) -> bool:
        return self.kind in ("audio", "video")

    @property
    def is_sending(self) -> bool:
        return self.is_media and self.port != 0 and self.direction in ("sendonly", "sendrecv")

    def codec(self, payload_type: int) -> OfferedCodec | None:
        return next((codec for codec in self.codecs if codec.payload_type == payload_type), None)

    def extension_id(self, uri: str) -> int | None:
        return next((number for number, name in self.extensions.items() if name == uri), None)


@dataclass(frozen=True, slots=True)
class Description:
    """A parsed offer or answer."""

    sections: tuple[OfferSection, ...]
    bundle: tuple[str, ...]
    text: str = field(repr=False, default="")

    @property
    def ufrag(self) -> str:
        return next((section.ufrag for section in self.sections if section.ufrag), "")

    @property
    def pwd(self) -> str:
        return next((section.pwd for section in self.sections if section.pwd), "")

    def section(self, mid: str) -> OfferSection | None:
        return next((section for section in self.sections if section.mid == mid), None)


def parse(text: str) -> Description:
    """Read an offer (or an answer). Tolerant; what is wrong is told by sfu_checks."""
    lines = [line.strip("\r") for line in text.split("\n") if line.strip()]
    starts = [number for number, line in enumerate(lines) if line.startswith("m=")]
    ends = [*starts[1:], len(lines)]
    session = lines[: starts[0]] if starts else lines
    blocks = [lines[start:end] for start, end in zip(starts, ends, strict=True)]
    sections = [_section(index, session, block) for index, block in enumerate(blocks)]
    group = next((line for line in session if line.startswith("a=group:BUNDLE")), "")
    return Description(tuple(sections), tuple(group.split()[1:]), text)


def _section(index: int, session: list[str], lines: list[str]) -> OfferSection:
    kind, port, protocol, *formats = lines[0][2:].split()
    attributes = [line[2:] for line in session + lines[1:] if line.startswith("a=")]
    values = {name: value for name, _, value in (item.partition(":") for item in attributes)}
    direction = next((item for item in reversed(attributes) if item in _DIRECTIONS), "sendrecv")
    stream_id, _, cid = values.get("msid", "").partition(" ")
    return OfferSection(
        index=index,
        kind=kind,
        port=int(port),
        mid=values.get("mid", ""),
        direction=direction,
        codecs=_codecs(attributes, formats) if kind in ("audio", "video") else (),
        extensions={int(item.split()[0].split("/")[0]): item.split()[1] for item in _all(attributes, "extmap")},
        rids=tuple(item.split()[0] for item in _all(attributes, "rid") if item.split()[1:2] == ["send"]),
        simulcast=_simulcast(values.get("simulcast")),
        stream_id=stream_id,
        cid=cid,
        ssrcs=tuple(dict.fromkeys(int(item.split()[0]) for item in _all(attributes, "ssrc"))),
        fid=_fid(attributes),
        ufrag=values.get("ice-ufrag", ""),
        pwd=values.get("ice-pwd", ""),
        fingerprints=tuple(_all(attributes, "fingerprint")),
        setup=values.get("setup", ""),
        candidates=tuple(_all(attributes, "candidate")),
        has_rtcp_mux="rtcp-mux" in values,
        protocol=protocol,
        formats=tuple(formats),
    )


def _all(attributes: list[str], name: str) -> list[str]:
    return [item[len(name) + 1 :] for item in attributes if item.startswith(name + ":")]


def _codecs(attributes: list[str], formats: list[str]) -> tuple[OfferedCodec, ...]:
    maps = {name: value for name, _, value in (item.partition(" ") for item in _all(attributes, "rtpmap"))}
    fmtps = {name: value for name, _, value in (item.partition(" ") for item in _all(attributes, "fmtp"))}
    feedback = [item.partition(" ") for item in _all(attributes, "rtcp-fb")]
    return tuple(
        OfferedCodec(
            int(number),
            maps[number].split("/")[0].lower(),
            maps[number],
            fmtps.get(number, ""),
            tuple(value for name, _, value in feedback if name in (number, "*")),
        )
        for number in formats
        if number in maps
    )


def _simulcast(value: str | None) -> tuple[str, ...] | None:
    if value is None:
        return None
    direction, _, rids = value.partition(" ")
    return tuple(rid.strip("~ ") for rid in rids.split(";")) if direction == "send" else None


def _fid(attributes: list[str]) -> dict[int, int]:
    groups = [item.split() for item in _all(attributes, "ssrc-group")]
    return {int(group[1]): int(group[2]) for group in groups if group[0] == "FID" and len(group) == 3}
