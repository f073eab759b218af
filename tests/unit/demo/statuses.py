"""Hand-made statuses for the tests of the demo."""

from __future__ import annotations

from lkedge.publish.state import ConnectionState, ConnectionStatus, LayerStatus, Status, TrackState, TrackStatus
from lkedge.terms import TrackKind, TrackSource


def layer(rid: str, *, active: bool = True, reason: str = "", bitrate: int = 0, framerate: float = 0.0) -> LayerStatus:
    width, height = {"q": (320, 180), "h": (640, 360), "f": (1280, 720)}[rid]
    return LayerStatus(rid, active, width, height, 1_700_000, 30.0, bitrate, framerate, reason)


def track(state: TrackState = TrackState.PUBLISHED, *layers: LayerStatus, reason: str = "") -> TrackStatus:
    return TrackStatus(
        name="picture",
        kind=TrackKind.VIDEO,
        source="testsrc",
        publish_as=TrackSource.CAMERA,
        state=state,
        reason=reason,
        sid="TR_1" if state is TrackState.PUBLISHED else "",
        codec="vp8",
        encoder="vp8",
        muted=False,
        captures=True,
        layers=layers,
    )


def status(*tracks: TrackStatus, state: ConnectionState = ConnectionState.CONNECTED, reason: str = "") -> Status:
    return Status(ConnectionStatus(state, reason, room="lkedge-demo", server_version="1.13.5"), tracks)
