# lkedge: pure
"""Lets through the frames that the plan wants, each layer from a key frame on."""

from __future__ import annotations

from lkedge.media.frame import EncodedFrame
from lkedge.terms import Rid


class FrameGate:
    """Owned by the event loop.

    dropped: frames that came while nobody wanted them.
    """

    def __init__(self) -> None:
        self.dropped = 0
        self._wanted: frozenset[Rid] = frozenset()
        self._awaiting_key: set[Rid] = set()

    def want(self, rids: frozenset[Rid]) -> frozenset[Rid]:
        """These layers run now. Returns those that have just stopped."""
        before, self._wanted = self._wanted, rids
        self._awaiting_key = (self._awaiting_key | (rids - before)) & rids
        return before - rids

    def admits(self, frame: EncodedFrame) -> bool:
        """Whether this frame is to be sent; counts it when it is not."""
        is_admitted = frame.rid in self._wanted and (frame.is_key or frame.rid not in self._awaiting_key)
        if is_admitted:
            self._awaiting_key.discard(frame.rid)
        self.dropped += not is_admitted
        return is_admitted
