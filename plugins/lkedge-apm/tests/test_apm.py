"""The real module: what it does to sound, and the contracts."""

from __future__ import annotations

import array
import math
import random
import sys
from collections.abc import Callable, Iterable

import pytest
from lkedge_apm import plugin

from lkedge.errors import LkedgeError
from lkedge.media.frame import AudioFrame
from lkedge.plugin.api import AudioProcessor, AudioProcessorSettings
from lkedge.testing.plugin_contract import PluginContract
from lkedge.testing.processor_contract import AudioProcessorContract

processor_module = pytest.importorskip("lkedge_apm.processor", reason="the package livekit is not installed here")

FRAME = 960
FRAME_NS = 20_000_000


class TestApmPlugin(PluginContract):
    name = "apm"
    target = "lkedge_apm.plugin"
    heavy_modules = ("livekit", "livekit.rtc", "numpy", "lkedge_apm.processor")


class TestApmProcessor(AudioProcessorContract):
    def make_processor(self, settings: AudioProcessorSettings) -> AudioProcessor:
        made: AudioProcessor = processor_module.ApmProcessor(settings)
        return made


def noise(count: int, loudness: float, seed: int = 1) -> list[int]:
    chance = random.Random(seed)
    return [round(chance.gauss(0, loudness)) for _ in range(count)]


def tone(count: int, hertz: float, peak: float) -> list[int]:
    step = 2 * math.pi * hertz / 48_000
    return [round(peak * math.sin(step * index)) for index in range(count)]


def processed(settings: AudioProcessorSettings, sound: list[int], reference: Iterable[int] = ()) -> list[int]:
    made = processor_module.ApmProcessor(settings)
    far = list(reference)
    result = array.array("h")
    for begin in range(0, len(sound), FRAME):
        samples = array.array("h", sound[begin : begin + FRAME]).tobytes()
        heard = array.array("h", far[begin : begin + FRAME]).tobytes()
        result.frombytes(made.process(AudioFrame(samples, 1, begin * FRAME_NS // FRAME, heard)).samples)
    made.close()
    return list(result)


def level_db(sound: list[int]) -> float:
    return 10 * math.log10(sum(value * value for value in sound) / len(sound) + 1e-9)


def change_db(before: list[int], after: list[int]) -> float:
    """In the last second, when it has settled."""
    return level_db(after[-48_000:]) - level_db(before[-48_000:])


def test_noise_is_suppressed() -> None:
    steady = noise(3 * 48_000, 500)
    assert change_db(steady, processed(AudioProcessorSettings(noise_suppression=True), steady)) < -8


def test_rumble_is_filtered_and_voice_is_not() -> None:
    settings = AudioProcessorSettings(high_pass_filter=True)
    rumble, voice = tone(2 * 48_000, 25, 5000), tone(2 * 48_000, 600, 5000)
    assert change_db(rumble, processed(settings, rumble)) < -12
    assert abs(change_db(voice, processed(settings, voice))) < 1


def test_with_nothing_wanted_sound_stays_as_it_is() -> None:
    sound = tone(48_000, 600, 5000)
    assert abs(change_db(sound, processed(AudioProcessorSettings(), sound))) < 0.1


@pytest.mark.parametrize(("has_reference", "is_cancelled"), [(True, True), (False, False)])
def test_echo_is_cancelled_when_the_loudspeaker_is_known(has_reference: bool, is_cancelled: bool) -> None:
    """The microphone hears only the loudspeaker, 30 ms later and quieter."""
    played = noise(4 * 48_000, 4000)
    heard = [0] * 1440 + [value // 4 for value in played[:-1440]]
    settings = AudioProcessorSettings(echo_cancellation=True)
    result = processed(settings, heard, played if has_reference else ())
    assert (change_db(heard, result) < -15) is is_cancelled


def test_closed_is_closed() -> None:
    made = processor_module.ApmProcessor(AudioProcessorSettings())
    made.close()
    with pytest.raises(LkedgeError, match="closed"):
        made.process(AudioFrame(bytes(1920), 1, 0))


def test_it_is_usable_where_livekit_is(monkeypatch: pytest.MonkeyPatch) -> None:
    why_not: Callable[[], str] = plugin._why_not
    assert why_not() == ""
    monkeypatch.setitem(sys.modules, "livekit", None)
    monkeypatch.delitem(sys.modules, "livekit.rtc", raising=False)
    assert "pip install livekit" in why_not()
