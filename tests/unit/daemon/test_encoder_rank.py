from __future__ import annotations

from lkedge.daemon.encoder_rank import explained, judged, to_try
from lkedge.plugin.api import EncoderRegistration
from lkedge.terms import BitsPerSecond, Codec, Rid
from lkedge.testing.fakes import FakeEncoder
from lkedge.worker.trial_values import LayerTrial, TrialLayer, TrialResult

HARDWARE = EncoderRegistration("m2m", Codec.H264, "", rank=200, video=FakeEncoder)
SOFTWARE = EncoderRegistration("x264", Codec.H264, "", rank=100, video=FakeEncoder)
BOTH = (HARDWARE, SOFTWARE)

LAYERS = (
    TrialLayer(Rid("f"), 1280, 720, 30.0, BitsPerSecond(1_700_000)),
    TrialLayer(Rid("q"), 320, 180, 20.0, BitsPerSecond(160_000)),
)


def result(encoder: str, top_ms: float, low_ms: float = 1.0, low_reason: str = "") -> TrialResult:
    top = LayerTrial(Rid("f"), 1280, 720, "", top_ms, 1_700_000)
    low = LayerTrial(Rid("q"), 320, 180, low_reason, 0.0 if low_reason else low_ms)
    return TrialResult(encoder, "", (top, low))


def order(*results: TrialResult) -> list[str]:
    found = {one.encoder: one for one in results}
    return [judgement.encoder.name for judgement in judged(BOTH, found, LAYERS)]


def wanted(*results: TrialResult) -> list[str]:
    return to_try(judged(BOTH, {one.encoder: one for one in results}, LAYERS))


def why(one: TrialResult | None, encoder: EncoderRegistration = HARDWARE) -> str:
    (judgement,) = judged((encoder,), {one.encoder: one} if one else {}, LAYERS)
    return explained(judgement)


def test_hardware_that_was_not_tried_comes_after_software() -> None:
    assert order() == ["x264", "m2m"]


def test_hardware_that_works_goes_by_its_rank() -> None:
    assert order(result("m2m", 12)) == ["m2m", "x264"]


def test_hardware_that_failed_comes_last() -> None:
    assert order(TrialResult("m2m", "no memory")) == ["x264", "m2m"]


def test_hardware_that_does_not_keep_up_comes_after_software_that_does() -> None:
    assert order(result("m2m", 40), result("x264", 20)) == ["x264", "m2m"]


def test_of_two_that_do_not_keep_up_the_quicker_one_is_better() -> None:
    assert order(result("m2m", 40), result("x264", 90)) == ["m2m", "x264"]
    assert order(result("m2m", 90), result("x264", 40)) == ["x264", "m2m"]


def test_only_what_can_change_the_order_is_tried() -> None:
    assert wanted() == ["m2m"]
    assert wanted(result("m2m", 12)) == []
    assert wanted(TrialResult("m2m", "no memory")) == ["m2m"]
    assert wanted(result("m2m", 40)) == ["x264"]
    assert wanted(result("m2m", 40), result("x264", 90)) == []


def test_each_layer_counts_with_its_own_frame_rate() -> None:
    """30 x 30 ms and 20 x 4 ms are 0.98 s in every second."""
    assert order(result("m2m", 30, 4)) == ["m2m", "x264"]
    assert order(result("m2m", 30, 6)) == ["x264", "m2m"]


def test_reasons() -> None:
    assert why(None) == "not tried yet"
    assert why(None, SOFTWARE) == ""
    assert why(TrialResult("m2m", "no memory")) == "not usable here: no memory"
    assert why(result("m2m", 12)) == "13.0 ms for a picture in 2 layers (1280x720, 320x180)"
    assert why(result("m2m", 40)) == (
        "41.0 ms for a picture in 2 layers (1280x720, 320x180): too slow, it would be busy for 1.2 s in every second"
    )
    assert why(result("m2m", 12, low_reason="all is taken")) == (
        "12.0 ms for a picture in 1280x720; 320x180 goes to the next encoder: all is taken"
    )
