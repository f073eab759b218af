"""What the worker of a track reports, and what becomes of the publication by it."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

from lkedge.publish.audio_track import AudioTrack
from lkedge.publish.state import TrackState
from lkedge.publish.track import Track
from lkedge.publish.track_log import TrackLog
from lkedge.publish.video_track import VideoTrack
from lkedge.worker import events

if TYPE_CHECKING:
    from lkedge.publish.publication import Publication


class WorkerReports:
    """Belongs to one publication. Owned by the event loop."""

    def __init__(self, publication: Publication) -> None:
        self._publication = publication
        self._log = TrackLog(publication.name)

    def take(self, event: events.WorkerEvent) -> None:
        """One event of the worker."""
        publication = self._publication
        publication.live.take(event)
        match event:
            case events.SourceOpened():
                self._source_opened(event)
            case events.SourceFailed():
                self._fail(f"source {publication.config.source}: {event.reason}", self._log.source_lost)
            case events.SourceFinished():
                publication.set_state(TrackState.FINISHED, "the source came to its end")
            case events.EncoderOpened():
                publication.encoder = event.encoder
            case events.EncoderFailed():
                reason = f"encoder {event.encoder} of layer {event.rid or 'single'}: {event.reason}"
                self._fail(reason, partial(self._log.encoder_failed, event.rid))
            case events.WorkerDied():
                self._worker_died(event.reason)
            case _:
                pass

    def _source_opened(self, event: events.SourceOpened) -> None:
        publication = self._publication
        track, source = publication.track, publication.config.source
        is_first, has_failed = not track.is_known, publication.state is TrackState.FAILED
        _take_format(track, event)
        publication.detach_if_other()
        if has_failed:
            self._log.back(source)
        if is_first or has_failed:
            state = TrackState.MUTED if publication.is_muted else TrackState.PUBLISHED
            publication.set_state(state if publication.attachment else TrackState.READY)
        if is_first:
            self._log.opened(source, track.format_text())
        publication.refresh()

    def _worker_died(self, reason: str) -> None:
        """It is replaced, and the source that is opened again makes the track well; a closed one is not missed."""
        publication = self._publication
        self._log.worker_died(reason)
        is_missed = publication.track.captures or not publication.track.is_known
        if is_missed and publication.state is not TrackState.FINISHED:
            publication.set_state(TrackState.FAILED, f"its worker died: {reason}")

    def _fail(self, reason: str, say: Callable[[str], None]) -> None:
        publication = self._publication
        if (publication.state, publication.reason) != (TrackState.FAILED, reason):
            say(reason)
        publication.set_state(TrackState.FAILED, reason)


def _take_format(track: Track, event: events.SourceOpened) -> None:
    if isinstance(track, VideoTrack) and event.video is not None:
        track.set_format(event.video)
    elif isinstance(track, AudioTrack) and event.audio is not None:
        track.set_format(event.audio)
