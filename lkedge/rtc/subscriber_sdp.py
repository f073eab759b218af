# lkedge: pure
"""Our answer to the server's subscriber offer: the data section, and no media.

The server wants its connection to stand before a participant that may subscribe counts
as active; it is content with ICE and DTLS, and never misses SCTP (livekit-verified.md, 1).
"""

from __future__ import annotations

from collections.abc import Iterator

from lkedge.rtc.sdp import LocalDescription, as_text, session_lines, transport_lines
from lkedge.rtc.sdp_parser import RemoteDescription, RemoteSection

SCTP_PORT = 5000
MAX_MESSAGE_BYTES = 65_535

_CODEC_LINES = ("rtpmap:", "fmtp:")


def build_subscriber_answer(local: LocalDescription, offer: RemoteDescription) -> str:
    """Answer each section of `offer` in its place: m=application accepted, media inactive."""
    mids = [section.mid for section in offer.sections if section.mid is not None and section.port != 0]
    lines = session_lines(local, mids)
    for index, section in enumerate(offer.sections):
        lines += _section_lines(section)
        lines += transport_lines(local, "active", with_candidates=index == 0)
    return as_text(lines)


def _section_lines(section: RemoteSection) -> Iterator[str]:
    port = 9 if section.port else 0
    yield f"m={section.kind} {port} {section.protocol} {' '.join(section.formats)}"
    yield "c=IN IP4 0.0.0.0"
    if section.mid is not None:
        yield f"a=mid:{section.mid}"
    yield from _data_lines() if section.kind == "application" else _media_lines(section)


def _data_lines() -> Iterator[str]:
    yield "a=sendrecv"
    yield f"a=sctp-port:{SCTP_PORT}"
    yield f"a=max-message-size:{MAX_MESSAGE_BYTES}"


def _media_lines(section: RemoteSection) -> Iterator[str]:
    yield "a=inactive"
    yield "a=rtcp-mux"
    yield from (f"a={line}" for line in section.lines if line.startswith(_CODEC_LINES))
