"""One track, from its worker to its RTP streams.

A Publication lives as long as its track is configured. Sessions come and go: each one
publishes it (`attach`) and forgets it (`detach`); worker, source and encoders go on.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Protocol

from lkedge.clock import Clock
from lkedge.config.models import TrackConfig
from lkedge.errors import ConfigError
from lkedge.media.frame import EncodedFrame
from lkedge.media.layers import NO_RID
from lkedge.plugin.api import Control, ControlValue
from lkedge.publish.alarm import Alarm
from lkedge.publish.attachment import Attachment
from lkedge.publish.frame_gate import FrameGate
from lkedge.publish.layer_controller import LayerLimit
from lkedge.publish.listening import Listening
from lkedge.publish.live_source import LiveSource
from lkedge.publish.state import TrackState
from lkedge.publish.track import Track, track_for
from lkedge.publish.track_worker import TrackWorker
from lkedge.publish.video_track import VideoTrack
from lkedge.publish.worker_reports import WorkerReports
from lkedge.terms import Rid, Ssrc, TrackKind, VideoQuality
from lkedge.worker import events


class PublicationListener(Protocol):
    """Who is told of a publication's changes; called on the event loop, must return quickly."""

    def do_publication_changed(self, publication: Publication) -> None:
        """Its state, plan or size is another one."""

    def do_mute_changed(self, publication: Publication) -> None:
        """It was muted or unmuted here; the server has to be told."""


class Publication:
    """One configured track. Owned by the event loop.

    state, reason: where it is on its way to the room, and why it is not further.
    encoder: name of the encoder in use; empty before the first, or for passthrough.
    gate: counts the frames that came while nobody wanted them.
    listening: who listens, of a track of sound.
    """

    def __init__(
        self, config: TrackConfig, plugins: tuple[str, ...], clock: Clock, listener: PublicationListener
    ) -> None:
        self.config = config
        self.state = TrackState.STARTING if config.enabled else TrackState.DISABLED
        self.reason = ""
        self.encoder = ""
        self.gate = FrameGate()
        self._is_muted = config.muted
        self._clock = clock
        self._listener = listener
        self._track = track_for(config)
        self._announced: tuple[str, ...] = ()
        self._attachment: Attachment | None = None
        self._changing = asyncio.Lock()
        self._alarm = Alarm(self.refresh)
        self._worker = TrackWorker(
            config.name,
            plugins,
            on_frame=self._on_frame,
            on_event=self._on_worker_event,
            changed=lambda: listener.do_publication_changed(self),
        )
        self._reports = WorkerReports(self)
        self.listening = Listening(self, clock)

    def __repr__(self) -> str:
        return f"<Publication {self.name} {self.state}>"

    @property
    def name(self) -> str:
        return self.config.name

    @property
    def kind(self) -> TrackKind:
        return self.config.kind

    @property
    def track(self) -> Track:
        """Sizes, layers and limits of this track."""
        return self._track

    @property
    def worker(self) -> TrackWorker:
        return self._worker

    @property
    def is_enabled(self) -> bool:
        """False: no worker, not in the room, but still known."""
        return self.state is not TrackState.DISABLED

    @property
    def attachment(self) -> Attachment | None:
        """None while no session publishes it."""
        return self._attachment

    @property
    def is_publishable(self) -> bool:
        """Its source has told its format, so that the server can be told the layers."""
        return self.is_enabled and self._track.is_known

    @property
    def live(self) -> LiveSource:
        """Condition, live controls and snapshots of the source."""
        return self._worker.live

    @property
    def condition(self) -> str:
        return self.live.condition

    @property
    def controls(self) -> tuple[Control, ...]:
        return self.live.controls

    @property
    def is_muted(self) -> bool:
        return self._is_muted

    def start(self) -> None:
        """Start the worker and open the source, before and beside joining the room."""
        if self.is_enabled:
            self._worker.start(self._track.worker_spec(), self.config.isolation)

    async def stop(self) -> None:
        """Stop the worker. The session has to have forgotten the publication before."""
        async with self._changing:
            self.detach()
            self._alarm.cancel()
            await self._worker.stop()

    def restore(self, limits: Mapping[Rid, LayerLimit], controls: Mapping[str, ControlValue]) -> None:
        """Limits and controls of an earlier life. Call before `start`; what there is no layer or control for waits."""
        for rid, limit in limits.items():
            self._track.set_limit(rid, limit)
        self._worker.restore_controls(controls)

    async def set_enabled(self, is_enabled: bool) -> None:
        """Release the source and end the worker, or start it anew. What was set at run time stays."""
        async with self._changing:
            if is_enabled == self.is_enabled:
                return
            self.set_state(TrackState.STARTING if is_enabled else TrackState.DISABLED)
            if is_enabled:
                self.start()
            else:
                self.detach()
                await self._end_worker()

    async def change(self, config: TrackConfig) -> None:
        """Take over other settings of the same name and kind; `enabled` and `muted` have methods of their own.

        Bitrates, frame rates, layers, Dynacast and controls change while the track runs. Other
        settings need another worker, in which the track goes on with its SID, unless the server has
        to be told of it anew.
        """
        async with self._changing:
            old, self.config = self.config, config
            is_restarted = self.is_enabled and not await self._worker.follow(old, config)
            if is_restarted:
                await self._end_worker()
            if is_restarted or not self.is_enabled:
                self._worker.forget_controls(old, config)
            self._track.change(config, config.publish)  # type: ignore[arg-type]
            if is_restarted:
                self.start()
            self.detach_if_other()
            self.refresh()

    def attach(self, attachment: Attachment) -> None:
        """The server knows the track: send what is wanted of it."""
        self._attachment = attachment
        self._announced = self._track.announcement
        self._track.controller.set_published(True)
        self.listening.begin()
        self.set_state(TrackState.MUTED if self.is_muted else TrackState.PUBLISHED)
        self.refresh()

    def detach(self) -> None:
        """The session is over, or the track leaves it. Streams end; the worker goes on."""
        attachment, self._attachment = self._attachment, None
        if attachment is None:
            return
        attachment.end()
        self._track.controller.set_published(False)
        if self.is_enabled:
            self.set_state(TrackState.READY)
        self.refresh()

    def refuse(self, state: TrackState, reason: str) -> None:
        """The session cannot publish it; `reason` is a sentence for the user."""
        if not self.is_enabled:
            return
        self.detach()
        self.set_state(state, reason)

    def set_connected(self, is_connected: bool) -> None:
        """False after a long time without a room: the source is released."""
        self._track.controller.set_connected(is_connected)
        self.refresh()

    def set_muted(self, is_muted: bool, *, by_server: bool = False) -> None:
        """Mute or unmute; layers stop or start at once, and the source follows after its idle time."""
        if is_muted == self.is_muted:
            return
        self._is_muted = is_muted
        self._track.controller.set_muted(is_muted)
        if self._attachment is not None:
            self.set_state(TrackState.MUTED if is_muted else TrackState.PUBLISHED)
        if not by_server:
            self._listener.do_mute_changed(self)
        self.refresh()

    def set_subscribed(self, qualities: Mapping[str, Mapping[VideoQuality, bool]]) -> None:
        """Take over a SubscribedQualityUpdate: per codec, which qualities somebody wants."""
        if isinstance(self._track, VideoTrack):
            self._track.set_subscribed(qualities)
            self.refresh()

    def set_limit(self, limit: LayerLimit, rid: Rid = NO_RID) -> None:
        """Turn one layer off and on, or lower its rate; applied live, without a key frame.

        rid: of the layer; "" for sound and for a track of one layer. Before the layers are known it may
            be any; one that never comes is not limited.

        Raises:
            ConfigError: the track has no such layer.
        """
        if self._track.rids and rid not in self._track.rids:
            known = ", ".join(repr(str(one)) for one in self._track.rids)
            raise ConfigError([f"track {self.name!r} has no layer {str(rid)!r}; it has {known}"])
        self._track.set_limit(rid, limit)
        self.refresh()

    async def snapshot(self, width: int = 0) -> bytes:
        """The next picture as a JPEG, as SnapshotRequests.take."""
        return await self.live.snapshots.take(width)

    def request_key_frame(self, ssrc: Ssrc) -> None:
        """Whoever decodes this SSRC needs a key frame; only its layer is refreshed."""
        rid = self._attachment.rid_of(ssrc) if self._attachment is not None else None
        if rid is not None:
            self._worker.request_key_frame(rid)

    async def _end_worker(self) -> None:
        self._track.reopen()
        self.gate.want(frozenset())
        await self._worker.stop()

    def detach_if_other(self) -> None:
        """What the server was told is no longer so: the session publishes the track anew."""
        if self._attachment is not None and self._announced != self._track.announcement:
            self.detach()

    def refresh(self) -> None:
        """Decide anew what runs, and apply it."""
        now_ns = self._clock.monotonic_ns()
        if self._track.is_known and self._track.replan(now_ns):
            self._apply()
        due_ns = self._track.controller.next_change_ns() if self._track.is_known else None
        if due_ns is None:
            self._alarm.cancel()
        else:
            self._alarm.set(max(0, due_ns - now_ns) / 1e9 + 0.001)
        self.listening.keep_alive()

    def _apply(self) -> None:
        stopped = self.gate.want(self._track.active_rids)
        if self._attachment is not None:
            for rid in stopped:
                self._attachment.silence(rid)
        self._worker.apply(self._track.worker_plan())
        self._listener.do_publication_changed(self)

    def _on_frame(self, frame: EncodedFrame) -> None:
        if self.gate.admits(frame) and self._attachment is not None:
            self._attachment.send(frame)

    def _on_worker_event(self, event: events.WorkerEvent) -> None:
        self._reports.take(event)

    def set_state(self, state: TrackState, reason: str = "") -> None:
        """It is in this state now; whoever listens is told of another one."""
        if (state, reason) == (self.state, self.reason):
            return
        self.state, self.reason = state, reason
        self._listener.do_publication_changed(self)
