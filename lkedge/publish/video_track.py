"""The video side of a track: its ladder, what the server and the worker are told, and its LayerController."""

from __future__ import annotations

from collections.abc import Mapping

from lkedge.clock import SECOND_NS
from lkedge.config.models import TrackConfig, VideoPublish
from lkedge.media.layers import NO_RID, LayerPlan, SimulcastLayer, refit, single_layer
from lkedge.plugin.api import VideoCaptureSettings, VideoFormat
from lkedge.publish.layer_controller import LayerController, LayerLimit
from lkedge.publish.state import LayerStatus
from lkedge.rtc.sdp import SectionSpec
from lkedge.signaling.requests import AddTrack
from lkedge.terms import Cid, Rid, TrackKind, VideoQuality
from lkedge.worker.spec import VideoWorkerSpec

Announcement = tuple[str, ...]


class VideoTrack:
    """What a video track is and wants. Owned by the event loop.

    codec: on the wire; a passed-through source may override the configured one.
    """

    kind = TrackKind.VIDEO
    has_red = False

    def __init__(self, config: TrackConfig, publish: VideoPublish) -> None:
        self._config = config
        self._publish = publish
        self.codec = publish.video_codec
        idle_after_ns = round(config.capture.source_idle_after_s * SECOND_NS)
        self.controller = LayerController((), dynacast=publish.dynacast, source_idle_after_ns=idle_after_ns)
        self.controller.set_muted(config.muted)
        self._format: VideoFormat | None = None
        self._ladder_format: VideoFormat | None = None
        self._plan = LayerPlan((), True)

    @property
    def is_known(self) -> bool:
        """The source has told its size."""
        return self._ladder_format is not None

    @property
    def announcement(self) -> Announcement:
        """What the server was told and can only be told by publishing anew."""
        return (self._config.publish_as, self._publish.stream, self.codec, *self.rids)

    @property
    def layers(self) -> tuple[SimulcastLayer, ...]:
        return self.controller.layers

    @property
    def size(self) -> tuple[int, int]:
        """Of the top layer, in pixels."""
        return (self.layers[-1].width, self.layers[-1].height) if self.layers else (0, 0)

    @property
    def rids(self) -> tuple[Rid, ...]:
        return tuple(layer.rid for layer in self.layers)

    @property
    def active_rids(self) -> frozenset[Rid]:
        return self._plan.active_rids

    @property
    def captures(self) -> bool:
        return self._plan.capture

    @property
    def target_bitrate(self) -> int:
        """Bits per second of all active layers."""
        return sum(state.bitrate for state in self._plan.layers if state.active)

    def change(self, config: TrackConfig, publish: VideoPublish) -> None:
        """Take over other settings; the layers follow at once when the source has told its size."""
        self._config, self._publish = config, publish
        self.controller.set_dynacast(publish.dynacast)
        self.controller.set_source_idle_after(round(config.capture.source_idle_after_s * SECOND_NS))
        if self._ladder_format is not None:
            self._make_ladder(self._ladder_format)

    def reopen(self) -> None:
        """Another worker opens the source: the layers are made anew from what it delivers then."""
        self._ladder_format = None
        self._plan = LayerPlan((), True)
        self.controller.restart()

    def set_format(self, video_format: VideoFormat) -> None:
        """The source is open. The first time this makes the ladder; later the rids stay and the sizes follow."""
        self._format = video_format
        if self._ladder_format is None:
            self._make_ladder(video_format)
        else:
            self.controller.replace_layers(refit(self.layers, *_even_size(video_format)))

    def set_subscribed(self, codecs: Mapping[str, Mapping[VideoQuality, bool]]) -> None:
        """Take over a SubscribedQualityUpdate; the entry of our codec counts, else the first."""
        qualities = codecs.get(self.codec.value) or next(iter(codecs.values()), None)
        if qualities is not None:
            self.controller.set_subscribed(qualities)

    def set_limit(self, rid: Rid, limit: LayerLimit) -> None:
        self.controller.set_limit(rid, limit)

    def replan(self, now_ns: int) -> bool:
        """Decide anew; True when something is different."""
        before, self._plan = self._plan, self.controller.plan(now_ns)
        return self._plan != before

    def worker_spec(self) -> VideoWorkerSpec:
        capture = self._config.capture
        return VideoWorkerSpec(
            track=self._config.name,
            source=self._config.source,
            options=self._config.source_options,
            capture=VideoCaptureSettings(capture.width, capture.height, capture.framerate),
            codec=self._publish.video_codec,
            encoder=self._publish.encoder,
            is_screen_share=self._publish.is_screen_share,
        )

    def worker_plan(self) -> LayerPlan:
        return self._plan

    def add_track(self, cid: Cid, *, muted: bool) -> AddTrack:
        top = self.layers[-1]
        return AddTrack(
            cid=cid,
            name=self._config.name,
            source=self._config.publish_as,
            stream=self._publish.stream,
            muted=muted,
            codec=self.codec,
            width=top.width,
            height=top.height,
            layers=self.layers,
        )

    def section(self, cid: Cid) -> SectionSpec:
        """The media section without its SSRCs."""
        rids = tuple(rid for rid in self.rids if rid != NO_RID)
        return SectionSpec(self.codec, cid, self._publish.stream or "camera", rids)

    def layer_states(self) -> tuple[LayerStatus, ...]:
        return tuple(
            LayerStatus(
                rid=state.rid,
                active=state.active,
                width=state.width,
                height=state.height,
                bitrate=state.bitrate,
                framerate=state.framerate,
                measured_bitrate=0,
                measured_framerate=0.0,
                reason=state.reason,
            )
            for state in self._plan.layers
        )

    def format_text(self) -> str:
        """For the log: size, rate and layers."""
        if self._format is None:
            return "unknown"
        ladder = ", ".join(f"{layer.rid or 'single'} {layer.width}x{layer.height}" for layer in self.layers)
        return f"{self._format.width}x{self._format.height}@{self._format.framerate:g} {self.codec} ({ladder})"

    def _make_ladder(self, first: VideoFormat) -> None:
        """The layers for the first format, as the settings say, in the size of the present one."""
        self._ladder_format, present = first, self._format or first
        self.codec = first.codec or self._publish.video_codec
        layers = self._ladder(first, *_even_size(first))
        is_same_size = _even_size(first) == _even_size(present)
        self.controller.replace_layers(layers if is_same_size else refit(layers, *_even_size(present)))

    def _ladder(self, video_format: VideoFormat, width: int, height: int) -> tuple[SimulcastLayer, ...]:
        if video_format.codec is not None:
            return single_layer(width, height, self._publish.encoding(width, height, video_format.framerate))
        return self._publish.layers(width, height, video_format.framerate)


def _even_size(video_format: VideoFormat) -> tuple[int, int]:
    return video_format.width & ~1, video_format.height & ~1
