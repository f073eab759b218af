from __future__ import annotations

from typing import Any, cast

import pytest

from lkedge.errors import PluginError
from lkedge.media.frame import EncodedFrame
from lkedge.media.layers import LayerPlan, LayerState
from lkedge.terms import BitsPerSecond, Codec, Rid
from lkedge.worker.passthrough import Passthrough


class FakeLink:
    def __init__(self) -> None:
        self.sent: list[EncodedFrame] = []
        self.is_stalled = False

    def send_frames(self, frames: list[EncodedFrame]) -> bool:
        if not self.is_stalled:
            self.sent += frames
        return not self.is_stalled


class Path:
    def __init__(self) -> None:
        self.link = FakeLink()
        self.requests = 0
        self.passthrough = Passthrough("cam", cast(Any, self.link), self._request)
        self.count = 0

    def _request(self) -> None:
        self.requests += 1

    def deliver(self, pattern: str) -> str:
        """Deliver frames, "K" for a key frame; what was sent, in the same letters."""
        before = len(self.link.sent)
        for letter in pattern:
            self.count += 1
            self.passthrough.deliver(EncodedFrame(Codec.H264, Rid(""), b"x", self.count, letter == "K"))
        return "".join("K" if frame.is_key else "d" for frame in self.link.sent[before:])

    def apply(self, *active: str) -> None:
        states = (LayerState(Rid(rid), rid in active, 2, 2, BitsPerSecond(1), 30.0) for rid in ("q", "h", "f"))
        self.passthrough.apply(LayerPlan(tuple(states), True))


def test_nothing_leaves_before_a_plan() -> None:
    path = Path()
    assert path.deliver("Kdd") == ""
    assert path.requests == 0


def test_a_layer_that_was_off_between_two_frames_begins_with_a_key_frame() -> None:
    path = Path()
    path.apply("f")
    path.deliver("Kd")
    path.apply()
    path.apply("f")
    assert path.deliver("ddKd") == "Kd"
    assert path.requests == 1


def test_layer_begins_with_a_key_frame_that_is_asked_for_once() -> None:
    path = Path()
    path.apply("f")
    assert path.deliver("dddKd") == "Kd"
    assert path.requests == 1


def test_frames_carry_the_highest_active_layer() -> None:
    path = Path()
    path.apply("q", "h")
    path.deliver("K")
    assert path.link.sent[0].rid == "h"
    assert path.passthrough.sent == {"h": 1}


def test_pause_ends_with_a_key_frame() -> None:
    path = Path()
    path.apply("f")
    path.deliver("K")
    path.apply()
    assert path.deliver("ddK") == ""
    path.apply("f")
    assert path.deliver("ddKd") == "Kd"


def test_loss_on_the_link_ends_with_a_key_frame() -> None:
    path = Path()
    path.apply("f")
    path.deliver("Kd")
    path.link.is_stalled = True
    path.deliver("d")
    path.link.is_stalled = False
    assert path.deliver("ddKd") == "Kd"
    assert path.requests == 1


def test_request_is_forwarded_once_the_source_is_known_to_encode() -> None:
    path = Path()
    path.passthrough.request_key_frame()
    assert path.requests == 0
    path.apply("f")
    path.deliver("K")
    path.passthrough.request_key_frame()
    assert path.requests == 1


def test_sound_on_a_video_track_is_refused() -> None:
    with pytest.raises(PluginError, match="cam: delivers opus on a video track"):
        Path().passthrough.deliver(EncodedFrame(Codec.OPUS, Rid(""), b"x", 1))
