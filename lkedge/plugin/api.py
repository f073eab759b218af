"""All that a plugin imports: the contracts of sources, encoders and processors, and their options.

They live in a worker (a process, or a thread for tests). Everything here
is synchronous and blocking; the worker owns the threads. A contract is an abstract class
rather than a Protocol, so that a missing method fails when the object is made.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from lkedge.errors import SourceError
from lkedge.media.frame import AudioFrame, EncodedFrame, VideoFrame
from lkedge.terms import BitsPerSecond, Codec, Rid, TrackKind

API_VERSION = 1
"""Goes up when a contract gains a duty."""


def option(
    default: Any = ...,
    *,
    help: str,
    unit: str = "",
    ge: float | None = None,
    le: float | None = None,
    choices: Sequence[str] = (),
    is_path: bool = False,
) -> Any:
    """One setting of a source or encoder: a field of its frozen options dataclass.

    The loader validates, documents and generates schemas from these; there is no second
    description. Without a default (an Ellipsis) the setting is required. `is_path`: a relative value is
    relative to the configuration file; the loader makes it absolute. A field of type
    `Mapping[str, ControlValue]` is a table of scalars; its default is a dict.
    """
    metadata = {"help": help, "unit": unit, "ge": ge, "le": le, "choices": tuple(choices), "is_path": is_path}
    if isinstance(default, dict):
        return field(default_factory=default.copy, metadata=metadata)
    return field(metadata=metadata) if default is ... else field(default=default, metadata=metadata)


@dataclass(frozen=True)
class NoOptions:
    """The options of something that has none."""


@dataclass(frozen=True, slots=True)
class VideoCaptureSettings:
    """What is wanted of a video source. 0 means: as the source likes best.

    codec: of the track; a source that has it encoded already may deliver it so.
        None: raw pictures only. Set by the worker.
    """

    width: int = 0
    height: int = 0
    framerate: float = 0.0
    codec: Codec | None = None


@dataclass(frozen=True, slots=True)
class AudioCaptureSettings:
    """What is wanted of an audio source. The sample rate is always 48 kHz.

    echo_cancellation, noise_suppression, auto_gain_control, high_pass_filter: done by an
        AudioProcessor behind the source. None: gain and noise suppression are on when the
        source says that it is a microphone and a processor is installed; the others are off.
    """

    channels: int = 1
    echo_cancellation: bool | None = None
    noise_suppression: bool | None = None
    auto_gain_control: bool | None = None
    high_pass_filter: bool | None = None


@dataclass(frozen=True, slots=True)
class VideoFormat:
    """What a video source delivers.

    codec: None for raw pictures; the codec of its `EncodedFrame`s otherwise.
    """

    width: int
    height: int
    framerate: float
    codec: Codec | None = None


@dataclass(frozen=True, slots=True)
class AudioFormat:
    """What an audio source delivers; `codec` as in VideoFormat.

    is_microphone: it is plain sound from a microphone, which gains from processing; False
        for music, files, line inputs and whatever has been processed already.
    """

    channels: int
    codec: Codec | None = None
    is_microphone: bool = False


ControlValue = bool | int | float | str


class ControlKind(StrEnum):
    BOOLEAN = "boolean"
    INTEGER = "integer"
    NUMBER = "number"
    MENU = "menu"
    TEXT = "text"


@dataclass(frozen=True, slots=True)
class Control:
    """One property of an open device that can be seen, and usually set, while it runs.

    name: lower case, words joined by "_": "exposure_time". unit: "" or such as "us", "dB".
    minimum, maximum, step: of numbers; None when the device does not say.
    choices: the names of a menu; its value is one of them.
    is_writable: False for what can only be read now.
    """

    name: str
    kind: ControlKind
    value: ControlValue
    default: ControlValue | None = None
    minimum: float | None = None
    maximum: float | None = None
    step: float | None = None
    choices: tuple[str, ...] = ()
    unit: str = ""
    is_writable: bool = True


class Source(ABC):
    """What sources of pictures and of sound have in common. Made, opened, read and closed in
    one worker, by one thread; only `close` may come from another thread.

    condition: a few words while the source works but has nothing real to show, such as
        "no signal" or "no cable"; "" while all is well. Read by the worker after each `read`.
    """

    condition: str = ""

    @abstractmethod
    def close(self) -> None:
        """Release the device. From any thread, any number of times.

        Raises:
            SourceStuck: the device cannot be released; the worker is replaced.
        """

    def controls(self) -> Sequence[Control]:
        """The controls of the open device, with their present values. By the reading thread, between reads."""
        return ()

    def set_control(self, name: str, value: ControlValue) -> None:
        """Set one control of the open device. By the reading thread, between reads.

        Raises:
            SourceError: there is no such control, it cannot be written, or the value is out
                of its range; names the control, the value and what is allowed.
        """
        raise SourceError(f"there is no control {name!r}: this source has none")


class VideoSource(Source):
    """Delivers pictures."""

    @abstractmethod
    def open(self) -> VideoFormat:
        """Claim the device and start it.

        Raises:
            SourceUnavailable: with the name, the reason and the remedy.
        """

    @abstractmethod
    def read(self) -> VideoFrame | EncodedFrame:
        """The next picture; blocks until it is there, paced by the source.

        `captured_ns` rises strictly. An encoded source sends EncodedFrames with rid "".

        Raises:
            SourceLost: the device has gone or has stalled; SourceStuck, when only another process helps.
            SourceEnded: there is no more, and that is as it should be.
            SourceClosed: closed before, or while waiting (within 1 s of `close`).
        """

    def request_key_frame(self) -> None:
        """Ask an encoded source for a key frame soon. Raw sources do nothing."""


class AudioSource(Source):
    """Delivers sound in frames of exactly 20 ms."""

    @abstractmethod
    def open(self) -> AudioFormat:
        """Claim the device and start it. Raises as VideoSource.open."""

    @abstractmethod
    def read(self) -> AudioFrame | EncodedFrame:
        """The next 20 ms; blocks until they are there. Raises as VideoSource.read."""


@dataclass(frozen=True, slots=True)
class VideoEncoderSettings:
    """What one encoder of one layer must do.

    width, height: of its input and output, even. bitrate: at first.
    max_bitrate: the highest that `set_rate` will ever ask for.
    is_screen_share: prefer sharp text over smooth motion.
    """

    codec: Codec
    rid: Rid
    width: int
    height: int
    framerate: float
    bitrate: BitsPerSecond
    max_bitrate: BitsPerSecond
    is_screen_share: bool = False


class VideoEncoder(ABC):
    """Compresses the pictures of one layer. Used by one thread, in display order, no B-frames."""

    pixel_formats: tuple[str, ...] = ("yuv420p",)
    """What `encode` accepts, the best first; the worker converts."""

    @abstractmethod
    def encode(self, frame: VideoFrame, *, key_frame: bool) -> EncodedFrame | None:
        """Compress one picture of the configured size.

        key_frame: the result must be a key frame. The first result always is one.

        Returns:
            The frame with `captured_ns` of the picture, or None when the encoder dropped
            it to keep its bitrate (never when `key_frame` was asked for).

        Raises:
            EncoderError: the encoder must be rebuilt.
        """

    @abstractmethod
    def set_rate(self, bitrate: BitsPerSecond, framerate: float) -> None:
        """Change the rate without a key frame and without being re-opened."""

    def scale(self, frame: VideoFrame) -> VideoFrame | None:
        """The picture as `encode` wants it, made by hardware from one of another size or format.

        None: there is no such hardware, or not for this picture; the worker does it with the
        processor. The result may lie in memory that a processor reads slowly: it is given to
        `encode`, and to `scale` of lower layers, only.
        """
        return None

    @abstractmethod
    def close(self) -> None:
        """Release it. Any number of times."""


@dataclass(frozen=True, slots=True)
class AudioEncoderSettings:
    """bitrate in bits per second; dtx: discontinuous transmission; fec: in-band FEC
    for `packet_loss_percent`; complexity 0 to 10."""

    channels: int = 1
    bitrate: BitsPerSecond = BitsPerSecond(48_000)
    dtx: bool = True
    fec: bool = True
    packet_loss_percent: int = 5
    complexity: int = 5
    is_music: bool = False


class AudioEncoder(ABC):
    """Compresses sound, 20 ms at a time. Used by one thread."""

    @abstractmethod
    def encode(self, frame: AudioFrame) -> EncodedFrame | None:
        """Compress 20 ms; None when DTX needs nothing sent. Raises EncoderError."""

    @abstractmethod
    def set_rate(self, bitrate: BitsPerSecond) -> None:
        """Change the bitrate at run time."""

    @abstractmethod
    def close(self) -> None:
        """Release it. Any number of times."""


@dataclass(frozen=True, slots=True)
class AudioProcessorSettings:
    """What one processor must do to its sound, and the channels (1 or 2) of that."""

    channels: int = 1
    echo_cancellation: bool = False
    noise_suppression: bool = False
    auto_gain_control: bool = False
    high_pass_filter: bool = False


class AudioProcessor(ABC):
    """Changes sound between source and encoder: 20 ms at a time, in the capture thread of the worker.

    `process` has a few milliseconds at most. One that raises is closed and made anew later;
    the sound goes on unprocessed until then.
    """

    @abstractmethod
    def process(self, frame: AudioFrame) -> AudioFrame:
        """The same 20 ms, processed: as many samples and channels, and the same `captured_ns`.

        frame: is not written to. A step of its `captured_ns` of more than 20 ms is a gap.
        """

    @abstractmethod
    def close(self) -> None:
        """Release it. Any number of times."""


VideoSourceFactory = Callable[[VideoCaptureSettings, Any], VideoSource]
"""Called with the capture settings and an instance of the registration's `options` class."""

AudioSourceFactory = Callable[[AudioCaptureSettings, Any], AudioSource]
VideoEncoderFactory = Callable[[VideoEncoderSettings], VideoEncoder]
AudioEncoderFactory = Callable[[AudioEncoderSettings], AudioEncoder]
AudioProcessorFactory = Callable[[AudioProcessorSettings], AudioProcessor]


@dataclass(frozen=True, slots=True)
class SourceRegistration:
    """One source that a plugin offers.

    name: what `source = "..."` says in the configuration, and `[track.NAME]`.
    kinds: what it can deliver; a file can be both, and `publish_as` or the file decides.
    summary: one line for `lkedge plugins`.
    video, audio: the factories; import the hardware library inside them, not at load.
    options: a frozen dataclass made of `option()` fields.
    """

    name: str
    kinds: frozenset[TrackKind]
    summary: str
    video: VideoSourceFactory | None = None
    audio: AudioSourceFactory | None = None
    options: type[Any] = NoOptions


SOFTWARE_RANK = 100
"""Encoders of this rank and below run anywhere; those above are used after a trial with real pictures only."""


@dataclass(frozen=True, slots=True)
class EncoderRegistration:
    """One encoder that a plugin offers.

    rank: the highest that is usable wins; software has 100, hardware more.
    is_usable: probes this machine; returns the reason why not, or "" when usable.
        Runs in the worker or in a thread, 5 s at most.
    """

    name: str
    codec: Codec
    summary: str
    rank: int = SOFTWARE_RANK
    video: VideoEncoderFactory | None = None
    audio: AudioEncoderFactory | None = None
    is_usable: Callable[[], str] = lambda: ""

    @property
    def is_hardware(self) -> bool:
        """Whether it depends on a device."""
        return self.rank > SOFTWARE_RANK


@dataclass(frozen=True, slots=True)
class ProcessorRegistration:
    """One audio processor that a plugin offers.

    make: import the processing library inside it, not at load.
    rank, is_usable: as in EncoderRegistration; the highest usable rank does all tracks.
    """

    name: str
    summary: str
    make: AudioProcessorFactory
    rank: int = 100
    is_usable: Callable[[], str] = lambda: ""


class DeviceGroup(StrEnum):
    """Where a device stands in the list."""

    CAMERA = "camera"
    HDMI = "hdmi"
    SCREEN = "screen"
    MICROPHONE = "microphone"
    ENCODER = "encoder"


@dataclass(frozen=True, slots=True)
class DeviceInfo:
    """One device that `lkedge devices` lists.

    config: TOML to paste for a track with this device.
    details: facts worth a line each, such as sizes and rates.
    group: None follows from what it is published as.
    """

    plugin: str
    name: str
    kind: TrackKind
    config: str
    details: Mapping[str, str] = field(default_factory=dict)
    group: DeviceGroup | None = None

    @property
    def section(self) -> DeviceGroup:
        """Its group, or what follows from what it is published as."""
        if self.group is not None:
            return self.group
        if self.kind is TrackKind.AUDIO:
            return DeviceGroup.MICROPHONE
        return DeviceGroup.SCREEN if '"screen_share"' in self.config else DeviceGroup.CAMERA
