"""Tries one encoder with real pictures: all layers open at the same time, as the worker has them."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field

from lkedge.media.frame import EncodedFrame, VideoFrame
from lkedge.plugin.api import EncoderRegistration, VideoEncoder, VideoEncoderSettings
from lkedge.worker.cascade import Scaler
from lkedge.worker.sentence import describe
from lkedge.worker.trial_check import fault
from lkedge.worker.trial_dmabuf import DmabufPicture
from lkedge.worker.trial_picture import Clip, MovingPicture
from lkedge.worker.trial_values import LayerTrial, TrialLayer, TrialRequest, TrialResult

Tell = Callable[[str], None]
"""Is told what is tried next, so that whoever kills a trial that hangs can say where."""


def run_trial(
    registration: EncoderRegistration,
    request: TrialRequest,
    scaler: Scaler,
    *,
    tell: Tell = lambda stage: None,
    now_ns: Callable[[], int] = time.perf_counter_ns,
) -> TrialResult:
    """Open, encode, ask for a key frame, change the rate, close, decode. Blocks; run it in a process of its own."""
    tell("looking for it")
    if reason := registration.is_usable():
        return TrialResult(registration.name, reason)
    trials = [_Layer(layer, request, registration, scaler, now_ns) for layer in request.layers]
    for trial in trials:
        tell(f"opening it for {trial.layer.size}")
        trial.open()
    for index in range(request.pictures):
        for trial in trials:
            tell(f"encoding picture {index + 1} of {trial.layer.size}")
            trial.encode(index)
    for trial in trials:
        tell(f"closing it for {trial.layer.size}")
        trial.close()
    tell("decoding what it made")
    return _result(registration.name, tuple(trial.outcome() for trial in trials))


def _result(encoder: str, layers: tuple[LayerTrial, ...]) -> TrialResult:
    if all(layer.reason for layer in layers):
        return TrialResult(encoder, layers[0].reason if layers else "there is nothing to encode", layers)
    return TrialResult(encoder, "", layers)


@dataclass
class _Layer:
    """One encoder. After the first error it does nothing more."""

    layer: TrialLayer
    request: TrialRequest
    registration: EncoderRegistration
    scaler: Scaler
    now_ns: Callable[[], int]
    reason: str = ""
    frames: list[EncodedFrame] = field(default_factory=list)
    times_ns: list[int] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._encoder: VideoEncoder | None = None
        self._clip: Clip = _clip(self.layer, self.request)
        self._key_frame_at = self.request.pictures // 2

    def open(self) -> None:
        make = self.registration.video
        assert make is not None
        with _Noted(self):
            self._encoder = make(self._settings())

    def encode(self, index: int) -> None:
        if self._encoder is None or self.reason:
            return
        with _Noted(self):
            if index == self._key_frame_at + 1:
                self._encoder.set_rate(self.layer.bitrate, self.layer.framerate)
            picture = self._clip.at(index, self.layer.framerate)
            self._timed(self._encoder, self._converted(picture, self._encoder), key_frame=index == self._key_frame_at)

    def close(self) -> None:
        encoder, self._encoder = self._encoder, None
        if encoder is not None:
            with _Noted(self):
                encoder.close()

    def outcome(self) -> LayerTrial:
        layer = self.layer
        reason = self.reason or fault(
            self.frames,
            self._clip,
            pictures=self.request.pictures,
            key_frame_at=self._key_frame_at,
            framerate=layer.framerate,
        )
        if reason:
            return LayerTrial(layer.rid, layer.width, layer.height, reason)
        return LayerTrial(layer.rid, layer.width, layer.height, "", self._ms(), self._bitrate())

    def _timed(self, encoder: VideoEncoder, picture: VideoFrame, *, key_frame: bool) -> None:
        begun_ns = self.now_ns()
        frame = encoder.encode(picture, key_frame=key_frame)
        self.times_ns.append(self.now_ns() - begun_ns)
        if frame is not None:
            self.frames.append(frame)

    def _converted(self, picture: VideoFrame, encoder: VideoEncoder) -> VideoFrame:
        return self.scaler.scale(picture, picture.width, picture.height, encoder.pixel_formats)

    def _ms(self) -> float:
        """The mean; the first picture, which builds tables and starts the hardware, does not count."""
        counted = self.times_ns[1:] or self.times_ns
        return round(sum(counted) / len(counted) / 1e6, 2)

    def _bitrate(self) -> int:
        seconds = len(self.times_ns) / self.layer.framerate
        return round(8 * sum(len(frame.data) for frame in self.frames) / seconds)

    def _settings(self) -> VideoEncoderSettings:
        layer = self.layer
        return VideoEncoderSettings(
            self.request.codec,
            layer.rid,
            layer.width,
            layer.height,
            layer.framerate,
            layer.bitrate,
            layer.bitrate,
            self.request.is_screen_share,
        )


def _clip(layer: TrialLayer, request: TrialRequest) -> Clip:
    return (DmabufPicture if request.dmabuf else MovingPicture)(layer.width, layer.height)


class _Noted:
    """Whatever an encoder raises is a finding, and no reason to stop."""

    def __init__(self, layer: _Layer) -> None:
        self._layer = layer

    def __enter__(self) -> None: ...

    def __exit__(self, kind: object, error: BaseException | None, traceback: object) -> bool:
        if not isinstance(error, Exception):
            return False
        self._layer.reason = self._layer.reason or describe(self._layer.registration.name, error)
        return True
