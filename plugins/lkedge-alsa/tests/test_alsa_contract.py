"""The contracts: the plugin, the source on a simulated card in real time, and on ALSA's own null and file devices."""

from __future__ import annotations

import array
import importlib.util
from pathlib import Path
from typing import Any

import pytest
from fake_alsa import MIC, FakeAlsa, FakeCard, FakeMixer, FakeSystem, RealClock, values
from lkedge_alsa.options import AlsaOptions
from lkedge_alsa.source import AlsaSource

from lkedge.plugin.api import AudioCaptureSettings
from lkedge.testing.plugin_contract import PluginContract
from lkedge.testing.source_contract import AudioSourceContract

ALSA_CONF = Path("/usr/share/alsa/alsa.conf")

has_alsa = importlib.util.find_spec("alsaaudio") is not None and ALSA_CONF.exists()
needs_alsa = pytest.mark.skipif(not has_alsa, reason="pyalsaaudio is not installed here")


class TestAlsaPlugin(PluginContract):
    name = "alsa"
    target = "lkedge_alsa.plugin"
    heavy_modules = ("av", "alsaaudio", "ctypes", "lkedge_alsa.source", "lkedge_alsa.library")


class TestSimulatedCard(AudioSourceContract):
    capabilities = frozenset({"two_at_once", "missing", "vanishes"})
    opens = 4

    def make_source(self, tmp_path: Path) -> AlsaSource:
        return self.on(FakeCard(rates=(44_100,), channels=(2,), mixers=[FakeMixer("Mic")]))

    def make_missing_source(self, tmp_path: Path) -> AlsaSource:
        return self.on(FakeCard(open_error="No such device"))

    def vanish(self, source: Any) -> None:
        source._opened.card._pcm.card.error = "No such device"

    def on(self, card: FakeCard) -> AlsaSource:
        alsa: Any = FakeAlsa(card, RealClock())
        return AlsaSource(AudioCaptureSettings(1), AlsaOptions(), alsa=alsa, system=FakeSystem(MIC))


@needs_alsa
class TestNullDevice(AudioSourceContract):
    capabilities = frozenset({"two_at_once", "missing"})
    opens = 4

    def make_source(self, tmp_path: Path) -> AlsaSource:
        return AlsaSource(AudioCaptureSettings(2), AlsaOptions("null"))

    def make_missing_source(self, tmp_path: Path) -> AlsaSource:
        return AlsaSource(AudioCaptureSettings(1), AlsaOptions("hw:CARD=NoSuchCard"))


@needs_alsa
def test_the_sound_of_a_file_device_arrives_sample_by_sample(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """ALSA's file plugin, defined by an asoundrc of its own, delivers a ramp; drift changes nothing yet."""
    ramp = array.array("h", [index % 30_000 for index in range(48_000)])
    (tmp_path / "ramp.raw").write_bytes(ramp.tobytes())
    (tmp_path / "asoundrc").write_text(
        f"pcm.recorded {{ type file slave.pcm null file /dev/null infile {tmp_path}/ramp.raw format raw }}\n"
    )
    monkeypatch.setenv("ALSA_CONFIG_PATH", f"{ALSA_CONF}:{tmp_path}/asoundrc")
    source = AlsaSource(AudioCaptureSettings(1), AlsaOptions("recorded"))
    assert source.open().channels == 1
    samples = values(b"".join(source.read().samples for _ in range(20)))
    source.close()
    assert samples[0] == 4800, "100 ms are taken for settling"
    assert samples == [(4800 + index) % 30_000 for index in range(len(samples))]
