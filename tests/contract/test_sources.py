"""The source contracts on the built-in sources, and on fakes that break them."""

from __future__ import annotations

import threading
import time
from pathlib import Path
from typing import Any

import pytest

from lkedge.builtin.file import FileAudioSource, FileVideoSource
from lkedge.builtin.options import FileOptions, TestSourceOptions, ToneOptions
from lkedge.builtin.testsrc import TestSource
from lkedge.builtin.tone import ToneSource
from lkedge.errors import SourceClosed, SourceLost, SourceUnavailable
from lkedge.media.frame import AudioFrame, EncodedFrame, VideoFrame
from lkedge.plugin.api import AudioCaptureSettings, AudioFormat, AudioSource, VideoCaptureSettings, VideoFormat
from lkedge.terms import Codec
from lkedge.testing import clips
from lkedge.testing.fakes import EncodedSource, FlakyOptions, FlakySource, PatternSource
from lkedge.testing.source_contract import AudioSourceContract, VideoSourceContract

SMALL = VideoCaptureSettings(320, 180, 60.0)


class TestTestSource(VideoSourceContract):
    capabilities = frozenset({"two_at_once", "missing"})

    def make_source(self, tmp_path: Path) -> TestSource:
        return TestSource(SMALL, TestSourceOptions())

    def make_missing_source(self, tmp_path: Path) -> TestSource:
        return TestSource(VideoCaptureSettings(16, 16), TestSourceOptions())


class TestToneSource(AudioSourceContract):
    capabilities = frozenset({"two_at_once", "missing"})

    def make_source(self, tmp_path: Path) -> ToneSource:
        return ToneSource(AudioCaptureSettings(2), ToneOptions())

    def make_missing_source(self, tmp_path: Path) -> ToneSource:
        return ToneSource(AudioCaptureSettings(7), ToneOptions())


class FileContract:
    """What the file sources have in common."""

    capabilities = frozenset({"two_at_once", "missing", "ends"})
    opens = 8

    def clip(self, tmp_path: Path) -> Path:
        raise NotImplementedError

    def make(self, options: FileOptions) -> Any:
        return FileVideoSource(VideoCaptureSettings(codec=Codec.H264), options)

    def make_source(self, tmp_path: Path) -> Any:
        path = self.clip(tmp_path)
        return self.make(FileOptions(str(path), loop=True))

    def make_missing_source(self, tmp_path: Path) -> Any:
        return self.make(FileOptions(str(tmp_path / "nothing.mp4")))

    def make_ending_source(self, tmp_path: Path) -> Any:
        return self.make(FileOptions(str(self.clip(tmp_path)), loop=False))


class TestDecodedFile(FileContract, VideoSourceContract):
    def clip(self, tmp_path: Path) -> Path:
        path = tmp_path / "clip.mkv"
        return path if path.exists() else clips.write_video(path, "libvpx", frames=12, deadline="realtime")


class TestUncompressedFile(FileContract, VideoSourceContract):
    def clip(self, tmp_path: Path) -> Path:
        path = tmp_path / "clip.y4m"
        return path if path.exists() else clips.write_video(path, "wrapped_avframe", frames=12)


class TestRawVideoInContainer(FileContract, VideoSourceContract):
    def clip(self, tmp_path: Path) -> Path:
        path = tmp_path / "clip.nut"
        return path if path.exists() else clips.write_video(path, "rawvideo", frames=12)


class TestPassedThroughFile(FileContract, VideoSourceContract):
    def clip(self, tmp_path: Path) -> Path:
        path = tmp_path / "clip.mp4"
        return path if path.exists() else clips.write_video(path, "libx264", frames=12, bf="0", preset="ultrafast")


class TestDecodedSound(FileContract, AudioSourceContract):
    def clip(self, tmp_path: Path) -> Path:
        path = tmp_path / "sound.wav"
        return path if path.exists() else clips.write_audio(path, "pcm_s16le", seconds=0.33, rate=44_100)

    def make(self, options: FileOptions) -> Any:
        return FileAudioSource(AudioCaptureSettings(1), options)


class TestPassedThroughSound(FileContract, AudioSourceContract):
    def clip(self, tmp_path: Path) -> Path:
        path = tmp_path / "sound.ogg"
        return path if path.exists() else clips.write_audio(path, "libopus", seconds=0.3)

    def make(self, options: FileOptions) -> Any:
        return FileAudioSource(AudioCaptureSettings(1), options)


class TestPatternSource(VideoSourceContract):
    capabilities = frozenset({"two_at_once"})

    def make_source(self, tmp_path: Path) -> PatternSource:
        return PatternSource()


class TestEncodedSource(VideoSourceContract):
    def make_source(self, tmp_path: Path) -> EncodedSource:
        return EncodedSource()


class TestVanishingSource(VideoSourceContract):
    capabilities = frozenset({"vanishes", "ends", "missing"})

    def make_source(self, tmp_path: Path) -> VanishingSource:
        return VanishingSource()

    def make_missing_source(self, tmp_path: Path) -> FlakySource:
        return FlakySource(VideoCaptureSettings(), FlakyOptions("unavailable"))

    def make_ending_source(self, tmp_path: Path) -> FlakySource:
        return FlakySource(VideoCaptureSettings(), FlakyOptions("ends"))

    def vanish(self, source: VanishingSource) -> None:
        source.is_gone = True


class VanishingSource(PatternSource):
    is_gone = False

    def read(self) -> VideoFrame | EncodedFrame:
        if self.is_gone:
            raise SourceLost("it is gone")
        return super().read()


class LeakySource(PatternSource):
    """Leaves a thread behind at every opening."""

    stop = threading.Event()

    def open(self) -> VideoFormat:
        threading.Thread(target=self.stop.wait, daemon=True).start()
        return super().open()


class DeafSource(PatternSource):
    """Goes on for some more seconds after close."""

    def read(self) -> VideoFrame | EncodedFrame:
        if self.count > 80:
            raise SourceClosed("at last")
        return super().read()

    def close(self) -> None:
        pass


class WrongErrorSource(PatternSource):
    """Ends a read with some error of its own."""

    def read(self) -> VideoFrame | EncodedFrame:
        try:
            return super().read()
        except SourceClosed as error:
            raise SourceLost("closed") from error


class FragileSource(PatternSource):
    """Cannot be closed twice."""

    def close(self) -> None:
        if self._pace.is_closed:
            raise ValueError("already closed")
        super().close()


class StuckClockSource(PatternSource):
    """Gives every frame the time of its opening."""

    def _make(self, captured_ns: int) -> VideoFrame | EncodedFrame:
        return super()._make(42)


class OverwritingSource(PatternSource):
    """Uses one block for all frames."""

    def _make(self, captured_ns: int) -> VideoFrame | EncodedFrame:
        block = self.__dict__.setdefault("block", self._pool.take())
        block.memory[0] = self.count % 256
        return self._pool.frame(block, captured_ns)


class OtherSizeSource(PatternSource):
    """Announces a size that its frames do not have."""

    def open(self) -> VideoFormat:
        super().open()
        return VideoFormat(640, 360, 30.0)


class SilentlyMissingSource(PatternSource):
    """Opens although its device is missing."""


class UnevenSound(AudioSource):
    """Every other frame is late by a sample, and one is short."""

    def __init__(self) -> None:
        self._count = 0

    def open(self) -> AudioFormat:
        return AudioFormat(1)

    def read(self) -> AudioFrame:
        self._count += 1
        time.sleep(0.001)
        return AudioFrame(bytes(1900), 1, self._count * 20_000_000 + self._count % 2 * 20_833)

    def close(self) -> None:
        pass


BROKEN = [
    (LeakySource, "test_opens_and_closes_without_leaking"),
    (DeafSource, "test_close_ends_a_blocked_read"),
    (WrongErrorSource, "test_close_ends_a_blocked_read"),
    (WrongErrorSource, "test_read_after_close_raises_source_closed"),
    (FragileSource, "test_may_be_closed_any_number_of_times"),
    (StuckClockSource, "test_capture_times_rise_strictly"),
    (StuckClockSource, "test_capture_times_are_of_the_monotonic_clock"),
    (OverwritingSource, "test_a_frame_is_not_written_after_hand_over"),
    (OtherSizeSource, "test_frames_are_as_announced"),
    (SilentlyMissingSource, "test_missing_device_is_unavailable"),
    (PatternSource, "test_vanished_device_is_lost"),
    (UnevenSound, "test_frames_are_exactly_20_ms_apart"),
    (UnevenSound, "test_frames_are_as_announced"),
]


@pytest.mark.parametrize(("broken", "test"), BROKEN, ids=lambda value: getattr(value, "__name__", value))
def test_contract_notices(broken: type[Any], test: str, tmp_path: Path) -> None:
    contract = contract_of(broken)
    with pytest.raises((AssertionError, pytest.fail.Exception, ValueError, SourceLost)):
        getattr(contract, test)(tmp_path)
    LeakySource.stop.set()


def test_undeclared_capability_is_skipped_with_its_name(tmp_path: Path) -> None:
    contract = TestPatternSource()
    with pytest.raises(pytest.skip.Exception, match="vanishes"):
        contract.test_vanished_device_is_lost(tmp_path)


def contract_of(broken: type[Any]) -> VideoSourceContract | AudioSourceContract:
    base: type[Any] = AudioSourceContract if issubclass(broken, AudioSource) else VideoSourceContract

    class Contract(base):  # type: ignore[misc]
        capabilities = frozenset({"missing", "vanishes", "ends", "two_at_once"})
        opens = 3

        def make_source(self, tmp_path: Path) -> Any:
            return broken()

        make_missing_source = make_source

        def vanish(self, source: Any) -> None:
            pass

    return Contract()


def test_message_of_a_missing_file_says_what_to_do(tmp_path: Path) -> None:
    source = FileVideoSource(VideoCaptureSettings(), FileOptions(str(tmp_path / "no.mp4")))
    with pytest.raises(SourceUnavailable, match=r"no\.mp4 does not exist; correct `path`"):
        source.open()
