"""A plugin for the daemon in the lab: an H.264 encoder that depends on vicodec, the kernel's virtual encoder.

The driver gets every picture and must deliver it in time, driven by the code that drives hardware; so whatever it
does wrong, this encoder does wrong. Nobody decodes the driver's FWHT, so what goes to the room is the same picture
in H.264 by software.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from lkedge.media.frame import EncodedFrame, VideoFrame
from lkedge.plugin.api import EncoderRegistration, VideoEncoder, VideoEncoderSettings
from lkedge.plugin.hookspecs import hookimpl
from lkedge.terms import BitsPerSecond, Codec

NAME = "vicodec"
RANK = 50
"""Below software: used where it is asked for by name, which needs no trial."""

FIRST_S, STALL_S = 5.0, 5.0
CLAIMS = Path("/run/lab-encoder-claims")


class NeedsDriver(VideoEncoder):
    """Owns an instance of the driver and a software encoder."""

    def __init__(self, settings: VideoEncoderSettings) -> None:
        from lkedge_h264_v4l2m2m.budget import Budget
        from lkedge_h264_v4l2m2m.coding import FWHT
        from lkedge_h264_v4l2m2m.encoder import M2mEncoder
        from lkedge_h264_v4l2m2m.kernel import LinuxM2mKernel
        from lkedge_h264_v4l2m2m.node import find_encoders
        from lkedge_h264_v4l2m2m.stream import Deadlines

        from lkedge.builtin.x264 import X264Encoder

        (node,) = find_encoders(LinuxM2mKernel(), "FWHT").nodes
        deadlines = Deadlines(first_s=FIRST_S, stall_s=STALL_S)
        self._driver = M2mEncoder(settings, node, Budget(node.card, 0, CLAIMS), coding=FWHT, deadlines=deadlines)
        self._software = X264Encoder(settings)

    def encode(self, frame: VideoFrame, *, key_frame: bool) -> EncodedFrame | None:
        if self._driver.encode(frame, key_frame=key_frame) is None:
            return None
        return self._software.encode(frame, key_frame=key_frame)

    def set_rate(self, bitrate: BitsPerSecond, framerate: float) -> None:
        self._driver.set_rate(bitrate, framerate)
        self._software.set_rate(bitrate, framerate)

    def close(self) -> None:
        self._driver.close()
        self._software.close()


@hookimpl
def lkedge_register_encoders(register: Callable[[EncoderRegistration], None]) -> None:
    """Offer it for H.264."""
    register(EncoderRegistration(NAME, Codec.H264, "a driver that can be made to stall", rank=RANK, video=NeedsDriver))
