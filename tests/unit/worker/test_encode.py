from __future__ import annotations

import dataclasses
from typing import Any

from lkedge.errors import EncoderError
from lkedge.media.frame import EncodedFrame, VideoFrame
from lkedge.media.layers import LayerState
from lkedge.plugin.api import EncoderRegistration, VideoEncoder, VideoEncoderSettings
from lkedge.terms import BitsPerSecond, Codec, Rid
from lkedge.testing.fakes import FakeEncoder
from lkedge.worker.cascade import HardwareScale
from lkedge.worker.encode import IDLE_CLOSE_NS, EncoderChoice, LayerEncoder

STATE = LayerState(Rid("h"), True, 64, 36, BitsPerSecond(100_000), 30.0)


class Layer:
    """A layer with its encoders, fed with pictures 20 ms apart."""

    def __init__(self, state: LayerState = STATE, source_framerate: float = 30.0) -> None:
        self.built: list[FakeEncoder] = []
        self.fail = False
        self.drop = False
        self.events: list[Any] = []
        choice = EncoderChoice(Codec.VP8, [EncoderRegistration("fake", Codec.VP8, "", video=self._make)])
        self.layer = LayerEncoder(dataclasses.replace(state, active=False), choice, self.events.append)
        self.now_ns = 0
        self.configure(state, source_framerate)

    def configure(self, state: LayerState, source_framerate: float = 30.0, now_ns: int = 0) -> None:
        self.layer.configure(state, source_framerate, now_ns)

    def encode(self) -> EncodedFrame | None:
        self.now_ns += 33_333_333
        if not self.layer.wants(self.now_ns):
            return None
        return self.layer.encode(self._scale)

    def _scale(self, width: int, height: int, formats: tuple[str, ...], by_hardware: HardwareScale) -> VideoFrame:
        return VideoFrame(width, height, formats[0], (), self.now_ns, None)

    def _make(self, settings: VideoEncoderSettings) -> VideoEncoder:
        layer = self

        class Encoder(FakeEncoder):
            def encode(self, frame: VideoFrame, *, key_frame: bool) -> EncodedFrame | None:
                if layer.fail:
                    raise EncoderError("broken")
                return None if layer.drop else super().encode(frame, key_frame=key_frame)

        self.built.append(Encoder(settings))
        return self.built[-1]


def keys(frames: list[EncodedFrame | None]) -> list[bool | None]:
    return [frame.is_key if frame else None for frame in frames]


def test_encoder_is_made_when_the_first_picture_comes() -> None:
    layer = Layer()
    assert layer.built == []
    assert keys([layer.encode(), layer.encode()]) == [True, False]
    assert len(layer.built) == 1


def test_inactive_layer_does_nothing() -> None:
    layer = Layer(dataclasses.replace(STATE, active=False))
    assert layer.encode() is None
    assert layer.built == []


def test_layer_that_comes_back_begins_with_a_key_frame_on_the_same_encoder() -> None:
    layer = Layer()
    layer.encode()
    layer.configure(dataclasses.replace(STATE, active=False))
    assert layer.encode() is None
    layer.configure(STATE)
    assert keys([layer.encode(), layer.encode()]) == [True, False]
    assert len(layer.built) == 1


def test_rate_changes_on_the_open_encoder() -> None:
    layer = Layer()
    layer.encode()
    layer.configure(dataclasses.replace(STATE, bitrate=BitsPerSecond(50_000), framerate=20.0))
    assert layer.built[0].rates == [(50_000, 20.0)]
    assert keys([layer.encode()]) in ([False], [None])


def test_framerate_of_the_encoder_is_never_above_the_source() -> None:
    layer = Layer(dataclasses.replace(STATE, framerate=60.0), 25.0)
    layer.encode()
    assert layer.built[0].settings.framerate == 25.0


def test_other_size_means_another_encoder_and_a_key_frame() -> None:
    layer = Layer()
    layer.encode()
    layer.configure(dataclasses.replace(STATE, width=32, height=18))
    frame = layer.encode()
    assert frame is not None
    assert frame.is_key
    assert frame.width == 32
    assert layer.built[0].is_closed


def test_bitrate_above_the_maximum_rebuilds_with_room() -> None:
    layer = Layer()
    layer.encode()
    high = BitsPerSecond(layer.built[0].settings.max_bitrate + 1)
    layer.configure(dataclasses.replace(STATE, bitrate=high))
    layer.encode()
    assert layer.built[1].settings.max_bitrate == 2 * high


def test_requested_key_frame_is_asked_for_until_it_comes() -> None:
    layer = Layer()
    layer.encode()
    layer.layer.want_key_frame()
    layer.drop = True
    assert layer.encode() is None
    layer.drop = False
    assert keys([layer.encode(), layer.encode()]) == [True, False]


def test_after_a_loss_nothing_leaves_before_a_key_frame() -> None:
    layer = Layer()
    layer.encode()
    layer.layer.restart()
    assert keys([layer.encode(), layer.encode()]) == [True, False]


def test_failure_is_contained_and_counted() -> None:
    layer = Layer()
    layer.encode()
    layer.fail = True
    assert [layer.encode(), layer.encode()] == [None, None]
    assert layer.events[-1].reason == "encoder fake of layer h: broken"
    layer.fail = False
    assert not layer.layer.wants(layer.now_ns)
    assert layer.layer.encoded == 1


def test_scaler_that_fails_is_contained_too() -> None:
    layer = Layer()

    def scale(*args: object) -> VideoFrame:
        raise ValueError("bad stride")

    assert layer.layer.encode(scale) is None


def test_idle_encoder_is_released_after_a_while() -> None:
    layer = Layer()
    layer.encode()
    layer.configure(dataclasses.replace(STATE, active=False), now_ns=5)
    layer.layer.release_if_idle(IDLE_CLOSE_NS)
    assert not layer.built[0].is_closed
    layer.layer.release_if_idle(IDLE_CLOSE_NS + 6)
    assert layer.built[0].is_closed


def test_half_rate_layer_takes_every_other_picture() -> None:
    layer = Layer(dataclasses.replace(STATE, framerate=15.0))
    assert sum(layer.encode() is not None for _ in range(30)) == 15


def test_the_preferred_encoder_comes_first_and_the_others_stay_by_rank() -> None:
    entries = [EncoderRegistration(name, Codec.VP8, "", rank) for name, rank in (("a", 1), ("b", 9), ("c", 5))]
    choice = EncoderChoice(Codec.VP8, entries, True)

    names = [entry.name for entry in choice.preferring("c").candidates]

    assert names == ["c", "b", "a"]
    assert [entry.name for entry in choice.preferring("c").preferring("").candidates] == ["b", "c", "a"]
    assert choice.preferring("c").is_screen_share


def test_another_encoder_takes_over_with_a_key_frame() -> None:
    layer, other = Layer(), Layer()
    layer.encode()
    assert keys([layer.encode()]) == [False]

    layer.layer.use(other.layer._choice)

    assert layer.built[0].is_closed
    assert keys([layer.encode(), layer.encode()]) == [True, False]
    assert len(other.built) == 1


def test_the_same_encoder_goes_on() -> None:
    layer = Layer()
    layer.encode()

    layer.layer.use(dataclasses.replace(layer.layer._choice))

    assert keys([layer.encode()]) == [False]
    assert len(layer.built) == 1
