"""What is known of every video encoder on this machine, for `lkedge plugins`, `lkedge devices` and `lkedge doctor`."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass

from lkedge.config.models import VideoPublish
from lkedge.daemon.encoder_memory import EncoderMemory, Trial
from lkedge.daemon.encoder_rank import explained, judged
from lkedge.daemon.encoder_trials import UNKNOWN_SIZE, plugin_version
from lkedge.plugin.api import EncoderRegistration
from lkedge.plugin.manager import PluginManager
from lkedge.terms import TrackKind
from lkedge.worker.trial_launch import try_encoder
from lkedge.worker.trial_values import TrialLayer, TrialRequest, TrialResult, trial_layers

ANSWER_S = 5.0
"""How long `is_usable` of software may take."""


@dataclass(frozen=True, slots=True)
class EncoderState:
    """One video encoder.

    trial: the newest one; None when it was never tried. text: what is known, in words; may be empty.
    is_usable: None when that is not known.
    """

    encoder: EncoderRegistration
    trial: Trial | None
    text: str
    is_usable: bool | None


def encoder_states(
    plugins: PluginManager,
    memory: EncoderMemory | None = None,
    *,
    try_all: bool = False,
    run: Callable[[TrialRequest], TrialResult] = try_encoder,
) -> list[EncoderState]:
    """All video encoders, the best of each codec first; blocks for seconds when one has to be tried.

    Hardware that is not known yet, or failed before, is tried now; with `try_all` everything is.
    """
    memory = memory or EncoderMemory()
    entries = [entry for entry in plugins.registry.encoders.values() if entry.codec.kind is TrackKind.VIDEO]
    entries.sort(key=lambda entry: (entry.codec.value, -entry.rank))
    return [_state(entry, plugins, memory, run, is_due=try_all) for entry in entries]


def usual_layers() -> tuple[TrialLayer, ...]:
    """Of a 720p camera in simulcast."""
    return trial_layers(VideoPublish().layers(*UNKNOWN_SIZE))


def _state(
    entry: EncoderRegistration,
    plugins: PluginManager,
    memory: EncoderMemory,
    run: Callable[[TrialRequest], TrialResult],
    *,
    is_due: bool,
) -> EncoderState:
    version = plugin_version(plugins, entry.name)
    trial = memory.latest(entry.name, version)
    if is_due or (entry.is_hardware and (trial is None or not trial.result.is_usable)):
        request = TrialRequest(entry.name, entry.codec, usual_layers(), plugins.targets)
        trial = memory.keep(request, version, run(request))
    if trial is None:
        reason = software_reason(entry)
        return EncoderState(entry, None, f"not usable here: {reason}" if reason else "", not reason)
    (judgement,) = judged([entry], {entry.name: trial.result}, trial.layers)
    return EncoderState(entry, trial, explained(judgement), trial.result.is_usable)


def software_reason(entry: EncoderRegistration) -> str:
    """Why it cannot be used, "" when it can; what does not answer is left behind."""
    answer: list[str] = []
    thread = threading.Thread(target=lambda: answer.append(_asked(entry)), name=f"usable-{entry.name}", daemon=True)
    thread.start()
    thread.join(ANSWER_S)
    return answer[0] if answer else f"it does not answer within {ANSWER_S:g} s"


def _asked(entry: EncoderRegistration) -> str:
    """The broad handler of that thread."""
    try:
        return entry.is_usable()
    except Exception as error:
        return f"{type(error).__name__}: {error}"
