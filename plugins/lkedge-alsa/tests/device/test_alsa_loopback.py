"""The source on the kernel's snd-aloop: what is played into one half is captured from the other."""

from __future__ import annotations

import array
import contextlib
import math
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from lkedge_alsa.options import AlsaOptions
from lkedge_alsa.probe import probe
from lkedge_alsa.source import AlsaSource

from lkedge.errors import SourceLost, SourceUnavailable
from lkedge.media.frame import AudioFrame
from lkedge.plugin.api import AudioCaptureSettings
from lkedge.testing.lab import LabDevices, SoundPair
from lkedge.testing.source_contract import AudioSourceContract

pytestmark = pytest.mark.device

FRAME_NS = 20_000_000
DRIVER = Path("/sys/bus/platform/drivers/snd_aloop")
MOST_FRAMES = 500


def make(device: str, channels: int = 1, **options: Any) -> AlsaSource:
    return AlsaSource(AudioCaptureSettings(channels), AlsaOptions(device, **options))


@contextlib.contextmanager
def opened(device: str, channels: int = 1, **options: Any) -> Iterator[AlsaSource]:
    source = make(device, channels, **options)
    source.open()
    try:
        yield source
    finally:
        source.close()


@contextlib.contextmanager
def playing(pair: SoundPair, folder: Path, rate: int = 48_000) -> Iterator[None]:
    """A tone of 440 Hz in stereo, for at most a minute."""
    step = 2 * math.pi * 440 / rate
    second = array.array("h", [round(10_000 * math.sin(step * index)) for index in range(rate) for _ in range(2)])
    tone = folder / "tone.raw"
    tone.write_bytes(second.tobytes() * 60)
    command = ["aplay", "-q", "-D", pair.playback, "-t", "raw", "-f", "S16_LE", "-c", "2", "-r", str(rate), str(tone)]
    player = subprocess.Popen(command)
    try:
        yield
    finally:
        player.terminate()
        player.wait(10)


def read_on(source: AlsaSource) -> None:
    for _ in range(MOST_FRAMES):
        source.read()


def loudness(frame: AudioFrame) -> int:
    return max(map(abs, array.array("h", frame.samples)))


def read_until(source: AlsaSource, is_loud: bool) -> AudioFrame:
    """The third frame of a run that is loud, or silent; within 10 s of sound."""
    run = 0
    for _ in range(MOST_FRAMES):
        frame = source.read()
        run = run + 1 if (loudness(frame) > 5000) is is_loud else 0
        if run == 3:
            return frame
    raise AssertionError(f"no {'sound' if is_loud else 'silence'} in {MOST_FRAMES} frames")


class TestLoopback(AudioSourceContract):
    capabilities = frozenset({"missing"})
    opens = 3

    def make_source(self, tmp_path: Path) -> AlsaSource:
        return make(LabDevices().sound().capture)

    def make_missing_source(self, tmp_path: Path) -> AlsaSource:
        return make("hw:CARD=Nothing")


@pytest.mark.parametrize("rate", [48_000, 44_100])
def test_what_is_played_is_captured(lab_devices: LabDevices, tmp_path: Path, rate: int) -> None:
    """At 44.1 kHz in stereo the card refuses 48 kHz mono, so both are converted."""
    pair = lab_devices.sound()
    with playing(pair, tmp_path, rate):
        wait_until_it_plays(0)
        with opened(pair.capture) as source:
            read_until(source, is_loud=True)
            assert pitch(b"".join(source.read().samples for _ in range(25))) == pytest.approx(440, rel=0.01)


def wait_until_it_plays(subdevice: int) -> None:
    """Only a running player settles the format."""
    status = Path(f"/proc/asound/Loopback/pcm0p/sub{subdevice}/status")
    for _ in range(200):
        if "RUNNING" in status.read_text():
            return
        time.sleep(0.05)
    raise AssertionError("aplay does not play")


def pitch(samples: bytes) -> float:
    """By the median of the periods, since a player on an emulated processor may stumble."""
    signal = array.array("h", samples)
    rises = [index for index in range(1, len(signal)) if signal[index - 1] < 0 <= signal[index]]
    return 48_000 / statistics.median([later - earlier for earlier, later in pairwise(rises)])


def test_a_player_that_stops_leaves_silence_and_another_one_is_heard(lab_devices: LabDevices, tmp_path: Path) -> None:
    pair = lab_devices.sound()
    with opened(pair.capture, channels=2) as source:
        with playing(pair, tmp_path):
            read_until(source, is_loud=True)
        before = read_until(source, is_loud=False)
        with playing(pair, tmp_path):
            assert read_until(source, is_loud=True).captured_ns > before.captured_ns


def test_a_card_in_use_is_told_from_a_missing_one(lab_devices: LabDevices) -> None:
    device = lab_devices.sound().capture
    with opened(device), pytest.raises(SourceUnavailable, match="another program uses it"):
        make(device).open()
    with pytest.raises(SourceUnavailable, match=r"no such sound device.*Loopback"):
        make("hw:CARD=Nothing").open()


def test_a_user_without_rights_is_told_the_group(lab_devices: LabDevices) -> None:
    script = (
        "from lkedge_alsa.source import *\n"
        f"AlsaSource(AudioCaptureSettings(1), AlsaOptions({lab_devices.sound().capture!r})).open()"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, user="nobody", group="nogroup", extra_groups=[]
    )
    assert "usermod -aG audio nobody" in done.stderr, done.stderr


def test_the_card_is_listed_with_configuration_to_paste() -> None:
    found = [device for device in probe() if "CARD=Loopback,DEV=1" in device.details["device"]]
    assert "48000" in found[0].details["rates"]
    assert 'alsa = { device = "hw:CARD=Loopback,DEV=1" }' in found[0].config


def test_an_overrun_becomes_a_step_in_the_times(lab_devices: LabDevices) -> None:
    with opened(lab_devices.sound().capture) as source:
        before = [source.read() for _ in range(10)][-1]
        time.sleep(1)
        frames = [before, *(source.read() for _ in range(30))]
    steps = [later.captured_ns - earlier.captured_ns for earlier, later in pairwise(frames)]
    assert min(steps) == FRAME_NS
    assert sum(steps) > 10**9
    assert max(steps) > 500_000_000


def test_drift_is_found_and_followed(lab_devices: LabDevices) -> None:
    """The rate shift of aloop's device 0, in steps of 10 ppm; no player is needed, silence has a rate too."""
    slow, fast = (found_ppm(lab_devices, shift) for shift in (99_910, 100_090))
    assert slow * fast < 0, (slow, fast)
    assert abs(slow - fast) > 500, (slow, fast)


def found_ppm(lab_devices: LabDevices, shift: int) -> float:
    """What the source corrects after 30 s. The large buffer is for an emulated processor that is busy."""
    lab_devices.set_mixer("PCM Rate Shift 100000", shift)
    try:
        with opened(lab_devices.sound().playback, buffer=2000) as source:
            frames = [source.read() for _ in range(30 * 50)]
            assert source._opened is not None
            found = source._opened._timeline.correction_ppm
    finally:
        lab_devices.set_mixer("PCM Rate Shift 100000", 100_000)
    steps = [later.captured_ns - earlier.captured_ns for earlier, later in pairwise(frames)]
    assert statistics.median(steps) == FRAME_NS
    return found


def test_a_card_that_is_unplugged_is_lost_and_comes_back(lab_devices: LabDevices) -> None:
    """Unbinding the driver waits until the device is closed, so it has a thread."""
    device = lab_devices.sound().capture
    source = make(device)
    source.open()
    source.read()
    unplug = threading.Thread(target=lambda: (DRIVER / "unbind").write_text("snd_aloop.0"))
    unplug.start()
    try:
        with pytest.raises(SourceLost):
            read_on(source)
    finally:
        source.close()
        unplug.join(20)
    with pytest.raises(SourceUnavailable, match="no such sound device"):
        make(device).open()
    (DRIVER / "bind").write_text("snd_aloop.0")
    with opened(device) as again:
        assert len(again.read().samples) == 1920
