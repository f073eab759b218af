# lkedge: pure
"""The settings under `[track.alsa]`."""

from __future__ import annotations

from dataclasses import dataclass

from lkedge.plugin.api import option

CHANNELS = ("mix", "left", "right")
LEAVE_GAIN = -1


@dataclass(frozen=True, slots=True)
class AlsaOptions:
    """Which card, and what of it."""

    device: str = option(
        "",
        help='id of a card such as "Webcam", or an ALSA name such as "hw:CARD=Webcam,DEV=0"; empty for the first card',
    )
    channel: str = option(
        "mix", help="what a mono track takes of a card with two channels: their mean, or one of them", choices=CHANNELS
    )
    microphone: bool = option(
        True, help="a plain microphone; false for a line input or a device that processes its sound itself"
    )
    echo_reference: str = option(
        "", help="ALSA device that captures what the loudspeaker plays, for echo_cancellation; empty for none"
    )
    gain: int = option(LEAVE_GAIN, help="gain of the card when it is opened, -1 to leave it", unit="%", ge=-1, le=100)
    buffer: int = option(160, help="how much sound the card holds while the worker is busy", unit="ms", ge=60, le=2000)
    stall_after: float = option(
        2.0, help="the card counts as lost when no sound came for so long", unit="seconds", ge=0.5, le=60
    )
