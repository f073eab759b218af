# lkedge: pure
"""Decides which layers of one video track run: Dynacast, mute, limits and connection in one place.

Inputs arrive as calls; `plan` is the decision for a moment. A layer is active only when
nothing speaks against it, and the first thing that does is its reason. When no layer has
been active for `source_idle_after_ns`, the plan releases the source itself.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from lkedge.media.layers import NO_RID, LayerPlan, LayerState, SimulcastLayer
from lkedge.publish.track_gate import NOT_SUBSCRIBED, TURNED_OFF, TrackGate
from lkedge.terms import BitsPerSecond, Rid, VideoQuality


@dataclass(frozen=True, slots=True)
class LayerLimit:
    """What a person or a policy imposes on one layer; None means: as configured."""

    is_enabled: bool = True
    max_bitrate: BitsPerSecond | None = None
    max_framerate: float | None = None


NO_LIMIT = LayerLimit()


class LayerController(TrackGate):
    """State of one video track's layers. Owned by the event loop."""

    def __init__(self, layers: Sequence[SimulcastLayer], *, dynacast: bool, source_idle_after_ns: int) -> None:
        super().__init__(source_idle_after_ns)
        self._layers = tuple(layers)
        self._dynacast = dynacast
        self._subscribed: Mapping[VideoQuality, bool] | None = None
        self._limits: dict[Rid, LayerLimit] = {}

    @property
    def layers(self) -> tuple[SimulcastLayer, ...]:
        return self._layers

    def replace_layers(self, layers: Sequence[SimulcastLayer]) -> None:
        """Other sizes or limits, or other layers; what is limited or subscribed by rid and quality stays so."""
        self._layers = tuple(layers)

    def set_dynacast(self, dynacast: bool) -> None:
        """Whether layers that nobody watches stop."""
        self._dynacast = dynacast

    def set_published(self, is_published: bool) -> None:
        super().set_published(is_published)
        self._subscribed = None

    def set_subscribed(self, qualities: Mapping[VideoQuality, bool]) -> None:
        """Take over a SubscribedQualityUpdate (livekit-wire.md, section 6.1)."""
        self._subscribed = dict(qualities)

    def set_limit(self, rid: Rid, limit: LayerLimit) -> None:
        """Replace the limit of one layer; one that there is not yet is limited once there is."""
        self._limits[rid] = limit

    def limit(self, rid: Rid) -> LayerLimit:
        return self._limits.get(rid, NO_LIMIT)

    def plan(self, now_ns: int) -> LayerPlan:
        """The decision for this moment."""
        states = tuple(self._state(layer) for layer in self._layers)
        is_active = any(state.active for state in states)
        return LayerPlan(states, self._captures_at(now_ns, is_active=is_active))

    def _state(self, layer: SimulcastLayer) -> LayerState:
        limit = self.limit(layer.rid)
        encoding = layer.encoding
        reason = self._reason_against(layer, limit)
        max_bitrate = encoding.max_bitrate if limit.max_bitrate is None else limit.max_bitrate
        max_framerate = encoding.max_framerate if limit.max_framerate is None else limit.max_framerate
        return LayerState(
            rid=layer.rid,
            active=not reason,
            width=layer.width,
            height=layer.height,
            bitrate=min(encoding.max_bitrate, max_bitrate),
            framerate=min(encoding.max_framerate, max_framerate),
            reason=reason,
        )

    def _reason_against(self, layer: SimulcastLayer, limit: LayerLimit) -> str:
        if reason := self._reason_against_all():
            return reason
        if not self._is_subscribed(layer):
            return NOT_SUBSCRIBED
        return "" if limit.is_enabled else TURNED_OFF

    def _is_subscribed(self, layer: SimulcastLayer) -> bool:
        if not self._dynacast or self._subscribed is None:
            return True
        if layer.rid == NO_RID:
            return any(self._subscribed.values())
        return self._subscribed.get(layer.quality, False)
