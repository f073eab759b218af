# lkedge: pure
"""What a demo did, as one JSON-able value."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from lkedge.publish.state import ConnectionState, LayerStatus, Status, TrackState, TrackStatus

LIVE = frozenset({TrackState.PUBLISHED, TrackState.MUTED})


class Observer:
    """Sums up the statuses that it is shown: Dynacast may have stopped at the end what ran before."""

    def __init__(self) -> None:
        self._joined_s: float | None = None
        self._published_s: float | None = None
        self._peaks: dict[tuple[str, str], dict[str, float]] = {}

    def see(self, status: Status, elapsed_s: float) -> None:
        """elapsed_s: since the demo began to publish."""
        if self._joined_s is None and status.connection.state is ConnectionState.CONNECTED:
            self._joined_s = elapsed_s
        if self._published_s is None and is_published(status):
            self._published_s = elapsed_s
        for track in status.tracks:
            for layer in track.layers:
                self._see_layer(track, layer)

    def _see_layer(self, track: TrackStatus, layer: LayerStatus) -> None:
        peak = self._peaks.setdefault((track.name, layer.rid), {"bitrate": 0, "framerate": 0.0})
        peak["bitrate"] = max(peak["bitrate"], layer.measured_bitrate)
        peak["framerate"] = max(peak["framerate"], layer.measured_framerate)

    def result(self, status: Status, elapsed_s: float) -> dict[str, Any]:
        """status: the last one before leaving."""
        return {
            "published": is_published(status),
            "seconds": round(elapsed_s, 1),
            "joined_after_s": _rounded(self._joined_s),
            "published_after_s": _rounded(self._published_s),
            "connection": asdict(status.connection),
            "tracks": [self._track(track) for track in status.tracks],
        }

    def _track(self, track: TrackStatus) -> dict[str, Any]:
        layers = [asdict(layer) | {"peak": self._peaks[track.name, layer.rid]} for layer in track.layers]
        return asdict(track) | {"layers": layers}


def is_published(status: Status) -> bool:
    """Whether every track is in the room now."""
    return bool(status.tracks) and all(track.state in LIVE and track.sid for track in status.tracks)


def _rounded(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds, 2)
