from __future__ import annotations

from lkedge.publish.permissions import EVERYBODY, ParticipantPermission, Permissions
from lkedge.signaling.requests import SubscriptionPermissions, TrackPermission
from lkedge.terms import TrackSid

SIDS = {"front": TrackSid("TR_1"), "mic": TrackSid("TR_2")}


def test_everybody_may_unless_something_else_is_said() -> None:
    assert Permissions().request(SIDS) == EVERYBODY
    assert Permissions(True, (ParticipantPermission("ann"),)).request(SIDS) == EVERYBODY


def test_names_become_sids_and_unknown_ones_wait() -> None:
    permissions = Permissions(
        False, (ParticipantPermission("ann", True, ("mic",)), ParticipantPermission("bob", tracks=("front", "later")))
    )
    assert permissions.request(SIDS) == SubscriptionPermissions(
        False, (TrackPermission("ann", all_tracks=True), TrackPermission("bob", track_sids=(TrackSid("TR_1"),)))
    )
    assert permissions.track_names() == {"mic", "front", "later"}


def test_nobody() -> None:
    assert Permissions(False).request(SIDS) == SubscriptionPermissions(False)
