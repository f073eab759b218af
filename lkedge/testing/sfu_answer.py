# lkedge: pure
"""The SFU's answers and its subscriber offer, as livekit-server 1.13 writes them.

Source: livekit-wire.md, section 4; livekit-verified.md, sections 1, 8, 9.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from lkedge.testing.sfu_sdp import (
    AUDIO_LEVEL,
    MID,
    REPAIRED_RID,
    RID,
    TRANSPORT_CC,
    Description,
    OfferedCodec,
    OfferSection,
)

_EXTENSIONS = {
    "audio": (MID, RID, AUDIO_LEVEL),
    "video": (MID, RID, REPAIRED_RID, TRANSPORT_CC),
}
_FEEDBACK = {"audio": ("nack",), "video": ("transport-cc", "ccm fir", "nack", "nack pli")}
_AUDIO_CODECS = ("opus", "red")
_VIDEO_CODECS = ("vp8", "h264")
_H264_PROFILES = {"0": ("4200", "42e0"), "1": ("4200", "42e0", "6400")}


@dataclass(frozen=True, slots=True)
class LocalEnd:
    """The SFU's half of a transport; candidates without "candidate:"."""

    ufrag: str
    pwd: str = field(repr=False)
    fingerprint: str = ""
    candidates: tuple[str, ...] = ()


def build_answer(
    offer: Description,
    local: LocalEnd,
    *,
    rejected: Iterable[str] = (),
    video_codecs: Iterable[str] = _VIDEO_CODECS,
    version: int = 1,
) -> str:
    """The answer to a publisher offer.

    rejected: mids to answer with port 0.
    video_codecs: what the server has enabled.
    """
    refused = set(rejected)
    taken = [section.mid for section in offer.sections if section.mid not in refused and section.port]
    lines = [
        "v=0",
        f"o=- 7259867271023634644 {version} IN IP4 0.0.0.0",
        "s=-",
        "t=0 0",
        "a=msid-semantic:WMS *",
        f"a=fingerprint:sha-256 {local.fingerprint}",
        "a=extmap-allow-mixed",
        "a=group:BUNDLE " + " ".join(taken),
    ]
    for section in offer.sections:
        is_first = bool(taken) and section.mid == taken[0]
        lines += _answer_section(section, local, section.mid not in taken, tuple(video_codecs), is_first)
    return "\r\n".join(lines) + "\r\n"


def build_subscriber_offer(local: LocalEnd) -> str:
    """The offer of a two-connection server to a participant that may subscribe: data only."""
    lines = [
        "v=0",
        "o=- 4701459526735421915 1 IN IP4 0.0.0.0",
        "s=-",
        "t=0 0",
        "a=msid-semantic:WMS *",
        f"a=fingerprint:sha-256 {local.fingerprint}",
        "a=extmap-allow-mixed",
        "a=group:BUNDLE 0",
        "m=application 9 UDP/DTLS/SCTP webrtc-datachannel",
        "c=IN IP4 0.0.0.0",
        "a=setup:actpass",
        "a=mid:0",
        "a=sendrecv",
        "a=sctp-port:5000",
        "a=max-message-size:65535",
        f"a=ice-ufrag:{local.ufrag}",
        f"a=ice-pwd:{local.pwd}",
    ]
    return "\r\n".join(lines) + "\r\n"


def accepted_codecs(section: OfferSection, video_codecs: Iterable[str]) -> tuple[OfferedCodec, ...]:
    """The payload types of a section that the server takes; RTX only with its media codec."""
    names = _AUDIO_CODECS if section.kind == "audio" else tuple(video_codecs)
    media = [codec for codec in section.codecs if codec.name in names and _is_supported(codec)]
    kept = {str(codec.payload_type) for codec in media}
    rtx = [codec for codec in section.codecs if codec.name == "rtx" and codec.parameter("apt") in kept]
    return (*media, *rtx)


def accepted_extensions(section: OfferSection) -> dict[int, str]:
    return {number: uri for number, uri in section.extensions.items() if uri in _EXTENSIONS.get(section.kind, ())}


def _is_supported(codec: OfferedCodec) -> bool:
    if codec.name != "h264":
        return True
    profiles = _H264_PROFILES.get(codec.parameter("packetization-mode") or "0", ())
    return codec.parameter("profile-level-id")[:4].lower() in profiles


def _answer_section(
    section: OfferSection, local: LocalEnd, is_rejected: bool, video_codecs: tuple[str, ...], is_first: bool
) -> list[str]:
    codecs = accepted_codecs(section, video_codecs)
    is_usable = section.is_media and bool(codecs) and not is_rejected
    formats = " ".join(str(codec.payload_type) for codec in codecs) or " ".join(section.formats)
    lines = [
        f"m={section.kind} {9 if is_usable or not section.is_media else 0} {section.protocol} {formats}",
        "c=IN IP4 0.0.0.0",
        "a=setup:active",
        f"a=mid:{section.mid}",
        f"a=ice-ufrag:{local.ufrag}",
        f"a=ice-pwd:{local.pwd}",
        "a=rtcp-mux",
        "a=rtcp-rsize",
    ]
    for codec in codecs:
        lines += _codec_lines(section.kind, codec)
    lines += [f"a=extmap:{number} {uri}" for number, uri in accepted_extensions(section).items()]
    if is_usable and section.is_sending:
        lines += _simulcast_lines(section)
    lines.append("a=recvonly" if is_usable and section.is_sending else "a=inactive")
    return lines + (_candidate_lines(local) if is_first else [])


def _codec_lines(kind: str, codec: OfferedCodec) -> list[str]:
    number = codec.payload_type
    fmtp = codec.fmtp + (";usedtx=1" if codec.name == "opus" else "")
    lines = [f"a=rtpmap:{number} {codec.rtpmap}"]
    lines += [f"a=fmtp:{number} {fmtp}"] if fmtp else []
    return lines + [f"a=rtcp-fb:{number} {item}" for item in codec.feedback if item in _FEEDBACK[kind]]


def _simulcast_lines(section: OfferSection) -> list[str]:
    if not section.rids:
        return []
    lines = [f"a=rid:{rid} recv" for rid in section.rids]
    return lines + ([f"a=simulcast:recv {';'.join(section.simulcast)}"] if section.simulcast else [])


def _candidate_lines(local: LocalEnd) -> list[str]:
    """In the first section, with component 2 and TCP among them, as pion writes them."""
    lines = []
    for candidate in local.candidates:
        foundation, _, _, priority, host, port, *_ = candidate.split()
        lines += [
            f"a=candidate:1364135403 1 tcp 1671430143 {host} 9 typ host tcptype passive ufrag {local.ufrag}",
            f"a=candidate:{foundation} 1 udp {priority} {host} {port} typ host ufrag {local.ufrag}",
            f"a=candidate:{foundation} 2 udp {priority} {host} {port} typ host ufrag {local.ufrag}",
        ]
    return [*lines, "a=end-of-candidates"] if lines else []
