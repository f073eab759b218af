"""One simulcast layer: paced, scaled, encoded; its encoder is made when first needed."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from lkedge.clock import SECOND_NS
from lkedge.media.frame import EncodedFrame, VideoFrame
from lkedge.media.layers import LayerState, default_encoding
from lkedge.plugin.api import EncoderRegistration, VideoEncoder, VideoEncoderSettings
from lkedge.terms import BitsPerSecond, Codec, Rid
from lkedge.worker.cascade import HardwareScale
from lkedge.worker.chain import EncoderChain, Report
from lkedge.worker.divider import FrameRateDivider
from lkedge.worker.worker_link import LinkClosed

IDLE_CLOSE_NS = 10 * SECOND_NS
"""An inactive layer keeps its encoder for so long, to be quick when it is wanted again."""

Scale = Callable[[int, int, tuple[str, ...], HardwareScale], VideoFrame]
"""The current picture in that size, and in one of these pixel formats; the encoder's own hardware is asked first."""


@dataclass(frozen=True, slots=True)
class EncoderChoice:
    """What all layers of a track share. candidates: the best first."""

    codec: Codec
    candidates: Sequence[EncoderRegistration]
    is_screen_share: bool = False

    def preferring(self, name: str) -> EncoderChoice:
        """The same candidates, the named one first and the others by rank."""
        by_rank = sorted(self.candidates, key=lambda entry: (entry.name != name, -entry.rank))
        return replace(self, candidates=by_rank)


class LayerEncoder:
    """Belongs to the encode thread; only `want_key_frame` may come from another."""

    def __init__(self, state: LayerState, choice: EncoderChoice, report: Report) -> None:
        self.rid: Rid = state.rid
        self._choice = choice
        self._report = report
        self._state = state
        self._framerate = state.framerate
        self._divider = FrameRateDivider(0, 0)
        self._pacing = (0.0, 0.0, False)
        self._chain: EncoderChain[VideoEncoder] = EncoderChain(state.rid, choice.codec, choice.candidates, report)
        self._settings: VideoEncoderSettings | None = None
        self._wants_key_frame = True
        self._is_started = False
        self._idle_since_ns = 0
        self.encoded = 0
        """Frames given out since the start."""
        self.encode_ns = 0
        """Time spent scaling and encoding since the start."""

    def use(self, choice: EncoderChoice) -> None:
        """Encode with these candidates from now on; begins with a key frame when they are others."""
        if choice == self._choice:
            return
        self.close()
        self._choice = choice
        self._chain = EncoderChain(self.rid, choice.codec, choice.candidates, self._report)

    def want_key_frame(self) -> None:
        """Make the next frame a key frame."""
        self._wants_key_frame = True

    def restart(self) -> None:
        """Frames were lost, or the layer begins: give out nothing before the next key frame."""
        self._is_started = False
        self._wants_key_frame = True

    def configure(self, state: LayerState, source_framerate: float, now_ns: int) -> None:
        """Take over what the plan says of this layer."""
        if state.active and not self._state.active:
            self.restart()
        if not state.active and self._state.active:
            self._idle_since_ns = now_ns
        self._state = state
        self._framerate = min(state.framerate, source_framerate) if source_framerate else state.framerate
        self._pace(source_framerate)
        if state.active and self._chain.encoder is not None:
            self._adjust(self._chain.encoder)

    def wants(self, captured_ns: int) -> bool:
        """Whether this picture is to be encoded. Call once per picture."""
        if not self._state.active or not self._divider.take(captured_ns):
            return False
        return self._chain.may_try(time.monotonic_ns())

    def encode(self, scale: Scale) -> EncodedFrame | None:
        """The current picture compressed; None when the encoder dropped it or has failed.

        Whatever an encoder or the scaler raises ends here, so that other layers go on.
        """
        begun_ns = time.perf_counter_ns()
        key_frame, self._wants_key_frame = self._wants_key_frame, False
        try:
            encoder = self._chain.open(self._build)
            picture = scale(self._state.width, self._state.height, encoder.pixel_formats, encoder.scale)
            frame = encoder.encode(picture, key_frame=key_frame)
        except LinkClosed:
            raise
        except Exception as error:
            self._failed(error)
            return None
        finally:
            self.encode_ns += time.perf_counter_ns() - begun_ns
        return self._checked(frame, key_frame)

    def release_if_idle(self, now_ns: int) -> None:
        """Close the encoder of a layer that has been inactive for long."""
        if not self._state.active and now_ns - self._idle_since_ns > IDLE_CLOSE_NS:
            self.close()

    def close(self) -> None:
        """Release the encoder; the next frame needs another, and is a key frame."""
        self._chain.close()
        self.restart()

    def _checked(self, frame: EncodedFrame | None, key_frame: bool) -> EncodedFrame | None:
        if frame is None or not frame.is_key:
            self._wants_key_frame |= key_frame
        if frame is None or not (self._is_started or frame.is_key):
            return None
        self._is_started = True
        self.encoded += 1
        self._chain.succeeded()
        return frame

    def _pace(self, source_framerate: float) -> None:
        pacing = (self._state.framerate, source_framerate, self._state.active)
        if pacing != self._pacing:
            self._pacing = pacing
            self._divider = FrameRateDivider(self._state.framerate, source_framerate)

    def _adjust(self, encoder: VideoEncoder) -> None:
        """Change the rate of the open encoder; close it when it cannot go there."""
        settings = self._settings
        assert settings is not None
        is_other_size = (settings.width, settings.height) != (self._state.width, self._state.height)
        if is_other_size or self._state.bitrate > settings.max_bitrate:
            self.close()
            return
        try:
            encoder.set_rate(self._state.bitrate, self._framerate)
        except Exception as error:
            self._failed(error)

    def _build(self, registration: EncoderRegistration) -> VideoEncoder:
        assert registration.video is not None
        self._settings = self._wanted_settings()
        return registration.video(self._settings)

    def _wanted_settings(self) -> VideoEncoderSettings:
        state, choice = self._state, self._choice
        return VideoEncoderSettings(
            choice.codec,
            self.rid,
            state.width,
            state.height,
            self._framerate,
            state.bitrate,
            _max_bitrate(state, self._settings, is_screen_share=choice.is_screen_share),
            choice.is_screen_share,
        )

    def _failed(self, error: Exception) -> None:
        self._chain.failed(error, time.monotonic_ns())
        self.restart()


def _max_bitrate(state: LayerState, before: VideoEncoderSettings | None, *, is_screen_share: bool) -> BitsPerSecond:
    """What LiveKit's default for this size may reach, or twice what turned out to be wanted.

    The plan does not say how far a bitrate may rise later. When it rises beyond this, the
    encoder is rebuilt with more room; doubling keeps that rare.
    """
    usual = default_encoding(state.width, state.height, is_screen_share=is_screen_share).max_bitrate
    if before is not None and state.bitrate > before.max_bitrate:
        return BitsPerSecond(2 * state.bitrate)
    return BitsPerSecond(max(usual, state.bitrate))
