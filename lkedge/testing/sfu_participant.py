"""One participant in a loop-back room: its requests answered as livekit-server answers them."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Coroutine
from typing import TYPE_CHECKING, Any

from livekit.protocol import models, rtc

from lkedge.testing import sfu_messages as messages
from lkedge.testing.sfu_access import JoinRequest, permission_of
from lkedge.testing.sfu_checks import track_violations
from lkedge.testing.sfu_demands import Demands
from lkedge.testing.sfu_frames import ReceivedFrame
from lkedge.testing.sfu_publisher import PublisherEnd, candidate_init, candidate_text
from lkedge.testing.sfu_sdp import parse
from lkedge.testing.sfu_socket import SfuSocket
from lkedge.testing.sfu_stream import ReceivedStream
from lkedge.testing.sfu_subscriber import SubscriberEnd
from lkedge.testing.sfu_track import SfuTrack
from lkedge.testing.sfu_transport import Gate

if TYPE_CHECKING:
    from lkedge.testing.sfu import LoopbackSfu

logger = logging.getLogger(__name__)

_STATE = models.ParticipantInfo.State


class SfuParticipant:
    """Owned by LoopbackSfu and its event loop.

    socket: None while the client has no WebSocket.
    requests: every SignalRequest that came, oldest first.
    """

    def __init__(self, sfu: LoopbackSfu, sid: str, request: JoinRequest) -> None:
        self._sfu = sfu
        self.sid = sid
        self.identity = request.identity
        self.room = request.room
        self.query = dict(request.query)
        self.name = str(request.payload.get("name") or "")
        self.metadata = str(request.payload.get("metadata") or "")
        self.attributes: dict[str, str] = dict(request.payload.get("attributes") or {})
        self.permission = permission_of(request)
        self.state = _STATE.JOINED
        self.socket: SfuSocket | None = None
        self.requests: list[rtc.SignalRequest] = []
        self.tracks: dict[str, SfuTrack] = {}
        self.demands = Demands(self.tracks, self.send, sfu.touch)
        self.joined_ns = time.monotonic_ns()
        self.resumes = 0
        self.violations: list[str] = []
        self.gate = Gate(time.monotonic_ns)
        self.publisher = PublisherEnd(
            sfu.settings,
            sfu.faults,
            self.gate,
            time.monotonic_ns,
            on_connected=self._on_publisher_connected,
            on_stream=self._on_stream,
            on_frame=self._on_frame,
        )
        self.subscriber = (
            SubscriberEnd(sfu.settings.host, self.gate, self.send, self._on_subscriber_connected)
            if self.permission.can_subscribe
            else None
        )
        self._tasks: set[asyncio.Task[None]] = set()
        self._pending_offers = asyncio.Lock()
        self._handlers: dict[str, Callable[[Any], None]] = {
            "offer": lambda body: self._spawn(self._take_offer(body)),
            "answer": lambda body: self._spawn(self._take_answer(body)),
            "trickle": lambda body: self._spawn(self._take_candidate(body)),
            "add_track": self._add_track,
            "mute": self._mute,
            "leave": lambda _body: self._sfu.remove(self),
            "ping_req": lambda body: self.send(messages.pong(body, _wall_ms())),
            "ping": lambda _body: self.send(messages.legacy_pong(_wall_ms())),
            "update_metadata": self._update_metadata,
            "sync_state": self._sync_state,
        }

    @property
    def is_connected(self) -> bool:
        """Media can flow."""
        return self.publisher.transport.is_connected

    @property
    def media_silent_s(self) -> float:
        """Since when nothing came over the media path; 0 before it stood."""
        if not self.is_connected:
            return 0.0
        return (time.monotonic_ns() - self.gate.heard_ns) / 1e9

    def info(self) -> models.ParticipantInfo:
        return models.ParticipantInfo(
            sid=self.sid,
            identity=self.identity,
            state=self.state,
            name=self.name,
            metadata=self.metadata,
            attributes=self.attributes,
            permission=self.permission,
            tracks=[track.info() for track in self.tracks.values() if track.is_published],
            is_publisher=any(track.is_published for track in self.tracks.values()),
        )

    def all_violations(self) -> list[str]:
        return [*self.violations, *self.publisher.violations, *self.publisher.media.all_violations()]

    def send(self, response: rtc.SignalResponse) -> None:
        """Lost while there is no WebSocket."""
        if self.socket is not None:
            self.socket.send(response)

    def receive(self, data: bytes | str) -> None:
        """One WebSocket message of the client."""
        if isinstance(data, str):
            self.violations.append("a text frame: the client should speak protobuf")
            return
        request = rtc.SignalRequest.FromString(data)
        self.requests.append(request)
        kind = request.WhichOneof("message")
        handler = self._handlers.get(kind or "")
        if kind and handler:
            handler(getattr(request, kind))
        self._sfu.touch()

    def announce(self) -> None:
        """Tell the room, and the participant itself, how it is now."""
        self._sfu.announce(self)

    def tell_listeners(self, track: SfuTrack) -> None:
        """Somebody listens; livekit-server says it once, and after each unmute."""
        if track.tells_listeners:
            self.send(messages.audio_codecs(track.sid, {track.codec: True}))

    def start_subscriber(self) -> None:
        """The server's offer to a participant that may subscribe."""
        if self.subscriber is not None:
            self._spawn(self.subscriber.offer())

    def resumed(self) -> None:
        """The client is back over a new WebSocket."""
        self.resumes += 1
        self.demands.restart()

    async def close(self) -> None:
        self.demands.close()
        tasks = [task for task in self._tasks if task is not asyncio.current_task()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self.publisher.close()
        if self.subscriber is not None:
            await self.subscriber.close()

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work, name=f"sfu.{self.identity}")
        self._tasks.add(task)
        task.add_done_callback(self._on_task_done)

    def _on_task_done(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()):
            self.violations.append(f"the SFU failed on a request: {error!r}")
            logger.error("loop-back SFU: a request failed", exc_info=error)

    async def _take_offer(self, body: rtc.SessionDescription) -> None:
        faults = self._sfu.faults
        announced = {cid: track.announced for cid, track in self.tracks.items()}
        async with self._pending_offers:
            answer, candidates = await self.publisher.answer(body.sdp, body.id, announced)
            self._assign_sections()
            await asyncio.sleep(faults.answer_delay_s)
            self.publisher.answered()
            if faults.withheld_answers > 0:
                faults.withheld_answers -= 1
                return
            self.send(messages.answer(answer, body.id))
        await asyncio.sleep(faults.candidate_delay_s)
        for number, candidate in enumerate(candidates, 1):
            is_last = number == len(candidates)
            self.send(messages.trickle(candidate_init(candidate), is_subscriber=False, final=is_last))
        self._sfu.touch()

    def _assign_sections(self) -> None:
        """Which track is in which section; a track whose section is gone is unpublished."""
        offer = self.publisher.offers[-1]
        refused = self._sfu.faults.rejected_mids
        mids = {section.cid: section.mid for section in offer.sections if section.is_sending}
        for cid, track in list(self.tracks.items()):
            if cid in mids and mids[cid] not in refused:
                track.mid = mids[cid]
                section = offer.section(mids[cid])
                if section is not None and not section.rids and section.ssrcs:
                    self._publish(track)
            elif track.mid is not None:
                del self.tracks[cid]
                self.announce()

    async def _take_answer(self, body: rtc.SessionDescription) -> None:
        if self.subscriber is not None:
            await self.subscriber.connect(parse(body.sdp))

    async def _take_candidate(self, body: rtc.TrickleRequest) -> None:
        text = candidate_text(body.candidateInit) if body.candidateInit else ""
        if text is None:
            self.violations.append(f"a trickled candidate is no JSON: {body.candidateInit[:80]!r}")
            self.send(messages.refused("UNCLASSIFIED_ERROR", trickle=body))
        elif text and body.target == rtc.SignalTarget.SUBSCRIBER:
            if self.subscriber is not None:
                await self.subscriber.transport.add_candidate(text)
        elif text:
            await self.publisher.transport.add_candidate(text)

    def _add_track(self, body: rtc.AddTrackRequest) -> None:
        reason = self._sfu.faults.refuse_track(body.name) or self._reason_against(body)
        if reason is not None:
            self.send(messages.refused(reason, add_track=body))
            return
        track = SfuTrack(body, self.publisher.media, self._sfu.settings.dynacast)
        self.violations += track_violations(track.announced)
        self.tracks[track.cid] = track
        self.send(messages.track_published(track.cid, track.info()))

    def _reason_against(self, body: rtc.AddTrackRequest) -> str | None:
        sources = self.permission.can_publish_sources
        is_allowed = self.permission.can_publish and (not sources or body.source in sources)
        if not is_allowed:
            return "NOT_ALLOWED"
        return "QUEUED" if body.cid in self.tracks else None

    def _mute(self, body: rtc.MuteTrackRequest) -> None:
        track = next((track for track in self.tracks.values() if track.sid == body.sid), None)
        if track is None:
            self.send(messages.refused("NOT_FOUND", mute=body))
            return
        track.muted = body.muted
        track.demand.set_muted(body.muted)
        if track.is_heard and not body.muted:
            self.tell_listeners(track)
        self.announce()
        self.demands.tell()

    def _update_metadata(self, body: rtc.UpdateParticipantMetadata) -> None:
        if not self.permission.can_update_metadata:
            self.send(messages.refused("NOT_ALLOWED", request_id=body.request_id, update_metadata=body))
            return
        self.name = body.name or self.name
        self.metadata = body.metadata or self.metadata
        merged = {**self.attributes, **body.attributes}
        self.attributes = {key: value for key, value in merged.items() if value}
        self.announce()

    def _sync_state(self, body: rtc.SyncState) -> None:
        known = {track.sid for track in self.tracks.values()}
        if any(entry.track.sid not in known for entry in body.publish_tracks):
            self._sfu.dismiss(self, "reconnect", "STATE_MISMATCH")

    def _publish(self, track: SfuTrack) -> None:
        if not track.is_published:
            track.is_published = True
            self.announce()

    def _on_stream(self, stream: ReceivedStream) -> None:
        track = next((track for track in self.tracks.values() if track.mid == stream.mid), None)
        if track is not None:
            track.demand.start(time.monotonic_ns())
            self._publish(track)
            self.demands.tell()
        self._sfu.touch()

    def _on_frame(self, _stream: ReceivedStream, _frame: ReceivedFrame) -> None:
        self._sfu.touch()

    def _on_publisher_connected(self, is_connected: bool) -> None:
        if is_connected and self.subscriber is None:
            self._become_active()
        self._sfu.touch()

    def _on_subscriber_connected(self) -> None:
        self._become_active()

    def _become_active(self) -> None:
        if self.state is not _STATE.ACTIVE:
            self.state = _STATE.ACTIVE
            self.announce()


def _wall_ms() -> int:
    return time.time_ns() // 1_000_000
