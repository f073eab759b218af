# lkedge: pure
"""What a real livekit-server needs from an offer, and would not say when it is missing.

Each rule is a line of livekit-verified.md (sections 1, 2, 8) or livekit-wire.md (4.1-4.5).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from lkedge.testing.sfu_sdp import MID, RID, TRANSPORT_CC, Description, OfferSection


@dataclass(frozen=True, slots=True)
class AnnouncedTrack:
    """What AddTrack said.

    qualities: of `layers`, as numbers.
    """

    cid: str
    is_video: bool
    qualities: tuple[int, ...]


def offer_violations(
    offer: Description, previous: Description | None, tracks: Mapping[str, AnnouncedTrack]
) -> list[str]:
    """Everything wrong with an offer, one sentence each."""
    found = _session_rules(offer)
    for section in offer.sections:
        if section.is_sending:
            found += [f"offer section {section.mid}: {problem}" for problem in _section_rules(section, tracks)]
    if previous is not None:
        found += _continuity_rules(offer, previous)
    return found


def track_violations(track: AnnouncedTrack) -> list[str]:
    """Everything wrong with an AddTrack."""
    if track.is_video and not track.qualities:
        return [f"AddTrack {track.cid} has no layers: no frame would ever be forwarded"]
    return []


def _session_rules(offer: Description) -> list[str]:
    found = []
    mids = [section.mid for section in offer.sections]
    if "" in mids or len(set(mids)) != len(mids):
        found.append(f"offer: every section needs a mid of its own, found {mids}")
    unbundled = [section.mid for section in offer.sections if section.port and section.mid not in offer.bundle]
    if unbundled:
        found.append(f"offer: sections {unbundled} are not in the BUNDLE group")
    for what in ("ufrag", "pwd", "fingerprints"):
        if len({getattr(section, what) for section in offer.sections if section.port}) > 1:
            found.append(f"offer: sections differ in {what}")
    found += _one_table("extension id", [section.extensions for section in offer.sections])
    payload_types = [{codec.payload_type: codec.rtpmap for codec in section.codecs} for section in offer.sections]
    return found + _one_table("payload type", payload_types)


def _one_table(what: str, tables: list[Mapping[int, str]] | list[dict[int, str]]) -> list[str]:
    """The same number must mean the same thing in every section, and the same thing have one number."""
    found = []
    meaning: dict[int, str] = {}
    for number, name in ((number, name) for table in tables for number, name in table.items()):
        if meaning.setdefault(number, name) != name:
            found.append(f"offer: {what} {number} means both {meaning[number]} and {name}")
    return found


def _section_rules(section: OfferSection, tracks: Mapping[str, AnnouncedTrack]) -> list[str]:
    found = []
    if section.extension_id(MID) is None:
        found.append("no mid header extension")
    if not section.has_rtcp_mux:
        found.append("no rtcp-mux")
    if section.setup != "actpass":
        found.append(f"a=setup must be actpass, not {section.setup!r}")
    track = tracks.get(section.cid)
    if track is None:
        found.append(f"a=msid track {section.cid!r} is no cid of an AddTrack")
    elif track.is_video != (section.kind == "video"):
        found.append(f"cid {section.cid} was announced as another kind of track")
    found += _video_rules(section, track) if section.kind == "video" else []
    return found + (_rid_rules(section) if section.rids else _ssrc_rules(section))


def _video_rules(section: OfferSection, track: AnnouncedTrack | None) -> list[str]:
    found = []
    if section.extension_id(TRANSPORT_CC) is not None and not any(
        "transport-cc" in codec.feedback for codec in section.codecs
    ):
        found.append("transport-cc extension without rtcp-fb transport-cc: no feedback would come")
    if track is not None and section.rids and len(track.qualities) != len(section.rids):
        found.append(f"{len(section.rids)} rids but {len(track.qualities)} layers in AddTrack")
    return found


def _rid_rules(section: OfferSection) -> list[str]:
    found = []
    if section.simulcast is None:
        found.append("rids without a=simulcast:send: all layers would map to one")
    elif set(section.simulcast) != set(section.rids):
        found.append(f"a=simulcast lists {section.simulcast}, a=rid lists {section.rids}")
    if section.extension_id(RID) is None:
        found.append("rids without the rtp-stream-id header extension")
    return found


def _ssrc_rules(section: OfferSection) -> list[str]:
    return [] if section.ssrcs else ["no rids and no a=ssrc: the track would never be published"]


def _continuity_rules(offer: Description, previous: Description) -> list[str]:
    before = [section.mid for section in previous.sections]
    now = [section.mid for section in offer.sections[: len(before)]]
    if now != before:
        return [f"offer: sections must keep their order and only be appended: {before} became {now}"]
    return [
        f"offer section {new.mid}: recycled for another track; append a section instead"
        for old, new in zip(previous.sections, offer.sections, strict=False)
        if new.is_sending and old.cid and old.cid != new.cid
    ]
