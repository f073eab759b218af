"""What a configuration file may say: one model per table.

Types, ranges and texts stand here once; the loader, the example, the reference page and
the JSON Schema are all made from them. `None` means "not said here": the defaults are
applied in `lkedge.config.resolve`, and told to readers by `default_text`.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Discriminator, Field, Strict, Tag

from lkedge.config.presets import AUDIO_PRESETS, VIDEO_PRESET_NAMES
from lkedge.terms import Isolation, TrackSource

Whole = Annotated[int, Strict()]
Number = Annotated[float, Strict()]
Flag = Annotated[bool, Strict()]

AudioPreset = Literal["telephone", "speech", "music", "music_stereo", "music_high_quality", "music_high_quality_stereo"]
VideoPreset = Literal[VIDEO_PRESET_NAMES]  # type: ignore[valid-type]
VideoCodec = Literal["vp8", "h264"]
LogLevel = Literal["debug", "info", "warning", "error"]

assert set(AUDIO_PRESETS) == set(AudioPreset.__args__)  # type: ignore[attr-defined]


MICROPHONE = "true for a microphone when a processor is installed"


def setting(
    description: str,
    default_text: str = "",
    *,
    unit: str = "",
    example: Any = None,
    is_path: bool = False,
    **limits: Any,
) -> Any:
    """One setting that may be left out.

    default_text: what happens then, for people. example: a value for the example file.
    """
    extra = {"x-default": default_text, "x-unit": unit, "x-example": example, "x-path": is_path}
    return Field(None, description=description, json_schema_extra=extra, **limits)


class Section(BaseModel):
    """A table of the file. Unknown keys are errors."""

    # Built when first used: most files use few of the tables, and start-up time counts.
    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)


class IceServerSection(Section):
    """One STUN or TURN server."""

    urls: str | list[str] = Field(
        description='"stun:HOST:PORT" or "turn:HOST:PORT?transport=udp|tcp" or "turns:HOST:PORT"'
    )
    username: str | None = setting("user name for TURN")
    credential: str | None = setting("password for TURN")


class IceSection(Section):
    """How a path to the server is found."""

    servers: (
        Annotated[
            Annotated[Literal["from-server"], Tag("from-server")] | Annotated[list[IceServerSection], Tag("list")],
            Discriminator(lambda value: "list" if isinstance(value, list) else "from-server"),
        ]
        | None
    ) = setting(
        'STUN and TURN servers: "from-server" takes those that LiveKit names when joining; '
        "a list of { urls, username, credential } replaces them, and [] means none",
        "from-server",
        example="from-server",
    )
    ipv6: Flag | None = setting("use IPv6 addresses too", "true", example=True)
    loopback: Flag | Literal["auto"] | None = setting(
        'use loopback addresses too; "auto" does so when the server itself has a loopback address',
        "auto",
        example="auto",
    )


class LiveKitSection(Section):
    """The server, and who we are there. Exactly one of token_file, api_key_file with
    api_secret_file, or token_endpoint is needed; LIVEKIT_URL, LIVEKIT_API_KEY and
    LIVEKIT_API_SECRET of the environment are used for what is not said here, then the systemd
    credentials lkedge.token, or lkedge.api-key and lkedge.api-secret. "credential:NAME" instead
    of a file stands for any other credential."""

    url: str | None = setting(
        "address of the LiveKit server, ws:// or wss://", "LIVEKIT_URL", example="ws://127.0.0.1:7880"
    )
    token_file: str | None = setting(
        "file with a ready token; read again before every join", example="token.jwt", is_path=True
    )
    api_key_file: str | None = setting(
        "file with the API key; tokens are minted here", "LIVEKIT_API_KEY", example="/etc/lkedge/api-key", is_path=True
    )
    api_secret_file: str | None = setting(
        "file with the API secret", "LIVEKIT_API_SECRET", example="/etc/lkedge/api-secret", is_path=True
    )
    token_endpoint: str | None = setting(
        "HTTP address that hands out tokens (LiveKit's token endpoint)", example="https://example.com/api/token"
    )
    room: str | None = setting("room to join; required with an API key", example="yard")
    identity: str | None = setting("our identity in the room; required with an API key", example="yard-pi")
    can_subscribe: Flag | None = setting("let minted tokens subscribe too", "false", example=False)
    name: str | None = setting("name that others see", "as in the token", example="The yard")
    metadata: str | None = setting("metadata of our participant", "as in the token", example="")
    attributes: dict[str, str] | None = setting(
        "attributes of our participant", "as in the token", example={"site": "yard"}
    )
    ice: IceSection | None = setting("how a path to the server is found")


class LogSection(Section):
    """What is logged."""

    level: LogLevel | None = setting(
        "the least important message that is logged; LKEDGE_LOG changes it for single modules", "info", example="info"
    )


class ControlSection(Section):
    """How the running daemon is seen and changed: docs/control.md."""

    socket: str | None = setting(
        'Unix socket of the HTTP interface; "" for none',
        "/run/lkedge/control.sock; for an ordinary user $XDG_RUNTIME_DIR/lkedge/control.sock",
        example="/run/lkedge/control.sock",
        max_length=100,
    )
    socket_group: str | None = setting(
        "group whose members may change things, beside root and the daemon's own user", "lkedge", example="lkedge"
    )
    allow_read: Literal["group", "everyone"] | None = setting(
        "who may look: the same, or every user of this machine", "group", example="group"
    )
    metrics_port: Whole | None = setting(
        "TCP port of 127.0.0.1 that serves /metrics to everybody on this machine; 0 for none",
        "0",
        example=0,
        ge=0,
        le=65535,
    )
    dbus: Flag | None = setting("offer org.lkedge1 on the system bus too", "true", example=True)


class CaptureSection(Section):
    """What is wanted of a source (capture settings)."""

    width: Whole | None = setting(
        "width of the picture, even",
        "as the source likes best",
        unit="pixels",
        example=1280,
        ge=16,
        le=8192,
        multiple_of=2,
    )
    height: Whole | None = setting(
        "height of the picture, even",
        "as the source likes best",
        unit="pixels",
        example=720,
        ge=16,
        le=8192,
        multiple_of=2,
    )
    framerate: Number | None = setting(
        "pictures per second", "as the source likes best", unit="1/s", example=30, gt=0, le=240
    )
    channels: Whole | None = setting("channels of sound: 1 or 2", "1, or 2 with stereo", example=1, ge=1, le=2)
    source_idle_after: Number | None = setting(
        "the source is closed when nobody has wanted it for so long", "2", unit="seconds", example=2, ge=0, le=3600
    )
    echo_cancellation: Flag | None = setting(
        "take what the loudspeaker plays out of the sound; needs an audio processor (lkedge-apm)",
        "false",
        example=False,
    )
    noise_suppression: Flag | None = setting(
        "suppress steady noise; needs an audio processor", MICROPHONE, example=False
    )
    auto_gain_control: Flag | None = setting(
        "bring voices to an even loudness; needs an audio processor", MICROPHONE, example=False
    )
    high_pass_filter: Flag | None = setting(
        "take out rumble below the voice; needs an audio processor", "false", example=False
    )


class EncodingSection(Section):
    """The limits of one encoding."""

    max_bitrate: Whole | None = setting(
        "most bits per second", "by the size of the capture", unit="bit/s", example=1_700_000, ge=10_000, le=100_000_000
    )
    max_framerate: Number | None = setting(
        "most pictures per second", "that of the capture", unit="1/s", example=30, gt=0, le=240
    )


class LayerSection(Section):
    """One lower simulcast layer, spelled out."""

    width: Whole = Field(description="width in pixels, even", ge=16, le=8192, multiple_of=2)
    height: Whole = Field(description="height in pixels, even", ge=16, le=8192, multiple_of=2)
    max_bitrate: Whole = Field(description="most bits per second", ge=10_000, le=100_000_000)
    max_framerate: Number | None = setting("most pictures per second", "that of the capture", gt=0, le=240)


Layer = Annotated[
    Annotated[VideoPreset, Tag("preset")] | Annotated[LayerSection, Tag("layer")],
    Discriminator(lambda value: "layer" if isinstance(value, (dict, LayerSection)) else "preset"),
]


class PublishSection(Section):
    """How a track is published (publish settings)."""

    video_codec: VideoCodec | None = setting("codec of the picture", "vp8", example="vp8")
    video_encoding: EncodingSection | None = setting(
        "limits of the top layer", "by the size of the capture", example={"max_bitrate": 1_700_000, "max_framerate": 30}
    )
    screen_share_encoding: EncodingSection | None = setting(
        "the same for tracks published as screen_share",
        "by the size of the capture",
        example={"max_bitrate": 2_500_000, "max_framerate": 15},
    )
    simulcast: Flag | None = setting("send the picture in up to three sizes", "true", example=True)
    video_simulcast_layers: list[Layer] | None = setting(
        "the layers below the top one: names of presets, or { width, height, max_bitrate, max_framerate }",
        '["h180", "h360"], or fewer for a small capture',
        example=["h180", "h360"],
        max_length=3,
    )
    dynacast: Flag | None = setting(
        "stop layers that nobody watches, sound that nobody hears, and then the source", "true", example=True
    )
    audio_bitrate: Annotated[Whole, Field(ge=6_000, le=510_000)] | AudioPreset | None = setting(
        "bits per second of sound, or the name of a preset",
        "music, or music_stereo with two channels",
        unit="bit/s",
        example=48_000,
    )
    dtx: Flag | None = setting("send nearly nothing in silence", "true, or false with two channels", example=True)
    red: Flag | None = setting("send sound twice against loss (RFC 2198)", "false", example=False)
    fec: Flag | None = setting("Opus forward error correction", "true", example=True)
    stereo: Flag | None = setting("publish two channels", "false, or true with channels = 2", example=False)
    encoder: str | None = setting(
        'name of an encoder, or "auto" for the best; see `lkedge plugins`', "auto", example="auto"
    )
    stream: str | None = setting(
        "tracks with the same stream are kept in lip sync", "one for all tracks", example="main"
    )


class TrackSection(Section):
    """One track. The settings of its source stand in a table named like the source."""

    name: str = Field(
        description="name of the track, as others see it",
        min_length=1,
        max_length=200,
        json_schema_extra={"x-example": "front"},
    )
    source: str = Field(
        description="what delivers picture or sound; see `lkedge plugins`", json_schema_extra={"x-example": "testsrc"}
    )
    publish_as: TrackSource | None = setting(
        "what the track is for others", "camera for pictures, microphone for sound", example="camera"
    )
    enabled: Flag | None = setting("publish this track", "true", example=True)
    muted: Flag | None = setting("begin muted", "false", example=False)
    isolation: Isolation | None = setting(
        "where source and encoders run: a process of their own, or a thread of the daemon", "process", example="process"
    )
    capture: CaptureSection | None = setting("capture settings of this track", "[capture_defaults]")
    publish: PublishSection | None = setting("publish settings of this track", "[publish_defaults]")


class FileSection(Section):
    """A whole configuration file."""

    livekit: LiveKitSection | None = setting("the server, and who we are there")
    log: LogSection | None = setting("what is logged")
    control: ControlSection | None = setting("how the running daemon is seen and changed")
    capture_defaults: CaptureSection | None = setting("capture settings of all tracks that do not say otherwise")
    publish_defaults: PublishSection | None = setting("publish settings of all tracks that do not say otherwise")
    track: list[TrackSection] | None = setting("the tracks")
    plugin: dict[str, dict[str, Any]] | None = setting("settings of plugins themselves, each in a table of its name")
