from __future__ import annotations

from lkedge.media.frame import EncodedFrame
from lkedge.publish.frame_gate import FrameGate
from lkedge.terms import Codec, Rid

Q, H = Rid("q"), Rid("h")


def frame(rid: Rid, *, is_key: bool) -> EncodedFrame:
    return EncodedFrame(Codec.VP8, rid, b"x", 1, is_key, 16, 16)


def test_a_layer_begins_with_a_key_frame() -> None:
    gate = FrameGate()
    gate.want(frozenset({Q}))
    frames = [frame(Q, is_key=is_key) for is_key in (False, True, False)]
    assert [gate.admits(one) for one in frames] == [False, True, True]
    assert gate.dropped == 1


def test_what_nobody_wants_is_counted() -> None:
    gate = FrameGate()
    assert not gate.admits(frame(Q, is_key=True))
    assert gate.dropped == 1


def test_tells_which_layers_stop() -> None:
    gate = FrameGate()
    assert gate.want(frozenset({Q, H})) == frozenset()
    assert gate.want(frozenset({Q})) == {H}


def test_a_layer_that_comes_back_begins_anew_and_the_others_go_on() -> None:
    gate = FrameGate()
    gate.want(frozenset({Q, H}))
    assert gate.admits(frame(Q, is_key=True))
    assert gate.admits(frame(H, is_key=True))
    gate.want(frozenset({Q}))
    gate.want(frozenset({Q, H}))
    assert gate.admits(frame(Q, is_key=False))
    assert not gate.admits(frame(H, is_key=False))
