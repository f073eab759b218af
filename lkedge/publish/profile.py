# lkedge: pure
"""What others see of our participant: name, metadata, attributes."""

from __future__ import annotations

from dataclasses import replace

from lkedge.config.models import LiveKitConfig
from lkedge.signaling.participant import Participant
from lkedge.signaling.requests import UpdateMetadata


def profile_of(livekit: LiveKitConfig) -> UpdateMetadata:
    """What the configuration says others shall see."""
    return UpdateMetadata(metadata=livekit.metadata or "", name=livekit.name or "", attributes=livekit.attributes)


def profile_change(before: LiveKitConfig, after: LiveKitConfig) -> UpdateMetadata:
    """The same, with an empty value for each attribute that is gone, which deletes it."""
    gone = dict.fromkeys(before.attributes.keys() - after.attributes.keys(), "")
    profile = profile_of(after)
    return replace(profile, attributes={**gone, **profile.attributes})


def shows(participant: Participant, profile: UpdateMetadata) -> bool:
    """Whether others see of us what they shall."""
    attributes = {key: participant.attributes.get(key) for key in profile.attributes}
    return (
        profile.name in ("", participant.name)
        and profile.metadata in ("", participant.metadata)
        and attributes == dict(profile.attributes)
    )
