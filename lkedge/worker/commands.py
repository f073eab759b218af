"""The commands that are made of what a worker is to do."""

from __future__ import annotations

from collections.abc import Mapping

from lkedge.log import ROOT
from lkedge.media.layers import LayerPlan
from lkedge.plugin.api import ControlValue
from lkedge.worker.log_levels import levels
from lkedge.worker.messages import ApplyAudio, ApplyLayers, Start
from lkedge.worker.spec import Plan, VideoWorkerSpec, WorkerSpec


def start_command(spec: WorkerSpec, plugins: tuple[str, ...], controls: Mapping[str, ControlValue]) -> Start:
    """With the general log level of this process."""
    video, audio = (spec, None) if isinstance(spec, VideoWorkerSpec) else (None, spec)
    return Start(video, audio, plugins, levels()[ROOT], dict(controls))


def apply_command(plan: Plan) -> ApplyLayers | ApplyAudio:
    return ApplyLayers(plan) if isinstance(plan, LayerPlan) else ApplyAudio(plan)
