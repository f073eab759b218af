# lkedge: pure
"""The resolved configuration: every default applied, every path absolute. What the daemon reads.

Sizes are in pixels, bitrates in bits per second, times in seconds. All values are frozen
and compare by content, so a reload is a comparison of two of these.
What a file may say is in `lkedge.config.sections`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lkedge.media.layers import (
    Preset,
    SimulcastLayer,
    VideoEncoding,
    default_encoding,
    simulcast_ladder,
    single_layer,
)
from lkedge.terms import BitsPerSecond, Codec, IceServer, Isolation, TrackKind, TrackSource

if TYPE_CHECKING:
    from lkedge.config.document import Document

AUTO = ""
"""`encoder` when the highest rank decides."""


@dataclass(frozen=True, slots=True)
class TokenFile:
    """A ready token; the file is read again before every join."""

    path: Path


@dataclass(frozen=True, slots=True)
class ApiKey:
    """A key pair that mints tokens for `room` and `identity`."""

    key: str
    secret: str = field(repr=False)
    room: str
    identity: str
    can_subscribe: bool = False


@dataclass(frozen=True, slots=True)
class TokenEndpoint:
    """An HTTP service that hands out tokens (LiveKit's standardized token endpoint).

    room, identity: what to ask for; "" leaves it to the service.
    """

    url: str
    room: str = ""
    identity: str = ""


Credentials = TokenFile | ApiKey | TokenEndpoint


@dataclass(frozen=True, slots=True)
class IceConfig:
    """servers: None takes those of the join response. loopback: None decides by the server's address."""

    servers: tuple[IceServer, ...] | None = None
    ipv6: bool = True
    loopback: bool | None = None


@dataclass(frozen=True, slots=True)
class LiveKitConfig:
    """Where to connect and as whom.

    url: ws:// or wss://; "" only with a token endpoint, which then names the server.
    name, metadata, attributes: of our participant; None and {} leave what the token says.
    """

    url: str
    credentials: Credentials
    ice: IceConfig = IceConfig()
    name: str | None = None
    metadata: str | None = None
    attributes: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ControlConfig:
    """How the daemon is controlled.

    socket: of the HTTP interface; None for none. socket_group: may be "" or unknown here; then
        only root and the daemon's own user may change things.
    is_open_to_read: every user of the machine may look.
    metrics_port: of 127.0.0.1; 0 for none. dbus: offer org.lkedge1 on the system bus.
    instance: of lkedge@INSTANCE.service; "" for lkedge.service, and for a daemon of one's own.
    """

    socket: Path | None = None
    socket_group: str = "lkedge"
    is_open_to_read: bool = False
    metrics_port: int = 0
    dbus: bool = True
    instance: str = ""


@dataclass(frozen=True, slots=True)
class CaptureConfig:
    """What is wanted of a source; 0 means: as the source likes best.

    source_idle_after_s: the source is closed when nobody has wanted it for so long.
    echo_cancellation ... high_pass_filter: of sound; None lets the source decide.
    """

    width: int = 0
    height: int = 0
    framerate: float = 0.0
    channels: int = 1
    source_idle_after_s: float = 2.0
    echo_cancellation: bool | None = None
    noise_suppression: bool | None = None
    auto_gain_control: bool | None = None
    high_pass_filter: bool | None = None


@dataclass(frozen=True, slots=True)
class VideoPublish:
    """How a video track is published.

    max_bitrate, max_framerate: of the top layer; None follows the capture.
    lower_layers: low to high; empty for the default ladder.
    encoder: a name, or AUTO. stream: tracks of one stream are kept in lip sync.
    """

    video_codec: Codec = Codec.VP8
    max_bitrate: BitsPerSecond | None = None
    max_framerate: float | None = None
    simulcast: bool = True
    lower_layers: tuple[Preset, ...] = ()
    dynacast: bool = True
    encoder: str = AUTO
    stream: str = ""
    is_screen_share: bool = False

    def encoding(self, width: int, height: int, framerate: float) -> VideoEncoding:
        """The limits of the top layer for what the source delivers."""
        default = default_encoding(width, height, is_screen_share=self.is_screen_share)
        wanted = self.max_framerate or framerate or default.max_framerate
        return VideoEncoding(self.max_bitrate or default.max_bitrate, min(wanted, framerate) if framerate else wanted)

    def layers(self, width: int, height: int, framerate: float) -> tuple[SimulcastLayer, ...]:
        """The layers for what the source delivers, low to high."""
        encoding = self.encoding(width, height, framerate)
        if not self.simulcast:
            return single_layer(width, height, encoding)
        return simulcast_ladder(width, height, encoding, self.lower_layers, is_screen_share=self.is_screen_share)


@dataclass(frozen=True, slots=True)
class AudioPublish:
    """How an audio track is published; `dynacast`, `encoder` and `stream` as in VideoPublish."""

    audio_bitrate: BitsPerSecond = BitsPerSecond(48_000)
    dtx: bool = True
    red: bool = False
    fec: bool = True
    stereo: bool = False
    dynacast: bool = True
    encoder: str = AUTO
    stream: str = ""


@dataclass(frozen=True, slots=True)
class TrackConfig:
    """One track with everything merged.

    source_options: the settings of its source, complete and checked; plain values that
        survive JSON, for `lkedge.plugin.options.build_options` in the worker.
    """

    name: str
    source: str
    publish_as: TrackSource
    publish: VideoPublish | AudioPublish
    capture: CaptureConfig = CaptureConfig()
    source_options: Mapping[str, Any] = field(default_factory=dict)
    enabled: bool = True
    muted: bool = False
    isolation: Isolation = Isolation.PROCESS

    @property
    def kind(self) -> TrackKind:
        return self.publish_as.kind


@dataclass(frozen=True, slots=True)
class Config:
    """Everything.

    tracks: in the order of the files, disabled ones too.
    log_level: "debug", "info", "warning" or "error".
    files: what was read, in the order of reading.
    plugins: complete and checked settings of the plugins that have a table, by plugin; plain
        values as in TrackConfig.source_options.
    document: what it was made of, for changes at run time; not compared.
    """

    livekit: LiveKitConfig
    tracks: tuple[TrackConfig, ...] = ()
    log_level: str = "info"
    files: tuple[Path, ...] = ()
    control: ControlConfig = ControlConfig()
    plugins: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    document: Document | None = field(default=None, repr=False, compare=False)
