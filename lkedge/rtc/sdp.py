# lkedge: pure
"""Our offers as text, and what an answer says about our sections (RFC 8866, RFC 8829).

Sections are only ever appended and mids never reused: the server attaches no rids to a
recycled section. Each section lists every codec under the same payload types and every
extension under the same id, since the server negotiates them on the first section of a
kind for the whole connection (livekit-wire.md, sections 4.1 to 4.3).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from lkedge.errors import NegotiationError
from lkedge.rtc.sdp_parser import Fingerprint, RemoteDescription, RemoteSection, parse_description
from lkedge.rtp import profile
from lkedge.terms import Cid, Codec, Mid, Rid, Ssrc, TrackKind

Answer = RemoteDescription

_VIDEO_CODECS = (Codec.VP8, Codec.H264)
_VIDEO_FEEDBACK = ("nack", "nack pli", "ccm fir", "transport-cc")


@dataclass(frozen=True, slots=True)
class SectionSpec:
    """What one m-section offers.

    codec: the track's own codec; it stands first in the list.
    cid: the track part of a=msid, equal to AddTrackRequest.cid.
    rids: simulcast layers in any order; empty for a track of one stream, which needs `ssrc`.
    ssrc, rtx_ssrc: announced for a section without rids; rtx_ssrc for video only.
    red: offer RED before Opus (audio only).
    is_active: False offers the section as inactive.
    """

    codec: Codec
    cid: Cid
    stream_id: str
    rids: tuple[Rid, ...] = ()
    ssrc: Ssrc | None = None
    rtx_ssrc: Ssrc | None = None
    red: bool = False
    cname: str = "lkedge"
    is_active: bool = True

    @property
    def kind(self) -> TrackKind:
        return self.codec.kind


@dataclass(frozen=True, slots=True)
class LocalDescription:
    """What all sections of one of our descriptions share.

    version: grows with each offer of a session (RFC 8866, section 5.2).
    candidates: lines without "a=candidate:".
    has_all_candidates: no more will be trickled.
    """

    session_id: int
    version: int
    ufrag: str
    pwd: str
    fingerprint: Fingerprint
    candidates: tuple[str, ...] = ()
    has_all_candidates: bool = True


@dataclass(frozen=True, slots=True)
class AnsweredSection:
    """The server's view of one of our sections.

    extensions: URIs of the header extensions we may send.
    is_rejected: the server takes no media here; the other sections do not care.
    """

    mid: Mid
    extensions: frozenset[str]
    payload_types: frozenset[int]
    is_rejected: bool


def build_offer(local: LocalDescription, sections: Sequence[tuple[Mid, SectionSpec]]) -> str:
    """The text of an offer with these sections, in this order."""
    mids = [mid for mid, _ in sections]
    lines = [*session_lines(local, mids), "a=extmap-allow-mixed"]
    for index, (mid, spec) in enumerate(sections):
        lines += _section_lines(mid, spec)
        lines += transport_lines(local, "actpass", with_candidates=index == 0)
    return as_text(lines)


def parse_answer(text: str) -> Answer:
    """Parse the server's answer.

    Raises:
        NegotiationError: it lacks what a transport needs.
    """
    return parse_description(text)


def answered_sections(answer: Answer, mids: Sequence[Mid]) -> dict[Mid, AnsweredSection]:
    """What the answer says about each offered mid, matched by position.

    Raises:
        NegotiationError: the answer belongs to another offer.
    """
    if len(answer.sections) != len(mids):
        raise NegotiationError(f"the server answered {len(answer.sections)} sections, we offered {len(mids)}")
    return {mid: _answered(mid, section) for mid, section in zip(mids, answer.sections, strict=True)}


def session_lines(local: LocalDescription, mids: Sequence[str]) -> list[str]:
    """The session part with one BUNDLE group of all `mids`."""
    return [
        "v=0",
        f"o=- {local.session_id} {local.version} IN IP4 0.0.0.0",
        "s=-",
        "t=0 0",
        "a=group:BUNDLE " + " ".join(mids),
        "a=msid-semantic:WMS *",
    ]


def transport_lines(local: LocalDescription, setup: str, *, with_candidates: bool) -> list[str]:
    """ICE and DTLS attributes of one section. setup: actpass, active or passive (RFC 5763)."""
    lines = [
        f"a=ice-ufrag:{local.ufrag}",
        f"a=ice-pwd:{local.pwd}",
        "a=ice-options:trickle",
        f"a=fingerprint:{local.fingerprint.algorithm} {local.fingerprint.value}",
        f"a=setup:{setup}",
    ]
    if with_candidates:
        lines += [f"a=candidate:{line}" for line in local.candidates]
        lines += ["a=end-of-candidates"] if local.has_all_candidates else []
    return lines


def as_text(lines: Sequence[str]) -> str:
    return "\r\n".join(lines) + "\r\n"


def _answered(mid: Mid, section: RemoteSection) -> AnsweredSection:
    if section.mid not in (None, mid):
        raise NegotiationError(f"the server answered section {section.mid!r} where we offered {mid!r}")
    return AnsweredSection(
        mid=mid,
        extensions=section.extensions,
        payload_types=frozenset(section.payload_types),
        is_rejected=section.port == 0 or section.direction not in ("recvonly", "sendrecv"),
    )


def _section_lines(mid: Mid, spec: SectionSpec) -> Iterator[str]:
    codecs = list(_audio_lines(spec) if spec.kind is TrackKind.AUDIO else _video_lines(spec))
    numbers = [line.removeprefix("a=rtpmap:").split()[0] for line in codecs if line.startswith("a=rtpmap:")]
    yield f"m={spec.kind} 9 UDP/TLS/RTP/SAVPF " + " ".join(numbers)
    yield "c=IN IP4 0.0.0.0"
    yield "a=rtcp:9 IN IP4 0.0.0.0"
    yield f"a=mid:{mid}"
    yield "a=sendonly" if spec.is_active else "a=inactive"
    yield f"a=msid:{spec.stream_id} {spec.cid}"
    yield from ("a=rtcp-mux", "a=rtcp-rsize")
    yield from (f"a=extmap:{profile.EXTENSION_ID[uri]} {uri}" for uri in _extensions(spec))
    yield from codecs
    if spec.is_active:
        yield from _rid_lines(spec.rids) if spec.rids else _ssrc_lines(spec)


def _extensions(spec: SectionSpec) -> tuple[str, ...]:
    if spec.kind is TrackKind.AUDIO:
        return (profile.MID, profile.AUDIO_LEVEL)
    simulcast = (profile.RTP_STREAM_ID, profile.REPAIRED_RTP_STREAM_ID) if spec.rids else ()
    return (profile.MID, profile.TRANSPORT_CC, *simulcast)


def _audio_lines(spec: SectionSpec) -> Iterator[str]:
    opus, red = profile.PAYLOAD_TYPE[Codec.OPUS], profile.RED_PAYLOAD_TYPE
    opus_lines = (f"a=rtpmap:{opus} opus/48000/2", f"a=fmtp:{opus} {profile.OPUS_FMTP}", f"a=rtcp-fb:{opus} nack")
    red_lines = (f"a=rtpmap:{red} red/48000/2", f"a=fmtp:{red} {opus}/{opus}")
    yield from (*red_lines, *opus_lines) if spec.red else (*opus_lines, *red_lines)


def _video_lines(spec: SectionSpec) -> Iterator[str]:
    for codec in sorted(_VIDEO_CODECS, key=lambda codec: codec is not spec.codec):
        number, rtx = profile.PAYLOAD_TYPE[codec], profile.RTX_PAYLOAD_TYPE[codec]
        yield f"a=rtpmap:{number} {codec.upper()}/{codec.clock_rate}"
        if codec is Codec.H264:
            yield f"a=fmtp:{number} {profile.H264_FMTP}"
        yield from (f"a=rtcp-fb:{number} {feedback}" for feedback in _VIDEO_FEEDBACK)
        yield f"a=rtpmap:{rtx} rtx/{codec.clock_rate}"
        yield f"a=fmtp:{rtx} apt={number}"


def _rid_lines(rids: tuple[Rid, ...]) -> Iterator[str]:
    yield from (f"a=rid:{rid} send" for rid in rids)
    yield "a=simulcast:send " + ";".join(rids)


def _ssrc_lines(spec: SectionSpec) -> Iterator[str]:
    if spec.ssrc is None:
        raise NegotiationError(f"section of track {spec.cid} has neither rids nor an SSRC")
    if spec.rtx_ssrc is not None:
        yield f"a=ssrc-group:FID {spec.ssrc} {spec.rtx_ssrc}"
    for ssrc in (spec.ssrc, spec.rtx_ssrc):
        if ssrc is not None:
            yield f"a=ssrc:{ssrc} cname:{spec.cname}"
            yield f"a=ssrc:{ssrc} msid:{spec.stream_id} {spec.cid}"
