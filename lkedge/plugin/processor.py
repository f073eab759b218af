"""Processors of sound."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass

from lkedge.media.frame import AudioFrame


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
