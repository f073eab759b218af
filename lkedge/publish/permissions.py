# lkedge: pure
"""Who may subscribe to which of our tracks, and how that is said to the server.

The names follow LiveKit's setTrackSubscriptionPermissions. People name tracks; the server
knows sids, which are others after every join. So what was set once has to be said again
whenever a named track gets its sid.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from lkedge.signaling.requests import SubscriptionPermissions, TrackPermission
from lkedge.terms import TrackSid


@dataclass(frozen=True, slots=True)
class ParticipantPermission:
    """What one participant may subscribe to.

    tracks: names of ours; without meaning when `all_tracks_allowed`.
    """

    identity: str
    all_tracks_allowed: bool = False
    tracks: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Permissions:
    """With `all_participants_allowed` the list has no meaning; without, who is not listed may see nothing."""

    all_participants_allowed: bool = True
    participants: tuple[ParticipantPermission, ...] = ()

    def track_names(self) -> frozenset[str]:
        """All tracks that are named."""
        return frozenset(name for participant in self.participants for name in participant.tracks)

    def request(self, sids: Mapping[str, TrackSid]) -> SubscriptionPermissions:
        """As the server takes it. sids: of the tracks that it knows, by name; others are left out."""
        if self.all_participants_allowed:
            return EVERYBODY
        return SubscriptionPermissions(False, tuple(_of_participant(one, sids) for one in self.participants))


EVERYBODY = SubscriptionPermissions(True)
"""What holds in every new session until something else is said."""


def _of_participant(participant: ParticipantPermission, sids: Mapping[str, TrackSid]) -> TrackPermission:
    if participant.all_tracks_allowed:
        return TrackPermission(participant.identity, all_tracks=True)
    known = tuple(sids[name] for name in participant.tracks if name in sids)
    return TrackPermission(participant.identity, track_sids=known)
