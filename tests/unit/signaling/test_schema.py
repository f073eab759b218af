"""The schema is loaded alone, and is the one that everybody else has."""

from __future__ import annotations

import subprocess
import sys

import pytest

from lkedge.signaling import schema

PROGRAM = """
import sys
from lkedge.signaling.schema import models, rtc
print("livekit.protocol" in sys.modules, "lkedge.signaling.livekit_protocol.egress" in sys.modules)
from livekit.protocol import egress, models as others, rtc as other
print(other.SignalResponse is rtc.SignalResponse, others.ParticipantInfo is models.ParticipantInfo)
print(other.SignalResponse.FromString(rtc.SignalResponse(pong=7).SerializeToString()).pong)
"""

OTHER_ORDER = """
from livekit.protocol import rtc as other
from lkedge.signaling.schema import rtc
print(other.SignalResponse is rtc.SignalResponse)
"""


def _run(program: str) -> list[str]:
    result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=30, check=True)
    return result.stdout.splitlines()


def test_nothing_else_is_loaded_and_the_rest_can_be() -> None:
    assert _run(PROGRAM) == ["False False", "True True", "7"]


def test_it_may_be_loaded_already() -> None:
    assert _run(OTHER_ORDER) == ["True"]


def test_a_package_that_cannot_be_loaded_in_parts_is_loaded_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(origin: str) -> None:
        raise ImportError(origin)

    monkeypatch.setattr(schema, "_load_alone", fail)
    models, rtc = schema.load()
    assert rtc.SignalResponse is schema.rtc.SignalResponse
    assert models.__name__ == "livekit.protocol.models"


def test_a_missing_package_is_named() -> None:
    with pytest.raises(ModuleNotFoundError, match="livekit"):
        schema.load("livekit.no_such_thing")
