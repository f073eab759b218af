"""Offers read by aiortc's parser, and answers that a real livekit-server 1.13.5 gave."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from aiortc import sdp as oracle

from lkedge.errors import NegotiationError
from lkedge.rtc.sdp import (
    AnsweredSection,
    LocalDescription,
    SectionSpec,
    answered_sections,
    build_offer,
    parse_answer,
)
from lkedge.rtc.sdp_parser import Fingerprint, parse_description
from lkedge.rtc.subscriber_sdp import build_subscriber_answer
from lkedge.rtp import profile
from lkedge.terms import Cid, Codec, Mid, Rid, Ssrc

DATA = Path(__file__).resolve().parents[2] / "data" / "sdp"
DIGEST = "55:82:15:2C:39:58:E7:C2:57:4B:68:3E:1D:D0:A2:16:C1:ED:48:EA:CA:43:14:E5:EA:B3:C5:0B:25:F5:6F:5D"
LOCAL = LocalDescription(
    session_id=673310341649334061,
    version=1,
    ufrag="4h0i",
    pwd="DdritAb9FJpHBEh8OKrllC",
    fingerprint=Fingerprint("sha-256", DIGEST),
    candidates=("7bbe 1 udp 2130706431 10.98.0.1 50049 typ host",),
)
CAMERA = SectionSpec(
    codec=Codec.VP8, cid=Cid("cid-camera"), stream_id="stream", rids=(Rid("q"), Rid("h"), Rid("f")), cname="edge"
)
MICROPHONE = SectionSpec(codec=Codec.OPUS, cid=Cid("cid-mic"), stream_id="stream", ssrc=Ssrc(1365932193), cname="edge")


def offer(*specs: SectionSpec) -> str:
    return build_offer(LOCAL, [(Mid(str(index)), spec) for index, spec in enumerate(specs)])


def sections(text: str) -> list[list[str]]:
    return [part.split("\r\n") for part in text.rstrip().split("\r\nm=")[1:]]


def recorded(name: str) -> str:
    return (DATA / name).read_text()


def read(text: str) -> Any:
    """What aiortc makes of a description."""
    return oracle.SessionDescription.parse(text)


def without_what_varies(section: list[str]) -> set[str]:
    """A section of a recorded offer without what a later decision removed, or each run chooses."""
    varying = r"a=(candidate|end-of|ice-ufrag|ice-pwd|fingerprint|msid|ssrc|rtcp-fb:\d+ goog-remb|extmap:3 )"
    return {line for line in section if not re.match(varying, line)}


def test_offer_is_the_one_that_the_server_accepts() -> None:
    built, accepted = sections(offer(CAMERA, MICROPHONE)), sections(recorded("offer-full.sdp").replace("\n", "\r\n"))
    assert without_what_varies(built[0]) == without_what_varies(accepted[0])
    red = {"audio 9 UDP/TLS/RTP/SAVPF 111 63", "a=rtpmap:63 red/48000/2", "a=fmtp:63 111/111"}
    assert without_what_varies(built[1]) - without_what_varies(accepted[1]) == red


def test_oracle_reads_codecs_extensions_and_transport() -> None:
    session = read(offer(CAMERA, MICROPHONE))
    assert [group.items for group in session.group] == [["0", "1"]]
    video, audio = session.media
    assert [codec.mimeType for codec in video.rtp.codecs] == ["video/VP8", "video/rtx", "video/H264", "video/rtx"]
    assert [str(feedback.type) for feedback in video.rtp.codecs[0].rtcpFeedback] == [
        "nack",
        "nack",
        "ccm",
        "transport-cc",
    ]
    assert {ext.uri: ext.id for ext in video.rtp.headerExtensions}.items() <= profile.EXTENSION_ID.items()
    assert audio.ssrc[0].ssrc == 1365932193
    assert audio.ssrc[0].cname == "edge"
    assert (video.ice.usernameFragment, video.ice.password) == (LOCAL.ufrag, LOCAL.pwd)
    assert video.dtls.role == "auto"
    assert video.rtcp_mux
    assert [(candidate.ip, candidate.port) for candidate in video.ice_candidates] == [("10.98.0.1", 50049)]


def test_own_codec_stands_first_and_nothing_else_changes() -> None:
    vp8, h264 = sections(
        offer(CAMERA, SectionSpec(codec=Codec.H264, cid=CAMERA.cid, stream_id="stream", rids=CAMERA.rids))
    )
    assert h264[0] == "video 9 UDP/TLS/RTP/SAVPF 102 103 96 97"
    assert {line for line in vp8 if line.startswith(("a=rtpmap", "a=fmtp", "a=rtcp-fb", "a=extmap"))} <= set(h264)


def test_red_stands_before_opus_when_asked_for() -> None:
    plain, red = sections(
        offer(MICROPHONE, SectionSpec(codec=Codec.OPUS, cid=Cid("r"), stream_id="s", ssrc=Ssrc(2), red=True))
    )
    assert plain[0] == "audio 9 UDP/TLS/RTP/SAVPF 111 63"
    assert red[0] == "audio 9 UDP/TLS/RTP/SAVPF 63 111"


def test_section_without_rids_announces_its_ssrcs() -> None:
    spec = SectionSpec(codec=Codec.VP8, cid=Cid("one"), stream_id="s", ssrc=Ssrc(5), rtx_ssrc=Ssrc(6))
    (section,) = sections(offer(spec))
    assert "a=ssrc-group:FID 5 6" in section
    assert "a=ssrc:6 cname:lkedge" in section
    assert not [line for line in section if line.startswith(("a=rid", "a=simulcast"))]
    assert profile.RTP_STREAM_ID not in "".join(section)


def test_section_without_rids_and_ssrc_is_refused() -> None:
    with pytest.raises(NegotiationError, match="neither rids nor an SSRC"):
        offer(SectionSpec(codec=Codec.VP8, cid=Cid("one"), stream_id="s"))


def test_removed_section_keeps_its_place_and_offers_nothing() -> None:
    removed = SectionSpec(codec=Codec.VP8, cid=CAMERA.cid, stream_id="s", rids=CAMERA.rids, is_active=False)
    text = offer(removed, MICROPHONE)
    assert "a=group:BUNDLE 0 1" in text
    assert "a=inactive" in sections(text)[0]
    assert not [line for line in sections(text)[0] if line.startswith(("a=rid:", "a=simulcast", "a=ssrc"))]


def test_answer_gives_transport_and_sections() -> None:
    answer = parse_answer(recorded("answer-full.sdp"))
    assert (answer.ufrag, answer.setup, answer.is_ice_lite) == ("CrCuMDWNaCOXVMwp", "active", False)
    assert answer.fingerprints[0].value.startswith("42:22:31")
    assert answer.candidates == ()
    assert not answer.has_end_of_candidates
    found = answered_sections(answer, [Mid("0"), Mid("1")])
    assert found[Mid("0")] == AnsweredSection(
        mid=Mid("0"),
        extensions=frozenset(
            (profile.MID, profile.TRANSPORT_CC, profile.RTP_STREAM_ID, profile.REPAIRED_RTP_STREAM_ID)
        ),
        payload_types=frozenset((96, 97, 102, 103)),
        is_rejected=False,
    )
    assert found[Mid("1")].extensions == {profile.MID, profile.AUDIO_LEVEL}


@pytest.mark.parametrize("name", ["answer-full.sdp", "answer-ice-restart.sdp", "answer-one-removed.sdp"])
def test_answer_agrees_with_the_oracle(name: str) -> None:
    answer, expected = parse_answer(recorded(name)), read(recorded(name))
    used = next(media for media in expected.media if media.port)
    assert (answer.ufrag, answer.pwd) == (used.ice.usernameFragment, used.ice.password)
    assert [section.mid for section in answer.sections] == [media.rtp.muxId for media in expected.media]
    assert [list(section.payload_types) for section in answer.sections] == [media.fmt for media in expected.media]
    assert [section.direction for section in answer.sections] == [media.direction for media in expected.media]
    candidates = [candidate for media in expected.media for candidate in media.ice_candidates]
    assert len(answer.candidates) == len(candidates)


def test_removed_section_is_rejected_and_the_others_are_not() -> None:
    answer = parse_answer(recorded("answer-one-removed.sdp"))
    found = answered_sections(answer, [Mid("0"), Mid("1"), Mid("2")])
    assert [section.is_rejected for section in found.values()] == [True, False, False]
    assert answer.has_end_of_candidates
    assert len(answer.candidates) == 4


def test_section_rejected_as_pion_does_is_matched_by_index() -> None:
    text = recorded("answer-full.sdp")
    first = text.index("m=video")
    rejected = text[:first] + "m=video 0 UDP/TLS/RTP/SAVPF 0\nc=IN IP4 0.0.0.0\n" + text[text.index("m=audio") :]
    answer = parse_answer(rejected)
    found = answered_sections(answer, [Mid("0"), Mid("1")])
    assert found[Mid("0")].is_rejected
    assert not found[Mid("1")].is_rejected
    assert answer.ufrag == "CrCuMDWNaCOXVMwp"


def test_extension_under_another_id_is_not_used() -> None:
    text = recorded("answer-full.sdp").replace("a=extmap:4 ", "a=extmap:5 ")
    found = answered_sections(parse_answer(text), [Mid("0"), Mid("1")])
    assert profile.TRANSPORT_CC not in found[Mid("0")].extensions


def test_tolerates_what_makes_the_oracle_fail() -> None:
    extras = "a=fmtp:99 nonsense\na=extmap:3/sendonly uri attributes here\na=ssrc:5\na=ice-lite\na=unknown\n\n"
    assert parse_answer(recorded("answer-full.sdp") + extras).is_ice_lite


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "no media section"),
        ("v=0\r\nm=video\r\n", "malformed"),
        ("v=0\r\nm=video 9 X 96\r\na=setup:active\r\n", "no a=ice-ufrag"),
        ("v=0\r\nm=video 9 X 96\r\na=ice-ufrag:a\r\na=ice-pwd:b\r\na=setup:active\r\n", "no a=fingerprint"),
    ],
)
def test_unusable_answer_is_named(text: str, reason: str) -> None:
    with pytest.raises(NegotiationError, match=reason):
        parse_answer(text)


def test_answer_to_another_offer_is_refused() -> None:
    answer = parse_answer(recorded("answer-full.sdp"))
    with pytest.raises(NegotiationError, match="answered 2 sections, we offered 1"):
        answered_sections(answer, [Mid("0")])
    with pytest.raises(NegotiationError, match="answered section '0' where we offered '5'"):
        answered_sections(answer, [Mid("5"), Mid("1")])


def test_subscriber_answer_accepts_data_and_no_media() -> None:
    media = "m=video 9 UDP/TLS/RTP/SAVPF 96 97\na=mid:1\na=rtpmap:96 VP8/90000\na=rtpmap:97 rtx/90000\na=sendonly\n"
    server = parse_description(recorded("server-subscriber-offer.sdp") + media)
    text = build_subscriber_answer(LOCAL, server)
    answer = read(text)
    assert [media.kind for media in answer.media] == ["application", "video"]
    assert [media.direction for media in answer.media] == ["sendrecv", "inactive"]
    assert [media.dtls.role for media in answer.media] == ["client", "client"]
    assert answer.media[0].sctp_port == 5000
    assert [codec.payloadType for codec in answer.media[1].rtp.codecs] == [96, 97]
