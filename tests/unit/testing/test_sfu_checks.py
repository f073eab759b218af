"""The recorded offers that a real server accepted are clean; each rule notices its breach."""

from __future__ import annotations

import pytest

from lkedge.testing.sfu_checks import AnnouncedTrack, offer_violations, track_violations
from lkedge.testing.sfu_sdp import parse

VIDEO = AnnouncedTrack("cid-v", True, (0, 1, 2))
AUDIO = AnnouncedTrack("cid-a", False, ())
TRACKS = {"cid-v": VIDEO, "cid-a": AUDIO}

GOOD = """v=0
o=- 1 1 IN IP4 0.0.0.0
s=-
t=0 0
a=group:BUNDLE 0 1
m=video 9 UDP/TLS/RTP/SAVPF 96 97
a=mid:0
a=sendonly
a=msid:s cid-v
a=rtcp-mux
a=ice-ufrag:abcd
a=ice-pwd:0123456789012345678901
a=fingerprint:sha-256 AA
a=setup:actpass
a=extmap:1 urn:ietf:params:rtp-hdrext:sdes:mid
a=extmap:4 http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01
a=extmap:10 urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id
a=rtpmap:96 VP8/90000
a=rtcp-fb:96 transport-cc
a=rtpmap:97 rtx/90000
a=fmtp:97 apt=96
a=rid:q send
a=rid:h send
a=rid:f send
a=simulcast:send q;h;f
m=audio 9 UDP/TLS/RTP/SAVPF 111
a=mid:1
a=sendonly
a=msid:s cid-a
a=rtcp-mux
a=ice-ufrag:abcd
a=ice-pwd:0123456789012345678901
a=fingerprint:sha-256 AA
a=setup:actpass
a=extmap:1 urn:ietf:params:rtp-hdrext:sdes:mid
a=rtpmap:111 opus/48000/2
a=ssrc:5 cname:x
"""


def violations(text: str) -> list[str]:
    return offer_violations(parse(text), None, TRACKS)


def test_a_good_offer_is_clean() -> None:
    assert violations(GOOD) == []


@pytest.mark.parametrize(
    ("old", "new", "complaint"),
    [
        ("a=simulcast:send q;h;f\n", "", "without a=simulcast"),
        ("a=simulcast:send q;h;f", "a=simulcast:send q;h", "a=simulcast lists"),
        ("a=ssrc:5 cname:x\n", "", "no a=ssrc"),
        ("a=extmap:10 urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id\n", "", "without the rtp-stream-id"),
        ("a=extmap:1 urn:ietf:params:rtp-hdrext:sdes:mid\na=rtpmap:111", "a=rtpmap:111", "no mid header"),
        ("a=rtcp-fb:96 transport-cc\n", "", "without rtcp-fb transport-cc"),
        ("a=msid:s cid-v", "a=msid:s other", "is no cid of an AddTrack"),
        ("a=msid:s cid-v", "a=msid:s cid-a", "another kind"),
        ("a=rid:f send\na=simulcast:send q;h;f", "a=simulcast:send q;h", "2 rids but 3 layers"),
        ("a=setup:actpass", "a=setup:active", "must be actpass"),
        ("a=rtcp-mux\n", "", "no rtcp-mux"),
        ("BUNDLE 0 1", "BUNDLE 0", "not in the BUNDLE"),
        ("a=mid:1", "a=mid:0", "a mid of its own"),
    ],
)
def test_each_rule_notices_its_breach(old: str, new: str, complaint: str) -> None:
    assert old in GOOD
    assert any(complaint in found for found in violations(GOOD.replace(old, new)))


def test_sections_share_one_ice_agent() -> None:
    video, audio = GOOD.split("m=audio")
    assert "differ in ufrag" in violations(video + "m=audio" + audio.replace("abcd", "efgh"))[0]


def test_one_id_table_for_all_sections() -> None:
    assert "extension id 4 means both" in violations(GOOD + "a=extmap:4 urn:x\n")[0]


def test_sections_are_only_appended() -> None:
    head, _, rest = GOOD.partition("m=video")
    video, _, audio = rest.partition("m=audio")
    swapped = parse(head + "m=audio" + audio + "m=video" + video)
    assert "keep their order" in offer_violations(swapped, parse(GOOD), TRACKS)[0]


def test_a_section_is_not_recycled() -> None:
    tracks = {**TRACKS, "cid-n": AnnouncedTrack("cid-n", True, (0, 1, 2))}
    recycled = parse(GOOD.replace("cid-v", "cid-n"))
    assert offer_violations(recycled, parse(GOOD), tracks) == [
        "offer section 0: recycled for another track; append a section instead"
    ]


def test_an_inactive_section_needs_nothing() -> None:
    inactive = GOOD.replace("a=sendonly\na=msid:s cid-v", "a=inactive").replace("a=simulcast:send q;h;f\n", "")
    assert violations(inactive) == []


def test_video_needs_layers() -> None:
    assert track_violations(VIDEO) == track_violations(AUDIO) == []
    assert "has no layers" in track_violations(AnnouncedTrack("c", True, ()))[0]
