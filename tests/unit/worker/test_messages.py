from __future__ import annotations

import pytest

from lkedge.media.layers import LayerPlan
from lkedge.plugin.api import Control, ControlKind
from lkedge.terms import BitsPerSecond, Rid
from lkedge.worker import messages
from lkedge.worker.events import (
    ControlRefused,
    ControlSet,
    ControlsListed,
    SnapshotRefused,
    SourceCondition,
    SourceFailed,
    SourceFinished,
)
from lkedge.worker.messages import (
    ApplyAudio,
    ApplyLayers,
    Command,
    LogLine,
    Report,
    RequestKeyFrame,
    SetControl,
    SetLogLevels,
    Start,
    Stop,
    TakeSnapshot,
    UseEncoder,
)
from lkedge.worker.spec import AudioPlan, VideoWorkerSpec

COMMANDS = [
    Start(VideoWorkerSpec("front", "testsrc"), None, ("a.b:c",), 20),
    ApplyLayers(LayerPlan((), True)),
    ApplyAudio(AudioPlan(True, BitsPerSecond(32_000), False)),
    RequestKeyFrame(Rid("q")),
    Start(None, None, (), 10, {"gain": 2.5, "flip": True, "mode": "auto", "focus": 3}),
    SetControl("gain", 2.5, 1),
    SetControl("flip", True, 2),
    SetControl("focus", 3, 3),
    SetControl("label", "Tür", 4),
    TakeSnapshot(640, 5),
    UseEncoder("m2m"),
    SetLogLevels({"lkedge": 20, "lkedge.builtin": 10}),
    Stop(),
]


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: type(command).__name__)
def test_command_survives(command: Command) -> None:
    assert messages.decode_command(messages.encode(command)) == command


CONTROLS = (
    Control("gain", ControlKind.NUMBER, 2.5, 1.0, 1.0, 16.0, 0.1, unit="dB"),
    Control("mode", ControlKind.MENU, "auto", choices=("auto", "manual"), is_writable=False),
)

REPORTS = [
    SourceFailed("gone", False),
    SourceFinished(),
    LogLine(30, "über"),
    LogLine(30, "with fields", {"MESSAGE_ID": "1", "LKEDGE_RID": "h"}),
    SourceCondition("no signal"),
    ControlsListed(CONTROLS),
    ControlSet("flip", True, 7),
    ControlRefused("gain", "it cannot", 8),
    SnapshotRefused("no picture", 9),
]


@pytest.mark.parametrize("report", REPORTS, ids=lambda report: type(report).__name__)
def test_report_survives(report: Report) -> None:
    assert messages.decode_report(messages.encode(report)) == report


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\xff\xfe",
        b"{}",
        b"17",
        b'["Stop"]',
        b'["Stop",{}]',
        b'["WorkerDied",{"reason":"I say so"}]',
        b'[["SourceFinished"],{}]',
        b'["SourceFailed",{"reason":1,"retryable":true}]',
        b'["ControlSet",{"name":"gain","value":null,"request":1}]',
        b'["ControlSet",{"name":"gain","value":[1],"request":1}]',
        b'["ControlsListed",{"controls":[{"name":"gain"}]}]',
        b"[" * 100_000,
    ],
)
def test_what_is_no_report_is_refused(data: bytes) -> None:
    with pytest.raises(ValueError, match="is not a message"):
        messages.decode_report(data)
