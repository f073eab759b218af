from __future__ import annotations

import pytest

from lkedge.media.layers import LayerPlan
from lkedge.terms import BitsPerSecond, Rid
from lkedge.worker import messages
from lkedge.worker.events import SourceFailed, SourceFinished
from lkedge.worker.messages import ApplyAudio, ApplyLayers, Command, LogLine, Report, RequestKeyFrame, Start, Stop
from lkedge.worker.spec import AudioPlan, VideoWorkerSpec

COMMANDS = [
    Start(VideoWorkerSpec("front", "testsrc"), None, ("a.b:c",), 20),
    ApplyLayers(LayerPlan((), True)),
    ApplyAudio(AudioPlan(True, BitsPerSecond(32_000), False)),
    RequestKeyFrame(Rid("q")),
    Stop(),
]


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: type(command).__name__)
def test_command_survives(command: Command) -> None:
    assert messages.decode_command(messages.encode(command)) == command


@pytest.mark.parametrize("report", [SourceFailed("gone", False), SourceFinished(), LogLine(30, "über")])
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
        b"[" * 100_000,
    ],
)
def test_what_is_no_report_is_refused(data: bytes) -> None:
    with pytest.raises(ValueError, match="is not a message"):
        messages.decode_report(data)
