from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from lkedge.daemon.status_line import status_line
from lkedge.publish.state import ConnectionState, ConnectionStatus, LayerStatus, Status, TrackState, TrackStatus
from lkedge.terms import TrackKind, TrackSource

CONNECTED = ConnectionStatus(ConnectionState.CONNECTED, url="ws://h", room="kitchen")


def layer(rid: str, width: int, height: int, *, active: bool = True, measured: int = 600_000) -> LayerStatus:
    measured = measured if active else 0
    return LayerStatus(
        rid=rid,
        active=active,
        width=width,
        height=height,
        bitrate=1_000_000,
        framerate=30.0,
        measured_bitrate=measured,
        measured_framerate=30.0,
        reason="",
    )


LAYERS = (layer("q", 320, 180), layer("h", 640, 360), layer("f", 1280, 720, measured=700_000))


def track(name: str, kind: TrackKind = TrackKind.VIDEO, **changes: Any) -> TrackStatus:
    is_video = kind is TrackKind.VIDEO
    made = TrackStatus(
        name=name,
        kind=kind,
        source="testsrc",
        publish_as=TrackSource.CAMERA if is_video else TrackSource.MICROPHONE,
        state=TrackState.PUBLISHED,
        reason="",
        sid="TR_1",
        codec="vp8",
        encoder="",
        muted=False,
        captures=True,
        layers=LAYERS if is_video else (layer("", 0, 0, measured=0),),
    )
    return replace(made, **changes)


FRONT, MIC = track("front"), track("mic", TrackKind.AUDIO)


@pytest.mark.parametrize(
    ("status", "line"),
    [
        (
            Status(CONNECTED, (FRONT, MIC)),
            "publishing front 1280x720@30 in 3 of 3 layers, mic; room kitchen; 1.9 Mbit/s",
        ),
        (
            Status(CONNECTED, (track("front", layers=(*LAYERS[:2], layer("f", 1280, 720, active=False))),)),
            "publishing front 640x360@30 in 2 of 3 layers; room kitchen; 1.2 Mbit/s",
        ),
        (
            Status(CONNECTED, (track("front", layers=(layer("", 640, 480, measured=512_345),)),)),
            "publishing front 640x480@30; room kitchen; 510 kbit/s",
        ),
        (
            Status(CONNECTED, (track("front", layers=(layer("f", 640, 360, active=False),)),)),
            "publishing front (paused); room kitchen; 0 kbit/s",
        ),
        (
            Status(CONNECTED, (track("front", state=TrackState.MUTED), replace(MIC, condition="no signal"))),
            "publishing front (muted), mic (no signal); room kitchen; 1.9 Mbit/s",
        ),
        (Status(CONNECTED, ()), "connected, nothing is published: no tracks; room kitchen; 0 kbit/s"),
        (
            Status(ConnectionStatus(ConnectionState.WAITING, reason="h refuses\nthe connection"), (MIC,)),
            "waiting: h refuses the connection; mic",
        ),
        (Status(ConnectionStatus(ConnectionState.CONNECTING, url="ws://h"), ()), "connecting to ws://h; no tracks"),
        (
            Status(replace(CONNECTED, state=ConnectionState.RECONNECTING, reason="the media path is dead"), ()),
            "reconnecting to room kitchen: the media path is dead; no tracks",
        ),
    ],
)
def test_what_is_going_on_in_one_line(status: Status, line: str) -> None:
    assert status_line(status) == line


def test_a_failed_track_says_why() -> None:
    failed = track("front", state=TrackState.FAILED, reason="source v4l2: there is no /dev/video0")
    line = status_line(Status(CONNECTED, (failed, MIC)))
    assert line.startswith("publishing front (source v4l2: there is no /dev/video0), mic; ")


@pytest.mark.parametrize("state", list(TrackState))
@pytest.mark.parametrize("connection", list(ConnectionState))
def test_every_state_has_a_line(connection: ConnectionState, state: TrackState) -> None:
    line = status_line(Status(ConnectionStatus(connection), (track("front", state=state),)))
    assert "front" in line
    assert "\n" not in line


def test_many_tracks_and_long_reasons_stay_short() -> None:
    tracks = tuple(track(f"t{number}", state=TrackState.FAILED, reason="x" * 1000) for number in range(40))
    line = status_line(Status(CONNECTED, tracks))
    assert "34 more" in line
    assert len(line) < 1000
