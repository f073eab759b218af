"""A LiveKit server for tests, on loop-back and in this process.

It speaks the server's side of the v0 signalling protocol, answers publisher offers, does
real ICE, DTLS and SRTP, logs and reassembles what it receives, sends the RTCP that
livekit-server sends, and follows its rules for Dynacast, mute, resume and leave. It
forwards nothing: subscribers are method calls. What a real server needs and would not
ask for is written to `violations`; what can go wrong is switched on in `faults`.

    async with LoopbackSfu() as sfu:
        ...join sfu.url with sfu.token("camera", "room")...
        track = await sfu.wait_for_track("front")
        sfu.subscribe(track, VideoQuality.HIGH)
        await sfu.until(lambda: track.frames("f"))
        assert not sfu.violations

    sfu.py            this file: rooms, joins, subscribers, faults
    sfu_server        the WebSocket side: who may join or resume
    sfu_participant   one participant: its requests answered
    sfu_publisher     its publisher connection: offers, answers, media
    sfu_transport     ICE, DTLS, SRTP
    sfu_media         binding of SSRCs, RTCP       sfu_stream   one SSRC: log and checks
    sfu_frames        packets to frames            sfu_dynacast who wants which layer

A development aid: no real network, no forwarding, no security.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from types import TracebackType

from livekit.protocol import models

from lkedge.signaling.claims import Grants, mint_token
from lkedge.terms import VideoQuality
from lkedge.testing import sfu_messages as messages
from lkedge.testing.sfu_access import Refusal
from lkedge.testing.sfu_participant import SfuParticipant
from lkedge.testing.sfu_server import SignalServer
from lkedge.testing.sfu_settings import Faults, SfuSettings
from lkedge.testing.sfu_track import SfuTrack

logger = logging.getLogger(__name__)

WATCH_INTERVAL_S = 0.25


class LoopbackSfu:
    """Use as an async context manager, or `start` and `stop`. Owned by one event loop.

    participants: by (room, identity). departed: those that are gone, newest last.
    handshakes: WebSockets opened so far; joins: how many of them joined (the others
        resumed, or met a fault). refusals: handshakes answered with a status.
    """

    def __init__(self, settings: SfuSettings | None = None, faults: Faults | None = None) -> None:
        self.settings = settings or SfuSettings()
        self.faults = faults or Faults()
        self.participants: dict[tuple[str, str], SfuParticipant] = {}
        self.departed: list[SfuParticipant] = []
        self.handshakes = 0
        self.joins = 0
        self.refusals: list[Refusal] = []
        self._server = SignalServer(self)
        self._waiters: set[asyncio.Event] = set()
        self._watch: asyncio.Task[None] | None = None
        self._closing: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> LoopbackSfu:
        await self.start()
        return self

    async def __aexit__(
        self, _type: type[BaseException] | None, _value: BaseException | None, _traceback: TracebackType | None
    ) -> None:
        await self.stop()

    @property
    def url(self) -> str:
        return f"ws://{self.settings.host}:{self._server.port}"

    @property
    def violations(self) -> list[str]:
        """What a real server would have suffered from, of all participants ever."""
        everybody = [*self.departed, *self.participants.values()]
        return [text for participant in everybody for text in participant.all_violations()]

    async def start(self) -> None:
        """Listen. After `stop` it comes back on the same port, with no memory of rooms."""
        await self._server.start()
        self._watch = asyncio.create_task(self._watch_participants(), name="sfu.watch")

    async def stop(self, *, says_goodbye: bool = True) -> None:
        """Shut down; says_goodbye: send a leave first, as a server that is stopped orderly does."""
        if self._watch is not None:
            self._watch.cancel()
            await asyncio.gather(self._watch, return_exceptions=True)
        for participant in list(self.participants.values()):
            if says_goodbye:
                participant.send(messages.leave("disconnect", "SERVER_SHUTDOWN"))
            elif participant.socket is not None:
                participant.socket.abort()
            self.remove(participant)
        await self._server.stop()
        await asyncio.gather(*self._closing, return_exceptions=True)

    def token(self, identity: str = "camera", room: str = "room", grants: Grants | None = None) -> str:
        """A token that this SFU accepts."""
        key, secret = self.settings.api_key, self.settings.api_secret
        return mint_token(key, secret, identity=identity, room=room, now_s=time.time(), grants=grants)

    def participant(self, identity: str = "camera", room: str = "room") -> SfuParticipant:
        """KeyError when it is not there."""
        return self.participants[room, identity]

    def tracks(self) -> list[SfuTrack]:
        """The published tracks of everybody."""
        everybody = self.participants.values()
        return [track for one in everybody for track in one.tracks.values() if track.is_published]

    async def wait_for_track(self, name: str, timeout_s: float = 10.0) -> SfuTrack:
        """The published track of that name."""
        await self.until(lambda: any(track.name == name for track in self.tracks()), timeout_s)
        return next(track for track in self.tracks() if track.name == name)

    async def until(self, is_true: Callable[[], object], timeout_s: float = 10.0) -> None:
        """Wait until a condition holds; it is asked whenever something happened here.

        Raises:
            TimeoutError: it did not come true.
        """
        changed = asyncio.Event()
        self._waiters.add(changed)
        try:
            async with asyncio.timeout(timeout_s):
                while not is_true():
                    await changed.wait()
                    changed.clear()
        finally:
            self._waiters.discard(changed)

    def touch(self) -> None:
        """Something changed: conditions in `until` are asked again."""
        for waiter in self._waiters:
            waiter.set()

    def subscribe(self, track: SfuTrack, quality: VideoQuality = VideoQuality.HIGH, subscriber: str = "viewer") -> None:
        """Somebody watches, or changes to, this quality; the layer is asked for a key frame."""
        owner = self._owner(track)
        track.demand.subscribe(subscriber, quality, time.monotonic_ns())
        if not track.is_subscribed:
            track.is_subscribed = True
            owner.send(messages.track_subscribed(track.sid))
        self.listen(track)
        owner.demands.tell()

    def listen(self, track: SfuTrack) -> None:
        """Somebody listens, without being seen."""
        if not track.is_heard:
            track.is_heard = True
            self._owner(track).tell_listeners(track)

    def count(self, participant: SfuParticipant, number: int, *, is_recording: bool = False) -> None:
        """Tell it how many are in its room, those included that cannot be seen."""
        participant.send(messages.room_update(participant.room, number, is_recording=is_recording))

    def unsubscribe(self, track: SfuTrack, subscriber: str = "viewer") -> None:
        track.demand.unsubscribe(subscriber, time.monotonic_ns())
        self._owner(track).demands.tell()

    async def request_key_frame(self, track: SfuTrack, quality: VideoQuality) -> None:
        """Send a PLI for the layer of that quality; nothing when it never sent."""
        publisher = self._owner(track).publisher
        stream = track.stream_of(quality)
        if stream is not None:
            await publisher.transport.send_rtcp(publisher.media.request_key_frame(stream, time.monotonic_ns()))

    async def send_rtcp(self, participant: SfuParticipant, data: bytes) -> None:
        """Send any RTCP to a publisher."""
        await participant.publisher.transport.send_rtcp(data)

    def mute(self, track: SfuTrack, muted: bool = True) -> None:
        """An administrator mutes or unmutes."""
        track.muted = muted
        track.demand.set_muted(muted)
        self._owner(track).send(messages.mute(track.sid, muted))

    def unpublish(self, track: SfuTrack) -> None:
        """An administrator takes the track away."""
        owner = self._owner(track)
        del owner.tracks[track.cid]
        owner.send(messages.track_unpublished(track.sid))

    def drop_socket(self, participant: SfuParticipant) -> None:
        """Cut the TCP connection of the WebSocket; the participant stays while its media does."""
        if participant.socket is not None:
            participant.socket.abort()

    def silence(self, participant: SfuParticipant, seconds: float) -> None:
        """Lose every datagram in both directions for that long."""
        participant.gate.close_for(seconds)

    def send_raw(self, participant: SfuParticipant, data: bytes | str) -> None:
        """Send any message, such as nonsense; str goes out as a text frame."""
        if participant.socket is not None:
            participant.socket.send_raw(data)

    def dismiss(self, participant: SfuParticipant, action: str, reason: str) -> None:
        """Send a leave and hang up. "disconnect" and "reconnect" also end the participant."""
        participant.send(messages.leave(action, reason))
        if participant.socket is not None:
            participant.socket.hang_up()
        if action != "resume":
            self.remove(participant)

    def remove(self, participant: SfuParticipant) -> None:
        """The participant is gone: its tracks end, its transports close."""
        if self.participants.get((participant.room, participant.identity)) is participant:
            del self.participants[participant.room, participant.identity]
        if participant in self.departed:
            return
        participant.state = models.ParticipantInfo.State.DISCONNECTED
        self.departed.append(participant)
        if participant.socket is not None:
            participant.socket.hang_up()
        task = asyncio.create_task(participant.close(), name="sfu.close")
        self._closing.add(task)
        task.add_done_callback(self._closing.discard)
        self.touch()

    def announce(self, participant: SfuParticipant) -> None:
        """Tell everybody in the room how this participant is now."""
        response = messages.update([participant.info()])
        for other in self.participants.values():
            if other.room == participant.room:
                other.send(response)
        self.touch()

    def refresh_token(self, participant: SfuParticipant) -> None:
        grants = Grants(
            participant.name,
            participant.metadata,
            participant.attributes,
            can_publish=participant.permission.can_publish,
            can_subscribe=participant.permission.can_subscribe,
            ttl_s=self.settings.token_ttl_s,
        )
        participant.send(messages.refresh_token(self.token(participant.identity, participant.room, grants)))

    def _owner(self, track: SfuTrack) -> SfuParticipant:
        return next(one for one in self.participants.values() if one.tracks.get(track.cid) is track)

    async def _watch_participants(self) -> None:
        """The timeouts of livekit-wire.md, 8.4."""
        while True:
            await asyncio.sleep(WATCH_INTERVAL_S)
            for participant in list(self.participants.values()):
                self._check(participant)
            self.touch()

    def _check(self, participant: SfuParticipant) -> None:
        settings = self.settings
        silent_s = participant.media_silent_s
        is_active = participant.state is models.ParticipantInfo.State.ACTIVE
        if not is_active and time.monotonic_ns() - participant.joined_ns > settings.join_timeout_s * 1e9:
            self.dismiss(participant, "disconnect", "JOIN_FAILURE")
        elif silent_s > settings.ice_timeout_s + settings.cleanup_s:
            self.remove(participant)
        elif silent_s > settings.ice_timeout_s and participant.socket is not None:
            self.dismiss(participant, "resume", "CONNECTION_TIMEOUT")
