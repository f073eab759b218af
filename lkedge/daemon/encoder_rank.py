# lkedge: pure
"""Which encoder is the best for a track, after what their trials showed, and why: in sentences."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from lkedge.plugin.api import EncoderRegistration
from lkedge.terms import Rid
from lkedge.worker.trial_values import LayerTrial, TrialLayer, TrialResult

FULL_LOAD = 1.0
"""Seconds of encoding for a second of pictures: the layers of a track are encoded one after the other."""


@dataclass(frozen=True, slots=True)
class Judgement:
    """One candidate. result: None when it was not tried. load: as FULL_LOAD; 0 when not known."""

    encoder: EncoderRegistration
    result: TrialResult | None
    load: float

    @property
    def is_slow(self) -> bool:
        """It works, but does not keep up."""
        return self.result is not None and self.result.is_usable and self.load > FULL_LOAD

    @property
    def is_good(self) -> bool:
        if self.result is None:
            return not self.encoder.is_hardware
        return self.result.is_usable and not self.is_slow


def judged(
    candidates: Sequence[EncoderRegistration], results: Mapping[str, TrialResult], layers: Iterable[TrialLayer]
) -> list[Judgement]:
    """All candidates, the best first.

    Those that keep up stand by rank, then come the slow ones by their speed, then the rest.
    candidates: the highest rank first. results: by name. layers: those of the trials.
    """
    rates = {layer.rid: layer.framerate for layer in layers}
    found = [_judgement(encoder, results.get(encoder.name), rates) for encoder in candidates]
    return sorted(found, key=_order)


def _judgement(encoder: EncoderRegistration, result: TrialResult | None, rates: Mapping[Rid, float]) -> Judgement:
    load = sum(layer.ms * rates.get(layer.rid, 0) for layer in result.layers) / 1000 if result else 0.0
    return Judgement(encoder, result, load)


def _order(judgement: Judgement) -> tuple[int, float]:
    if judgement.is_good:
        return 0, 0.0
    return (1, judgement.load) if judgement.is_slow else (2, 0.0)


def to_try(order: Sequence[Judgement]) -> list[str]:
    """The encoders whose trial could change the order.

    Hardware that was not tried, or failed, which may have been healed since; and software, when
    hardware does not keep up: it may be slower still.
    """
    has_slow = any(judgement.is_slow for judgement in order)
    return [judgement.encoder.name for judgement in order if _is_to_try(judgement, has_slow)]


def _is_to_try(judgement: Judgement, has_slow: bool) -> bool:
    if judgement.encoder.is_hardware:
        return judgement.result is None or not judgement.result.is_usable
    return has_slow and judgement.result is None


def explained(judgement: Judgement) -> str:
    """Why it stands where it stands, without its name."""
    result = judgement.result
    if result is None:
        return "not tried yet" if judgement.encoder.is_hardware else ""
    if not result.is_usable:
        return f"not usable here: {result.reason}"
    speed = f"{result.ms:.1f} ms for a picture in {_sizes(result)}"
    if judgement.is_slow:
        speed += f": too slow, it would be busy for {judgement.load:.1f} s in every second"
    return "; ".join([speed, *map(_refusal, result.refused)])


def _sizes(result: TrialResult) -> str:
    done = [layer.size for layer in result.layers if not layer.reason]
    return f"{len(done)} layers ({', '.join(done)})" if len(done) > 1 else "".join(done)


def _refusal(layer: LayerTrial) -> str:
    return f"{layer.size} goes to the next encoder: {layer.reason}"
