"""The hooks. Importing this touches no device and no decoder."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from lkedge.plugin.api import DeviceInfo, EncoderRegistration, VideoEncoder, VideoEncoderSettings
from lkedge.plugin.hookspecs import hookimpl
from lkedge.terms import Codec, TrackKind

RANK = 200
"""Above software, which has 100."""


def _encoder(settings: VideoEncoderSettings) -> VideoEncoder:
    from lkedge_h264_v4l2m2m.machine import make_encoder

    return make_encoder(settings)


def _reason_not_usable() -> str:
    from lkedge_h264_v4l2m2m.machine import reason_not_usable

    return reason_not_usable()


@hookimpl
def lkedge_register_encoders(register: Callable[[EncoderRegistration], None]) -> None:
    """Offer the encoder "h264-v4l2m2m"."""
    register(
        EncoderRegistration(
            "h264-v4l2m2m",
            Codec.H264,
            "H.264 in hardware (V4L2)",
            rank=RANK,
            video=_encoder,
            is_usable=_reason_not_usable,
        )
    )


@hookimpl
def lkedge_probe(kind: TrackKind | None) -> Sequence[DeviceInfo]:
    """List the encoder, with what it does."""
    if kind is TrackKind.AUDIO:
        return []
    from lkedge_h264_v4l2m2m.machine import devices

    return devices()
