# lkedge: pure
"""A participant as the server describes it, with what its token lets it do."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from lkedge.terms import TrackSid, TrackSource


class ParticipantState(StrEnum):
    JOINING = "joining"
    JOINED = "joined"
    ACTIVE = "active"
    DISCONNECTED = "disconnected"


@dataclass(frozen=True, slots=True)
class Permission:
    """What our token lets us do.

    can_publish_sources: empty means every source.
    """

    can_publish: bool = True
    can_subscribe: bool = False
    can_publish_data: bool = False
    can_update_metadata: bool = False
    hidden: bool = False
    can_publish_sources: frozenset[TrackSource] = frozenset()

    def allows(self, source: TrackSource) -> bool:
        return self.can_publish and (not self.can_publish_sources or source in self.can_publish_sources)


@dataclass(frozen=True, slots=True)
class Participant:
    """Ourselves, as the server sees us.

    track_sids: of the tracks that others can see. muted_sids: of those among them that are muted.
    """

    sid: str
    identity: str
    name: str = ""
    metadata: str = ""
    attributes: Mapping[str, str] = field(default_factory=dict)
    permission: Permission = Permission()
    state: ParticipantState = ParticipantState.JOINED
    track_sids: frozenset[TrackSid] = frozenset()
    muted_sids: frozenset[TrackSid] = frozenset()
