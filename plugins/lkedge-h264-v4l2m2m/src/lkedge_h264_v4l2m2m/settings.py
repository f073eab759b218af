"""From the settings of a layer to the controls of a driver, at the start and while it runs."""

from __future__ import annotations

from lkedge.errors import EncoderError
from lkedge.plugin.api import VideoEncoderSettings
from lkedge.terms import Codec
from lkedge_h264_v4l2m2m import videodev2_m2m as m2m
from lkedge_h264_v4l2m2m.coding import Coding
from lkedge_h264_v4l2m2m.refusal import refused
from lkedge_h264_v4l2m2m.session import Session

SMALLEST = 16
"""Pixels of a macroblock's side."""

LARGEST = 4096

KEY_FRAME_INTERVAL = 3000
"""Pictures. Key frames come when somebody asks; this many are known to work on bcm2835-codec."""

RATE_STEP = 0.03
"""Change of the bitrate that is worth telling the driver."""


def check_settings(settings: VideoEncoderSettings) -> None:
    """Raises EncoderError for what no driver could do."""
    size = f"h264 cannot encode {settings.width}x{settings.height}"
    if settings.codec is not Codec.H264:
        raise EncoderError(f"this encoder makes h264, not {settings.codec.value}: choose another encoder")
    if settings.width % 2 or settings.height % 2:
        raise EncoderError(f"{size}: 4:2:0 needs an even width and height")
    if not SMALLEST <= min(settings.width, settings.height) <= max(settings.width, settings.height) <= LARGEST:
        raise EncoderError(f"{size}: each side must have {SMALLEST} to {LARGEST} pixels")
    if settings.bitrate <= 0:
        raise EncoderError(f"bitrate {settings.bitrate} bit/s: it must be above 0")
    if not 0 < settings.framerate <= 240:
        raise EncoderError(f"{settings.framerate} frames/s: it must be above 0 and at most 240")


class Tuning:
    """Of one session. framerate: what the driver believes.

    Profile, key-frame interval and header mode are set once, before buffers exist; a driver
    may refuse them later.
    """

    def __init__(self, session: Session, coding: Coding, settings: VideoEncoderSettings) -> None:
        """Raises EncoderError when the driver cannot hold a bitrate."""
        self._session = session
        self._controls = session.controls
        self._told = 0
        self.framerate = settings.framerate
        if coding.needs_bitrate and self._controls.range(m2m.CID_BITRATE) is None:
            raise EncoderError(f"{session.node.path}: {session.node.card} has no bitrate control; it cannot be used")
        self._set_up()
        self.set_bitrate(settings.bitrate)

    def set_bitrate(self, bitrate: int) -> None:
        """Change it without a key frame; small changes are left out. Raises EncoderError."""
        if abs(bitrate - self._told) <= RATE_STEP * bitrate:
            return
        self._set(m2m.CID_BITRATE, bitrate)
        self._told = bitrate

    def set_framerate(self, framerate: float) -> None:
        """Tell the driver; one that cannot change it keeps counting in the old one. Raises EncoderError."""
        if self._session.set_framerate(framerate):
            self.framerate = framerate

    def force_key_frame(self) -> bool:
        """Make the next picture a key frame; False when the driver has no control for it. Raises EncoderError."""
        try:
            return self._controls.press(m2m.CID_FORCE_KEY_FRAME)
        except OSError as error:
            raise refused(self._session.node.path, "asking for a key frame", error) from error

    def _set_up(self) -> None:
        self._set(m2m.CID_FRAME_RC_ENABLE, 1)
        self._set(m2m.CID_BITRATE_MODE, m2m.BITRATE_MODE_CBR)
        self._set(m2m.CID_B_FRAMES, 0)
        self._set(m2m.CID_GOP_SIZE, KEY_FRAME_INTERVAL)
        self._set(m2m.CID_H264_I_PERIOD, KEY_FRAME_INTERVAL)
        self._set(m2m.CID_H264_LEVEL, m2m.H264_LEVEL_4_0)
        if not self._set(m2m.CID_H264_PROFILE, m2m.H264_PROFILE_CONSTRAINED_BASELINE):
            self._set(m2m.CID_H264_PROFILE, m2m.H264_PROFILE_BASELINE)
        self._set(m2m.CID_HEADER_MODE, m2m.HEADER_MODE_JOINED_WITH_1ST_FRAME)
        if not self._set(m2m.CID_REPEAT_SEQ_HEADER, 1):
            self._set(m2m.CID_PREPEND_SPSPPS_TO_IDR, 1)

    def _set(self, control: int, value: int) -> bool:
        try:
            return self._controls.set(control, value)
        except OSError as error:
            raise refused(self._session.node.path, "setting a control", error) from error
