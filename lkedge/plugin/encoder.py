"""Encoders of pictures and of sound."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass

from lkedge.media.frame import AudioFrame, EncodedFrame, VideoFrame
from lkedge.terms import BitsPerSecond, Codec, Rid


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
            it to keep its bitrate (never when `key_frame` was asked for). Hardware that is
            slow may give the frame of the picture before, and None for the first one.

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
