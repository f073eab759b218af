"""The encoder of this machine: what the plugin's hooks reach, once per process."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

from lkedge.clock import SystemClock
from lkedge.errors import EncoderError
from lkedge.plugin.api import DeviceGroup, DeviceInfo, VideoEncoder, VideoEncoderSettings
from lkedge.terms import TrackKind
from lkedge_h264_v4l2m2m.budget import Budget
from lkedge_h264_v4l2m2m.encoder import M2mEncoder
from lkedge_h264_v4l2m2m.kernel import LinuxM2mKernel
from lkedge_h264_v4l2m2m.probe import Probe, Verdict
from lkedge_h264_v4l2m2m.scaling import ScalingHardware

CONFIG = """\
[[track]]
name = "camera"
source = "v4l2"
publish = { video_codec = "h264", encoder = "h264-v4l2m2m" }"""


@cache
def machine() -> Probe:
    """What is known of this machine; asks for nothing yet."""
    return Probe()


@cache
def scaling() -> ScalingHardware:
    """The scaler of this machine; asks for nothing yet."""
    return ScalingHardware(LinuxM2mKernel(), SystemClock())


def reason_not_usable() -> str:
    """Why there is no hardware encoder to use, "" when there is one."""
    return machine().verdict().reason


def make_encoder(settings: VideoEncoderSettings) -> VideoEncoder:
    """Raises EncoderError when there is none, or the layer does not fit."""
    probe = machine()
    verdict = probe.verdict()
    if verdict.node is None:
        raise EncoderError(f"no hardware encoder for h264: {verdict.reason}")
    budget = Budget(verdict.node.card, verdict.pixel_rate, probe.shared)
    return M2mEncoder(settings, verdict.node, budget, scaling=scaling())


def devices() -> Sequence[DeviceInfo]:
    """The encoder, if there is one, with what it can do."""
    verdict = machine().verdict()
    if verdict.node is None:
        return []
    node = verdict.node
    details = {
        "node": node.path,
        "driver": f"{node.driver}, {node.bus}",
        "takes": ", ".join(node.fourccs),
        "does": budget_sentence(verdict),
        "layers are scaled by": scaling().describe(),
    }
    name = f"{node.card} (encoder)"
    return [DeviceInfo("h264-v4l2m2m", name, TrackKind.VIDEO, CONFIG, details, DeviceGroup.ENCODER)]


def budget_sentence(verdict: Verdict) -> str:
    """How much fits, for people."""
    if not verdict.pixel_rate:
        return "its speed could not be measured; layers are not limited"
    origin = "measured here" if verdict.is_measured else "known of this board"
    return (
        f"{verdict.pixel_rate / 1e6:.1f} Mpx/s for all layers together ({origin}); 1280x720 at 30 frames/s takes 27.6"
    )
