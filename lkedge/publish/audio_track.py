"""The audio side of a track: what the server and the worker are told, and its AudioController."""

from __future__ import annotations

from lkedge.clock import SECOND_NS
from lkedge.config.models import AudioPublish, TrackConfig
from lkedge.media.layers import NO_RID
from lkedge.plugin.api import AudioCaptureSettings, AudioEncoderSettings, AudioFormat
from lkedge.publish.audio_controller import AudioController, AudioState
from lkedge.publish.layer_controller import LayerLimit
from lkedge.publish.state import LayerStatus
from lkedge.publish.track_gate import NOT_SUBSCRIBED, TURNED_OFF
from lkedge.rtc.sdp import SectionSpec
from lkedge.signaling.requests import AddTrack
from lkedge.terms import Cid, Codec, Rid, TrackKind, TrackSource
from lkedge.worker.spec import AudioPlan, AudioWorkerSpec

FRAMES_PER_SECOND = 50
"""Opus frames of 20 ms."""

SPARE_CODEC = "pcmu"
"""In no offer of ours, so that nobody can be given it instead of Opus.

None beside RED: the server converts RED to Opus for those who want that, and does not tell of them.
"""


class AudioTrack:
    """What an audio track is and wants. Owned by the event loop."""

    kind = TrackKind.AUDIO
    codec = Codec.OPUS
    rids = (NO_RID,)
    size = (0, 0)

    def __init__(self, config: TrackConfig, publish: AudioPublish) -> None:
        self._config = config
        self._publish = publish
        idle_after_ns = round(config.capture.source_idle_after_s * SECOND_NS)
        self.controller = AudioController(
            publish.audio_bitrate, dynacast=publish.dynacast, source_idle_after_ns=idle_after_ns
        )
        self.controller.set_muted(config.muted)
        self._format: AudioFormat | None = None
        self._state = AudioState(False, True, publish.audio_bitrate)

    @property
    def has_red(self) -> bool:
        """RFC 2198 redundancy."""
        return self._publish.red

    @property
    def is_known(self) -> bool:
        return self._format is not None

    @property
    def announcement(self) -> tuple[str, ...]:
        """What the server was told and can only be told by publishing anew."""
        publish = self._publish
        flags = [name for name in ("dtx", "red", "stereo", "dynacast") if getattr(publish, name)]
        return (self._config.publish_as, publish.stream, *flags)

    @property
    def active_rids(self) -> frozenset[Rid]:
        return frozenset(self.rids) if self._state.active else frozenset()

    @property
    def is_paused(self) -> bool:
        """It is published, not muted, and yet not sent."""
        return self._state.reason in (NOT_SUBSCRIBED, TURNED_OFF)

    @property
    def captures(self) -> bool:
        return self._state.capture

    @property
    def target_bitrate(self) -> int:
        return self._state.bitrate if self._state.active else 0

    def change(self, config: TrackConfig, publish: AudioPublish) -> None:
        """Take over other settings; the bitrate follows at once."""
        self._config, self._publish = config, publish
        self.controller.set_bitrate(publish.audio_bitrate)
        self.controller.set_dynacast(publish.dynacast)
        self.controller.set_source_idle_after(round(config.capture.source_idle_after_s * SECOND_NS))

    def reopen(self) -> None:
        """Another worker opens the source."""
        self._format = None
        self._state = AudioState(False, True, self._publish.audio_bitrate)
        self.controller.restart()

    def set_format(self, audio_format: AudioFormat) -> None:
        self._format = audio_format

    def set_limit(self, _rid: Rid, limit: LayerLimit) -> None:
        self.controller.set_limit(is_enabled=limit.is_enabled, max_bitrate=limit.max_bitrate)

    def replan(self, now_ns: int) -> bool:
        """Decide anew; True when something is different."""
        before, self._state = self._state, self.controller.plan(now_ns)
        return self._state != before

    def worker_spec(self) -> AudioWorkerSpec:
        publish = self._publish
        channels = 2 if publish.stereo else 1
        return AudioWorkerSpec(
            track=self._config.name,
            source=self._config.source,
            options=self._config.source_options,
            capture=self._capture_settings(channels),
            encoding=AudioEncoderSettings(
                channels=channels, bitrate=publish.audio_bitrate, dtx=publish.dtx, fec=publish.fec
            ),
            encoder=publish.encoder,
        )

    def _capture_settings(self, channels: int) -> AudioCaptureSettings:
        """Only a track that is published as a microphone leaves what is not said to the source."""
        capture = self._config.capture
        unsaid = None if self._config.publish_as is TrackSource.MICROPHONE else False
        noise_suppression, auto_gain_control = capture.noise_suppression, capture.auto_gain_control
        return AudioCaptureSettings(
            channels=channels,
            echo_cancellation=capture.echo_cancellation,
            noise_suppression=unsaid if noise_suppression is None else noise_suppression,
            auto_gain_control=unsaid if auto_gain_control is None else auto_gain_control,
            high_pass_filter=capture.high_pass_filter,
        )

    def worker_plan(self) -> AudioPlan:
        return AudioPlan(active=self._state.active, bitrate=self._state.bitrate, capture=self._state.capture)

    def add_track(self, cid: Cid, *, muted: bool) -> AddTrack:
        publish = self._publish
        return AddTrack(
            cid=cid,
            name=self._config.name,
            source=self._config.publish_as,
            stream=publish.stream,
            muted=muted,
            codec=Codec.OPUS,
            dtx=publish.dtx,
            red=publish.red,
            stereo=publish.stereo,
            spare_codec=SPARE_CODEC if publish.dynacast and not publish.red else "",
        )

    def section(self, cid: Cid) -> SectionSpec:
        """The media section without its SSRCs."""
        return SectionSpec(Codec.OPUS, cid, self._publish.stream or "camera", red=self._publish.red)

    def layer_states(self) -> tuple[LayerStatus, ...]:
        return (
            LayerStatus(
                rid="",
                active=self._state.active,
                width=0,
                height=0,
                bitrate=self._state.bitrate,
                framerate=FRAMES_PER_SECOND,
                measured_bitrate=0,
                measured_framerate=0.0,
                reason=self._state.reason,
            ),
        )

    def format_text(self) -> str:
        channels = "stereo" if self._publish.stereo else "mono"
        return f"opus {channels} {self._publish.audio_bitrate // 1000} kbit/s"
