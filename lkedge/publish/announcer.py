"""Tells plugins what happened to tracks, once per change."""

from __future__ import annotations

from typing import Any, Protocol

from lkedge.media.layers import LayerPlan
from lkedge.publish.publication import Publication
from lkedge.publish.state import TrackState
from lkedge.publish.video_track import VideoTrack


class Notify(Protocol):
    """PluginManager.notify: calls a hook of every plugin; never raises."""

    def __call__(self, hook: str, **arguments: Any) -> None: ...


class Announcer:
    """Remembers what was told, so that only changes are told. Owned by the event loop."""

    def __init__(self, notify: Notify) -> None:
        self._notify = notify
        self._states: dict[str, TrackState] = {}
        self._plans: dict[str, LayerPlan] = {}
        self._capturing: set[str] = set()

    def tell(self, publication: Publication) -> None:
        """Something about this track may have changed."""
        name = publication.name
        if self._states.get(name) is not publication.state:
            self._states[name] = publication.state
            self._notify("lkedge_track_changed", track=name, state=publication.state.value)
        self._tell_capture(name, publication.live.is_open)
        track = publication.track
        if isinstance(track, VideoTrack) and track.is_known and self._plans.get(name) != track.worker_plan():
            self._plans[name] = track.worker_plan()
            self._notify("lkedge_layers_changed", track=name, plan=track.worker_plan())

    def forget(self, publication: Publication) -> None:
        """The track was removed."""
        self._states.pop(publication.name, None)
        self._plans.pop(publication.name, None)
        self._tell_capture(publication.name, False)
        self._notify("lkedge_track_changed", track=publication.name, state="removed")

    def _tell_capture(self, name: str, captures: bool) -> None:
        if captures != (name in self._capturing):
            self._capturing ^= {name}
            self._notify("lkedge_capture_changed", track=name, captures=captures)
