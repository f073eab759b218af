"""Sends the frames of a source that encodes by itself."""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Callable

from lkedge.errors import PluginError
from lkedge.media.frame import EncodedFrame
from lkedge.media.layers import LayerPlan
from lkedge.terms import Rid, TrackKind
from lkedge.worker.worker_link import WorkerLink


class Passthrough:
    """`deliver` belongs to the capture thread, the rest to the worker's main thread.

    Such a source has one encoding, so it serves one layer: the highest active one.
    """

    def __init__(self, source: str, link: WorkerLink, request_key_frame: Callable[[], None]) -> None:
        self._source = source
        self._link = link
        self._request_key_frame = request_key_frame
        self._rid: Rid | None = None
        self._sending: Rid | None = None
        self._awaited: Rid | None = None
        self._begins = False
        self._is_encoded = False
        self.sent: Counter[Rid] = Counter()

    def apply(self, plan: LayerPlan) -> None:
        """Serve its highest layer from the next frame on; a layer that comes back begins with a key frame."""
        rid = next((state.rid for state in reversed(plan.layers) if state.active), None)
        self._begins |= rid is not None and rid != self._rid
        self._rid = rid

    def request_key_frame(self) -> None:
        if self._is_encoded:
            self._request_key_frame()

    def deliver(self, frame: EncodedFrame) -> None:
        """Send a frame; after a pause or a loss nothing before the next key frame.

        Raises:
            PluginError: the frame is not a picture.
        """
        if frame.codec.kind is not TrackKind.VIDEO:
            raise PluginError(f"{self._source}: delivers {frame.codec.value} on a video track")
        self._is_encoded = True
        if self._begins:
            self._begins, self._sending = False, None
        rid = self._rid
        if rid is None or (rid != self._sending and not frame.is_key):
            self._wait(rid)
            return
        is_sent = self._link.send_frames([dataclasses.replace(frame, rid=rid)])
        self._sending = rid if is_sent else None
        self._awaited = None
        self.sent[rid] += is_sent

    def _wait(self, rid: Rid | None) -> None:
        """Send nothing; ask once for the key frame that `rid` begins with."""
        self._sending = None
        if rid is not None and rid != self._awaited:
            self._request_key_frame()
        self._awaited = rid
