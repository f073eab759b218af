"""The tracks of one room session: told to the server, negotiated, attached, taken away.

One task reconciles what is wanted with what is published, so that there is never more
than one negotiation and any number of changes meanwhile become one more round.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
import uuid
from collections.abc import Callable
from dataclasses import replace

from lkedge.errors import NegotiationError, PublishRefused, SignalLost
from lkedge.media.layers import NO_RID
from lkedge.publish.attachment import Attachment
from lkedge.publish.publication import Publication
from lkedge.publish.replies import Replies
from lkedge.publish.room_entry import RoomEntry, new_ssrcs
from lkedge.publish.state import TrackState
from lkedge.rtc.egress import Egress
from lkedge.rtc.publisher_transport import PublisherTransport
from lkedge.rtc.rtcp import RtcpEndpoint
from lkedge.rtc.sdp import SectionSpec
from lkedge.rtc.stream import RtpStream, StreamConfig, new_ssrc
from lkedge.signaling import requests
from lkedge.signaling.events import TrackPublished
from lkedge.signaling.participant import Permission
from lkedge.terms import Cid, Codec, Rid, TrackSid

logger = logging.getLogger(__name__)

REPLY_TIMEOUT_S = 10.0
"""As LiveKit's SDKs wait for track_published and for answers (livekit-wire.md, section 4.6)."""

FIRST_ROUND_WAIT_S = 0.15
"""How long the first negotiation waits for sources that are still being opened."""


class RoomTracks:
    """Owned by the event loop; `run` is the one task that changes the transport's sections.

    tells_listeners: events.Joined.tells_listeners of this server.
    """

    def __init__(
        self,
        transport: PublisherTransport,
        egress: Egress,
        rtcp: RtcpEndpoint,
        send: Callable[[requests.SignalRequest], None],
    ) -> None:
        self._transport = transport
        self._egress = egress
        self._rtcp = rtcp
        self._send = send
        self._wanted: list[Publication] = []
        self._entries: dict[Publication, RoomEntry] = {}
        self._refused: set[Publication] = set()
        self._permission: Permission | None = None
        self._replies = Replies()
        self._work = asyncio.Event()
        self._offer_id = 0
        self._has_section = False
        self._is_dirty = False
        self._cname = secrets.token_hex(8)
        self._timestamp_offset = secrets.randbits(31)
        self.has_negotiated = asyncio.Event()
        self.tells_listeners = False

    @property
    def published(self) -> tuple[tuple[Publication, TrackSid, Cid], ...]:
        """What the server has confirmed."""
        return tuple((entry.publication, entry.sid, entry.cid) for entry in self._entries.values() if entry.sid)

    def by_sid(self, sid: TrackSid) -> Publication | None:
        for publication, known, _ in self.published:
            if known == sid:
                return publication
        return None

    def set_wanted(self, publications: list[Publication]) -> None:
        """The publications that should be in the room, whether or not they are ready."""
        self._wanted = list(publications)
        self._refused &= set(publications)
        self.wake()

    def wake(self) -> None:
        """Something may have become publishable."""
        self._work.set()

    def sync_state(self) -> tuple[requests.PublishedTrack, ...]:
        """What we believe is published, for SyncState after a resume."""
        entries = self._entries.values()
        return tuple(requests.PublishedTrack(entry.cid, entry.sid, entry.info) for entry in entries if entry.sid)

    def set_permission(self, permission: Permission) -> None:
        """A changed permission gives what was refused another chance."""
        if permission == self._permission:
            return
        if self._permission is not None:
            logger.info("our permissions changed")
            self._refused.clear()
            self.wake()
        self._permission = permission

    def withdraw(self, publication: Publication, reason: str) -> None:
        """The server took the track away: it is published again by the next session only."""
        self._refused.add(publication)
        publication.refuse(TrackState.UNPUBLISHED, reason)
        self.wake()

    def on_track_published(self, event: TrackPublished) -> None:
        self._replies.resolve(event.cid, event)

    def on_refused(self, cid: Cid, reason: str) -> bool:
        return self._replies.fail(cid, PublishRefused(reason))

    def on_answer(self, offer_id: int, sdp: str) -> None:
        if not self._replies.resolve(("answer", offer_id), sdp):
            logger.debug("an answer to offer %d came late or twice", offer_id)

    def on_signal_lost(self, reason: str) -> None:
        self._replies.fail_all(SignalLost(reason))

    def detach_all(self) -> None:
        """The session is over."""
        for entry in self._entries.values():
            entry.publication.detach()
        self._entries.clear()

    async def run(self) -> None:
        """Reconcile for ever. Raises NegotiationError or TransportError when that fails."""
        await self._first_sources()
        while True:
            self._work.clear()
            try:
                await self._reconcile()
                self.has_negotiated.set()
            except SignalLost:
                self._drop_unconfirmed()
            await self._work.wait()

    def _drop_unconfirmed(self) -> None:
        """Signalling was lost half-way: what the server has not confirmed starts again after the resume."""
        for entry in [entry for entry in self._entries.values() if not entry.sid]:
            self._remove(entry.publication)
        self._is_dirty = True

    async def exchange(self, offer: str) -> str:
        """One offer for one answer, matched by id (livekit-wire.md, section 4.6)."""
        self._offer_id += 1
        reply = self._replies.expect(("answer", self._offer_id))
        self._send(requests.Offer(id=self._offer_id, sdp=offer))
        try:
            # Not wait_for: until Python 3.12 it forgets a cancellation that comes together with the reply.
            async with asyncio.timeout(REPLY_TIMEOUT_S):
                return str(await reply)
        except TimeoutError as error:
            raise NegotiationError(f"the server did not answer an offer within {REPLY_TIMEOUT_S:g} s") from error

    async def _first_sources(self) -> None:
        deadline = asyncio.get_running_loop().time() + FIRST_ROUND_WAIT_S
        while any(p.state is TrackState.STARTING for p in self._wanted):
            left = deadline - asyncio.get_running_loop().time()
            if left <= 0:
                return
            self._work.clear()
            try:
                async with asyncio.timeout(left):
                    await self._work.wait()
            except TimeoutError:
                return

    async def _reconcile(self) -> None:
        removed = [self._remove(entry.publication) for entry in self._entries_to_remove()]
        self._tell_sizes()
        added = [self._add(p) for p in self._wanted if self._may_add(p)]
        if not self._has_section:
            self._add_placeholder()
        elif not (removed or added or self._is_dirty):
            return
        await self._transport.negotiate(self.exchange)
        self._is_dirty = False
        for entry in added:
            await self._finish(entry)

    def _entries_to_remove(self) -> list[RoomEntry]:
        """Those that are over, and those that were over for a moment and lost their streams then."""
        entries = self._entries.values()
        return [one for one in entries if self._is_over(one) or (one.sid and one.publication.attachment is None)]

    def _is_over(self, entry: RoomEntry) -> bool:
        """Nobody wants it any more, or the server was told something else of it."""
        publication = entry.publication
        is_wanted = publication in self._wanted and publication not in self._refused and publication.is_enabled
        return not (is_wanted and publication.track.announcement == entry.announced)

    def _tell_sizes(self) -> None:
        """The server declares layers by the size of the top one (livekit-wire.md, section 7.2)."""
        for entry in self._entries.values():
            size = entry.publication.track.size
            if entry.sid and size != entry.size:
                entry.size = size
                self._send(requests.UpdateVideoTrack(entry.sid, *size))

    def _may_add(self, publication: Publication) -> bool:
        return publication.is_publishable and publication not in self._entries and publication not in self._refused

    def _add(self, publication: Publication) -> RoomEntry:
        cid = Cid(str(uuid.uuid4()))
        reply = self._replies.expect(cid)
        track = publication.track
        request = track.add_track(cid, muted=publication.is_muted)
        if not self.tells_listeners:
            request = replace(request, spare_codec="")
        self._send(request)
        ssrcs = {rid: new_ssrcs(publication.kind) for rid in track.rids}
        entry = RoomEntry(publication, track.announcement, track.size, cid, reply, ssrcs, bool(request.spare_codec))
        entry.mid = self._transport.add_section(self._section(entry))
        self._has_section = True
        self._entries[publication] = entry
        return entry

    def _section(self, entry: RoomEntry) -> SectionSpec:
        spec = replace(entry.publication.track.section(entry.cid), cname=self._cname)
        if spec.rids:
            return spec
        ssrc, rtx_ssrc = entry.ssrcs[NO_RID]
        return replace(spec, ssrc=ssrc, rtx_ssrc=rtx_ssrc)

    def _add_placeholder(self) -> None:
        """A session without any track yet still has to connect within 60 s (livekit-verified.md, section 1)."""
        self._transport.add_section(SectionSpec(Codec.OPUS, Cid("none"), "none", ssrc=new_ssrc(), is_active=False))
        self._has_section = True

    def _remove(self, publication: Publication) -> RoomEntry:
        entry = self._entries.pop(publication)
        publication.detach()
        self._transport.remove_section(entry.mid)
        return entry

    async def _finish(self, entry: RoomEntry) -> None:
        publication = entry.publication
        try:
            async with asyncio.timeout(REPLY_TIMEOUT_S):
                event = await entry.reply
            self._attach(entry, event)
        except (PublishRefused, TimeoutError) as error:
            reason = str(error) or f"the server did not confirm the track within {REPLY_TIMEOUT_S:g} s"
            logger.warning("%s: not published: %s", publication.name, reason)
            self._refused.add(publication)
            publication.refuse(TrackState.FAILED, reason)
            self.wake()

    def _attach(self, entry: RoomEntry, event: TrackPublished) -> None:
        publication = entry.publication
        section = self._transport.section(entry.mid)
        if section.is_rejected:
            raise PublishRefused(f"the server refuses the media section of {publication.name}: codec not enabled there")
        entry.sid, entry.info = event.sid, event.info
        if self._is_over(entry):
            # It changed on the way; the next round takes it away again.
            self.wake()
            return
        entry.streams = {rid: self._stream(entry, rid) for rid in publication.track.rids}
        tells_listeners = entry.has_spare_codec and event.codec_count > 1
        attachment = Attachment(entry.sid, entry.cid, entry.streams, self._egress, self._rtcp, tells_listeners)
        publication.attach(attachment)
        logger.info("%s: published as %s (%s)", publication.name, entry.sid, publication.track.format_text())

    def _stream(self, entry: RoomEntry, rid: Rid) -> RtpStream:
        publication = entry.publication
        ssrc, rtx_ssrc = entry.ssrcs[rid]
        config = StreamConfig(
            codec=publication.track.codec,
            mid=entry.mid,
            rid=rid,
            extensions=self._transport.section(entry.mid).extensions,
            has_rtx=rtx_ssrc is not None,
            timestamp_offset=self._timestamp_offset,
            cname=self._cname,
            red=publication.track.has_red,
        )
        return RtpStream(config, ssrc=ssrc, rtx_ssrc=rtx_ssrc)
