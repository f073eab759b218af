# lkedge: pure
"""What commands take. Fields named in a command's HTTP path come from there, the others from
the query (GET, DELETE) or the JSON body; on D-Bus, `track` of org.lkedge1.Track comes from the object.
"""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, Strict

from lkedge.config.sections import Flag, LogLevel, Whole
from lkedge.terms import TrackSource

MAX_NAME = 200
MAX_TEXT = 4_096
MAX_PARTICIPANTS = 1_000
MAX_TRACKS = 200
MAX_INTEGER = 2**63 - 1


class Arguments(BaseModel):
    """The arguments of one command; also of those that take none. Unknown ones are errors."""

    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True, allow_inf_nan=False)


Name = Annotated[str, Strict(), Field(min_length=1, max_length=MAX_NAME)]
Persist = Annotated[Flag, Field(description="keep it over a restart of the daemon")]
Settings = Annotated[
    dict[str, Any], Field(description="a table as `[[track]]` of the configuration", min_length=1, max_length=100)
]
Integer = Annotated[int, Strict(), Field(ge=-MAX_INTEGER - 1, le=MAX_INTEGER)]
Value = (
    Annotated[bool, Strict()]
    | Integer
    | Annotated[float, Strict()]
    | Annotated[str, Strict(), Field(max_length=MAX_TEXT)]
)


class OfTrack(Arguments):
    """One track."""

    track: Name = Field(description="name of the track")


class ChangeTrackState(OfTrack):
    """Mute, unmute, enable, disable, remove."""

    persist: Persist = False


class AddTrack(Arguments):
    settings: Settings
    persist: Persist = False


class ChangeTrack(OfTrack):
    """settings: those that change; tables are merged setting by setting."""

    settings: Settings
    persist: Persist = False


class ChangeSource(Arguments):
    """All tracks that are published as this."""

    publish_as: TrackSource = Field(description="what the tracks are published as")
    persist: Persist = False


class SetLayer(OfTrack):
    """The whole limit of one layer: what is left out is as configured."""

    rid: Annotated[str, Strict(), Field(max_length=16)] = Field(
        description='"q", "h", "f", or "single" for the layer of a track without simulcast'
    )
    enabled: Flag = Field(True, description="whether the layer may be sent")
    max_bitrate: Whole | None = Field(None, description="most bits per second", ge=10_000, le=100_000_000)
    max_framerate: Annotated[float, Strict()] | None = Field(None, description="most pictures per second", gt=0, le=240)
    persist: Persist = False


class SetControl(OfTrack):
    control: Name = Field(description="name of the control, see `controls`")
    value: Value = Field(description="true or false, a number, or text, as the control's kind asks for")
    persist: Persist = False


def _width(value: int) -> int:
    if value and not 16 <= value <= 8192:
        raise ValueError("must be 0, or from 16 to 8192")
    return value


class Snapshot(OfTrack):
    width: Annotated[Whole, AfterValidator(_width)] = Field(
        0, description="width of the picture in pixels, 16 to 8192; 0 for that of the capture"
    )


class ParticipantPermissionArguments(Arguments):
    """What one participant may subscribe to."""

    identity: Name = Field(description="identity of the participant")
    all_tracks_allowed: Flag = Field(False, description="every track, also those that come later")
    tracks: list[Name] = Field(default_factory=list, description="names of tracks", max_length=MAX_TRACKS)


class SetPermissions(Arguments):
    """Replaces what was set before. Who is not listed may subscribe to nothing."""

    all_participants_allowed: Flag = Field(description="everybody may subscribe to everything")
    participants: list[ParticipantPermissionArguments] = Field(
        default_factory=list, description="those who may, and to what", max_length=MAX_PARTICIPANTS
    )
    persist: Persist = False


class SetLogLevel(Arguments):
    level: LogLevel = Field(description="the least important message that is logged")
    logger: Annotated[str, Strict(), Field(max_length=100, pattern=r"^[A-Za-z0-9_.-]*$")] = Field(
        "", description='a module such as "lkedge.rtc", or "" for all'
    )
