"""Sources of pictures and of sound: what is wanted of them, what they deliver, and what can be set while they run."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from lkedge.errors import SourceError
from lkedge.media.frame import AudioFrame, EncodedFrame, VideoFrame
from lkedge.terms import Codec


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
