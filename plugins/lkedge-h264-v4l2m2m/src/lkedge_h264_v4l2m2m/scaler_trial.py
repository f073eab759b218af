"""Does this device really scale? One picture tells: others crop, deinterlace or rotate."""

from __future__ import annotations

from lkedge.clock import Clock
from lkedge.errors import EncoderError
from lkedge_h264_v4l2m2m.gradient import difference, gradient
from lkedge_h264_v4l2m2m.kernel import M2mKernel
from lkedge_h264_v4l2m2m.node import ScalerNode
from lkedge_h264_v4l2m2m.scaler import Coming, Going, Scaler

FROM, TO = (512, 288), (256, 144)

TOLERATED_DIFFERENCE = 12
"""Of any sample, the filters of scalers being what they are; half a picture too much or too little has 45."""

FIRST_S = 2.0
"""A firmware may load something for its first picture."""


def fault(node: ScalerNode, kernel: M2mKernel, clock: Clock) -> str:
    """Why it is of no use; "" when it scales."""
    fourcc, name = next(iter(node.takes.items()))
    going, coming = Going(*FROM, fourcc), Coming(*TO, next(iter(node.gives)))
    try:
        scaler = Scaler(node, going, coming, kernel, clock, FIRST_S)
        try:
            scaled = scaler.scale(gradient(*FROM, fourcc, name))
        finally:
            scaler.close()
    except EncoderError as error:
        return str(error)
    worst = difference(scaled)
    if worst > TOLERATED_DIFFERENCE:
        return f"{node.path}: what {node.card} makes differs by {worst} of 255 from the smaller picture"
    return ""
