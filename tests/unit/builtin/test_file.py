from __future__ import annotations

import contextlib
import ctypes
import logging
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from lkedge.builtin import file, pace
from lkedge.builtin.file import FileAudioSource, FileVideoSource
from lkedge.builtin.file_audio import opus_duration_us
from lkedge.builtin.file_timeline import LoopTimeline
from lkedge.builtin.options import FileOptions
from lkedge.builtin.picture import plane_rows
from lkedge.builtin.strip import number_of
from lkedge.clock import SECOND_NS
from lkedge.errors import SourceEnded, SourceLost, SourceUnavailable
from lkedge.media.frame import AudioFrame, EncodedFrame, VideoFrame
from lkedge.plugin.api import AudioCaptureSettings, AudioFormat, VideoCaptureSettings, VideoFormat
from lkedge.terms import Codec
from lkedge.testing import clips

X264: dict[str, Any] = {"preset": "ultrafast", "bf": "0", "g": "10"}


class FakeTime:
    def __init__(self) -> None:
        self.now_ns = SECOND_NS

    def monotonic_ns(self) -> int:
        return self.now_ns

    def sleep(self, seconds: float) -> None:
        self.now_ns += round(seconds * SECOND_NS)


@pytest.fixture(autouse=True)
def clock(monkeypatch: pytest.MonkeyPatch) -> FakeTime:
    """Files play as fast as they can be read."""
    fake = FakeTime()
    monkeypatch.setattr(file, "time", fake)
    monkeypatch.setattr(pace, "time", fake)
    return fake


def video(path: Path, codec: Codec | None = None, loop: bool = True, passthrough: str = "auto") -> FileVideoSource:
    return FileVideoSource(VideoCaptureSettings(codec=codec), FileOptions(str(path), loop, passthrough))


def audio(path: Path, loop: bool = True, passthrough: str = "auto", channels: int = 1) -> FileAudioSource:
    return FileAudioSource(AudioCaptureSettings(channels), FileOptions(str(path), loop, passthrough))


def number(frame: VideoFrame | EncodedFrame) -> int | None:
    """The number that `clips.picture` painted into the first rows."""
    assert isinstance(frame, VideoFrame)
    assert len(frame.planes) == len(plane_rows(frame))
    row = np.frombuffer(ctypes.string_at(frame.planes[0].pointer + 3 * frame.planes[0].stride, frame.width), np.uint8)
    cells = row[np.arange(40) * frame.width // 40 + frame.width // 80]
    return number_of(int("".join("1" if cell > 126 else "0" for cell in cells), 2))


CONTAINERS: list[tuple[str, str, dict[str, Any]]] = [
    ("clip.y4m", "wrapped_avframe", {}),
    ("clip.nut", "rawvideo", {}),
    ("clip.avi", "rawvideo", {}),
    ("clip.mp4", "libx264", {**X264, "bf": "2"}),
    ("clip.webm", "libvpx", {"deadline": "realtime"}),
    ("clip.mov", "mpeg4", {"qmax": "3"}),
]


@pytest.mark.parametrize(("name", "codec", "options"), CONTAINERS, ids=[item[0] for item in CONTAINERS])
def test_every_picture_comes_once_and_in_order_over_the_loop(
    name: str, codec: str, options: dict[str, Any], tmp_path: Path
) -> None:
    source = video(clips.write_video(tmp_path / name, codec, frames=8, **options))
    assert source.open() == VideoFormat(320, 180, 30.0)
    frames = [source.read() for _ in range(20)]
    assert [number(frame) for frame in frames] == [index % 8 for index in range(20)]
    source.close()


@pytest.mark.parametrize(("name", "codec", "options"), CONTAINERS[:4], ids=[item[0] for item in CONTAINERS[:4]])
def test_capture_times_go_on_evenly_over_the_loop(
    name: str, codec: str, options: dict[str, Any], tmp_path: Path
) -> None:
    source = video(clips.write_video(tmp_path / name, codec, frames=6, **options))
    source.open()
    times = [source.read().captured_ns for _ in range(15)]
    steps = [later - earlier for earlier, later in pairwise(times)]
    assert min(steps) > 30_000_000
    assert max(steps) < 37_000_000
    source.close()


def test_without_loop_it_ends_after_the_last_picture(tmp_path: Path) -> None:
    source = video(clips.write_video(tmp_path / "clip.mp4", "libx264", frames=5, **X264), loop=False)
    source.open()
    assert [number(source.read()) for _ in range(5)] == [0, 1, 2, 3, 4]
    with pytest.raises(SourceEnded):
        source.read()
    source.close()


def test_h264_is_passed_through_as_annex_b_with_parameter_sets(tmp_path: Path) -> None:
    path = clips.write_video(tmp_path / "clip.mp4", "libx264", frames=15, **X264)
    source = video(path, Codec.H264)
    assert source.open().codec is Codec.H264
    frames = [source.read() for _ in range(40)]
    source.close()
    assert all(isinstance(frame, EncodedFrame) and frame.data.startswith(b"\x00\x00") for frame in frames)
    keys = [frame for frame in frames if isinstance(frame, EncodedFrame) and frame.is_key]
    assert len(keys) == 5
    assert all(b"\x00\x00\x01\x67" in frame.data and b"\x00\x00\x01\x68" in frame.data for frame in keys)
    assert len(decoded("h264", frames)) == 40


def test_h264_in_a_transport_stream_has_its_parameter_sets_too(tmp_path: Path) -> None:
    path = clips.write_video(tmp_path / "clip.ts", "libx264", frames=15, **X264)
    source = video(path, Codec.H264)
    source.open()
    first = source.read()
    source.close()
    assert isinstance(first, EncodedFrame)
    assert first.is_key
    assert b"\x00\x00\x01\x67" in first.data


def test_vp8_is_passed_through(tmp_path: Path) -> None:
    source = video(clips.write_video(tmp_path / "clip.webm", "libvpx", frames=6, deadline="realtime"), Codec.VP8)
    assert source.open().codec is Codec.VP8
    frames = [source.read() for _ in range(12)]
    source.close()
    assert [index for index, frame in enumerate(frames) if isinstance(frame, EncodedFrame) and frame.is_key] == [0, 6]
    assert len(decoded("vp8", frames)) == 12


def test_other_codec_than_the_track_is_decoded_silently(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    source = video(clips.write_video(tmp_path / "clip.mp4", "libx264", frames=5, **X264), Codec.VP8)
    with caplog.at_level(logging.INFO):
        assert source.open().codec is None
    source.close()
    assert not caplog.messages


def test_b_frames_are_decoded_and_the_log_says_why(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = clips.write_video(tmp_path / "clip.mp4", "libx264", frames=20, bf="2", preset="medium")
    source = video(path, Codec.H264)
    with caplog.at_level(logging.INFO):
        assert source.open().codec is None
    source.close()
    assert caplog.messages == [f"{path} is decoded and encoded again, not passed through: it has B-frames"]


def test_passthrough_never_decodes_and_always_refuses_what_it_cannot(tmp_path: Path) -> None:
    path = clips.write_video(tmp_path / "clip.mp4", "libx264", frames=20, bf="2", preset="medium")
    never = video(path, Codec.H264, passthrough="never")
    assert never.open().codec is None
    never.close()
    with pytest.raises(SourceUnavailable, match=r"clip\.mp4 cannot be passed through: it has B-frames"):
        video(path, Codec.H264, passthrough="always").open()


def test_odd_sizes_lose_their_last_row_and_column(tmp_path: Path) -> None:
    source = video(clips.write_video(tmp_path / "clip.avi", "mpeg4", frames=3, width=321, height=181))
    announced, frame = source.open(), source.read()
    source.close()
    assert (announced.width, announced.height) == (frame.width, frame.height) == (320, 180)


def test_sound_is_cut_to_exact_frames_and_resampled(tmp_path: Path) -> None:
    source = audio(clips.write_audio(tmp_path / "sound.wav", "pcm_s16le", seconds=0.25, rate=44_100))
    assert source.open() == AudioFormat(1)
    frames = [source.read() for _ in range(40)]
    source.close()
    assert {len(frame.samples) for frame in frames if isinstance(frame, AudioFrame)} == {1920}
    assert {later.captured_ns - earlier.captured_ns for earlier, later in pairwise(frames)} == {20_000_000}
    samples = np.concatenate([np.frombuffer(f.samples, np.int16) for f in frames if isinstance(f, AudioFrame)])
    spectrum = np.abs(np.fft.rfft(samples[:9600]))
    assert int(spectrum.argmax()) * 48_000 / 9600 == pytest.approx(1000, abs=5)


def test_mono_becomes_stereo_when_the_track_is_stereo(tmp_path: Path) -> None:
    source = audio(clips.write_audio(tmp_path / "sound.wav", "pcm_s16le", seconds=0.2), channels=2)
    assert source.open() == AudioFormat(2)
    frame = source.read()
    source.close()
    assert isinstance(frame, AudioFrame)
    assert len(frame.samples) == 3840


def test_opus_of_20_ms_is_passed_through(tmp_path: Path) -> None:
    source = audio(clips.write_audio(tmp_path / "sound.ogg", "libopus", seconds=0.2))
    assert source.open().codec is Codec.OPUS
    frames = [source.read() for _ in range(25)]
    source.close()
    assert all(isinstance(frame, EncodedFrame) and opus_duration_us(frame.data) == 20_000 for frame in frames)
    assert {later.captured_ns - earlier.captured_ns for earlier, later in pairwise(frames)} == {20_000_000}


def test_opus_of_60_ms_is_decoded(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    source = audio(clips.write_audio(tmp_path / "sound.ogg", "libopus", seconds=0.5, frame_duration="60"))
    with caplog.at_level(logging.INFO):
        assert source.open().codec is None
    source.close()
    assert "its packets last 60 ms, not 20" in caplog.text


@pytest.mark.parametrize(
    ("packet", "microseconds"),
    [
        (b"", 0),
        (bytes([0 << 3]), 10_000),
        (bytes([3 << 3]), 60_000),
        (bytes([13 << 3]), 20_000),
        (bytes([16 << 3]), 2_500),
        (bytes([31 << 3 | 1]), 40_000),
        (bytes([30 << 3 | 3, 2]), 20_000),
    ],
)
def test_duration_of_an_opus_packet(packet: bytes, microseconds: int) -> None:
    assert opus_duration_us(packet) == microseconds


def missing(path: Path) -> Path:
    return path / "none.mp4"


def directory(path: Path) -> Path:
    return path


def damaged(path: Path) -> Path:
    (path / "bad.mp4").write_bytes(b"\x00\x01" * 4000)
    return path / "bad.mp4"


def empty_y4m(path: Path) -> Path:
    (path / "empty.y4m").write_bytes(b"YUV4MPEG2 W320 H180 F0:0 C420\n")
    return path / "empty.y4m"


def sound_only(path: Path) -> Path:
    return clips.write_audio(path / "sound.wav", "pcm_s16le", seconds=0.1)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (missing, r"none\.mp4 does not exist; correct `path`"),
        (directory, r"is a directory; `path` must name a media file"),
        (damaged, r"bad\.mp4 is no media file that FFmpeg knows, or it is damaged .* ffprobe"),
        (empty_y4m, r"empty\.y4m has a damaged y4m header"),
        (sound_only, r"sound\.wav has no video stream; choose another file, or set publish_as"),
    ],
)
def test_what_cannot_be_played_is_named_with_a_remedy(
    make: Callable[[Path], Path], message: str, tmp_path: Path
) -> None:
    source = video(make(tmp_path))
    with pytest.raises(SourceUnavailable, match=message):
        source.open()
    source.close()


def test_file_that_is_cut_off_plays_as_far_as_it_goes(tmp_path: Path) -> None:
    path = clips.write_video(tmp_path / "clip.mkv", "libx264", frames=30, **X264)
    data = path.read_bytes()
    path.write_bytes(data[: len(data) * 2 // 3])
    source = video(path, loop=False)
    source.open()
    count = sum(1 for _ in until_the_end(source))
    source.close()
    assert 5 < count < 30


def test_reader_that_falls_behind_goes_on_from_now(tmp_path: Path, clock: FakeTime) -> None:
    source = video(clips.write_video(tmp_path / "clip.y4m", "wrapped_avframe", frames=8))
    source.open()
    source.read()
    clock.now_ns += 5 * SECOND_NS
    assert source.read().captured_ns == clock.now_ns
    assert source.read().captured_ns - clock.now_ns == 0
    source.close()


def test_timeline_rises_over_loops_and_bad_stamps() -> None:
    timeline = LoopTimeline(40)
    assert [timeline.at(time_ns) for time_ns in (1000, 1040, 1040, None, 1120)] == [0, 40, 41, 81, 120]
    timeline.restart()
    assert [timeline.at(time_ns, 10) for time_ns in (1000, 1040)] == [160, 200]
    timeline.restart()
    assert timeline.at(0) == 210


def until_the_end(source: FileVideoSource) -> Iterator[VideoFrame | EncodedFrame]:
    with contextlib.suppress(SourceEnded, SourceLost):
        while True:
            yield source.read()


def decoded(codec: str, frames: list[VideoFrame | EncodedFrame]) -> list[av.VideoFrame]:
    context = av.CodecContext.create(codec, "r")
    pictures: list[av.VideoFrame] = []
    for frame in frames:
        assert isinstance(frame, EncodedFrame)
        pictures += context.decode(av.Packet(frame.data))  # type: ignore[attr-defined]
    return pictures + context.decode(None)  # type: ignore[attr-defined,no-any-return]
