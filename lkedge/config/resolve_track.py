"""From one [[track]] table and the defaults to a TrackConfig."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

from lkedge.config.catalogue import Catalogue, SourceEntry
from lkedge.config.document import Document
from lkedge.config.locate import KeyPath
from lkedge.config.models import AUTO, AudioPublish, CaptureConfig, TrackConfig, VideoPublish
from lkedge.config.options import check_options, option_fields
from lkedge.config.presets import AUDIO_PRESETS, video_preset
from lkedge.config.problems import Problems
from lkedge.config.resolve_livekit import absolute
from lkedge.config.sections import CaptureSection, EncodingSection, LayerSection, PublishSection, Section, TrackSection
from lkedge.config.suggest import did_you_mean, listed
from lkedge.media.layers import Preset, VideoEncoding
from lkedge.terms import BitsPerSecond, Codec, Isolation, TrackKind, TrackSource

_PROCESSING = ("echo_cancellation", "noise_suppression", "auto_gain_control", "high_pass_filter")
_CAPTURE_OF = {TrackKind.VIDEO: ("width", "height", "framerate"), TrackKind.AUDIO: ("channels", *_PROCESSING)}
_PUBLISH_OF = {
    TrackKind.VIDEO: (
        "video_codec", "video_encoding", "screen_share_encoding", "simulcast", "video_simulcast_layers",
    ),
    TrackKind.AUDIO: ("audio_bitrate", "dtx", "red", "fec", "stereo"),
}  # fmt: skip
_SOUND_FILES = (".wav", ".mp3", ".ogg", ".oga", ".opus", ".flac", ".m4a", ".aac")
_DEFAULT_STREAM = ""

S = TypeVar("S", bound=Section)


class TrackResolver:
    """Resolves the tracks one by one; knows the defaults and the plugins."""

    def __init__(
        self,
        document: Document,
        catalogue: Catalogue,
        capture_defaults: CaptureSection,
        publish_defaults: PublishSection,
        problems: Problems,
    ) -> None:
        self._document = document
        self._catalogue = catalogue
        self._capture_defaults = capture_defaults
        self._publish_defaults = publish_defaults
        self._problems = problems

    def resolve(self, index: int, section: TrackSection, tables: Mapping[str, Any]) -> TrackConfig | None:
        """The resolved track; None, with the problems noted, when there is no such source.

        tables: the entries of the track that are named like a source.
        """
        path: KeyPath = ("track", index)
        source = self._catalogue.sources.get(section.source)
        if source is None:
            self._unknown_source(path, section.source)
            return None
        options = self._options(path, source, tables)
        publish_as = self._publish_as(path, section, source, options)
        publish = self._publish(path, section, publish_as)
        return TrackConfig(
            name=section.name,
            source=section.source,
            publish_as=publish_as,
            publish=publish,
            capture=self._capture(path, section, publish),
            source_options=options,
            enabled=section.enabled is not False,
            muted=bool(section.muted),
            isolation=section.isolation or Isolation.PROCESS,
        )

    def _unknown_source(self, path: KeyPath, name: str) -> None:
        known = list(self._catalogue.sources)
        hint = did_you_mean(name, known)
        self._problems.add(
            (*path, "source"), f"there is no such source; known are {listed(known, 'and')}{hint} (see `lkedge plugins`)"
        )

    def _options(self, path: KeyPath, source: SourceEntry, tables: Mapping[str, Any]) -> dict[str, Any]:
        for name in tables.keys() - {source.name}:
            self._problems.add_plain(
                (*path, name),
                f'{self._problems.place((*path, name))}: these are settings of the source "{name}", '
                f'but the source of this track is "{source.name}"',
            )
        at: KeyPath = (*path, source.name)
        given = tables.get(source.name, {})
        if not isinstance(given, dict):
            self._problems.add(at, f"must be a table of settings: {_settings_of(source)}")
            given = {}
        values, wrong = check_options(
            source.options, given, lambda key, value: str(absolute(self._document, (*at, key), value))
        )
        for problem in wrong:
            if problem.key:
                self._problems.add((*at, problem.key), problem.text)
            else:
                self._problems.add_plain(at, f"{self._problems.place(at)}.{problem.text}")
        return values

    def _publish_as(
        self, path: KeyPath, section: TrackSection, source: SourceEntry, options: Mapping[str, Any]
    ) -> TrackSource:
        if section.publish_as is None:
            is_audio = source.kinds == {TrackKind.AUDIO} or _plays_sound(source, options)
            return TrackSource.MICROPHONE if is_audio else TrackSource.CAMERA
        if section.publish_as.kind not in source.kinds:
            fitting = [name.value for name in TrackSource if name.kind in source.kinds]
            kinds = " and ".join(sorted(kind.value for kind in source.kinds))
            self._problems.add(
                (*path, "publish_as"), f'the source "{source.name}" delivers {kinds}; use {listed(fitting)}'
            )
        return section.publish_as

    def _capture(self, path: KeyPath, section: TrackSection, publish: VideoPublish | AudioPublish) -> CaptureConfig:
        wanted = _merged(self._capture_defaults, section.capture or CaptureSection())
        is_audio = isinstance(publish, AudioPublish)
        self._check_kind((*path, "capture"), section.capture, _CAPTURE_OF, is_audio)
        if bool(wanted.width) != bool(wanted.height) and isinstance(publish, VideoPublish):
            self._problems.add((*path, "capture"), "width and height belong together; give both or none")
        idle = wanted.source_idle_after
        if is_audio:
            self._check_processing(path, wanted, section.capture or CaptureSection())
        return CaptureConfig(
            width=wanted.width or 0,
            height=wanted.height or 0,
            framerate=wanted.framerate or 0.0,
            channels=2 if isinstance(publish, AudioPublish) and publish.stereo else 1,
            source_idle_after_s=2.0 if idle is None else idle,
            echo_cancellation=wanted.echo_cancellation,
            noise_suppression=wanted.noise_suppression,
            auto_gain_control=wanted.auto_gain_control,
            high_pass_filter=wanted.high_pass_filter,
        )

    def _check_processing(self, path: KeyPath, wanted: CaptureSection, own: CaptureSection) -> None:
        """What is asked for needs a processor that does it."""
        for key in _PROCESSING:
            if getattr(wanted, key) and not self._catalogue.processors:
                at: KeyPath = (*path, "capture", key) if getattr(own, key) else ("capture_defaults", key)
                self._problems.add(
                    at, "no installed plugin processes sound; `pip install lkedge-apm` or set it to false"
                )

    def _publish(self, path: KeyPath, section: TrackSection, publish_as: TrackSource) -> VideoPublish | AudioPublish:
        own = section.publish or PublishSection()
        self._check_kind((*path, "publish"), section.publish, _PUBLISH_OF, publish_as.kind is TrackKind.AUDIO)
        wanted = _merged(self._publish_defaults, own)
        if publish_as.kind is TrackKind.AUDIO:
            return self._audio(path, wanted, own, self._is_stereo(path, section, own))
        capture = _merged(self._capture_defaults, section.capture or CaptureSection())
        return self._video(path, wanted, own, capture, publish_as is TrackSource.SCREEN_SHARE)

    def _check_kind(
        self, path: KeyPath, own: Section | None, keys: Mapping[TrackKind, Sequence[str]], is_audio: bool
    ) -> None:
        kind, other = TrackKind.VIDEO, TrackKind.AUDIO
        if is_audio:
            kind, other = other, kind
        for key in keys[other]:
            if getattr(own, key, None) is not None:
                self._problems.add((*path, key), f"is for {other}, but this track is {kind}")

    def _is_stereo(self, path: KeyPath, section: TrackSection, own: PublishSection) -> bool:
        """What is captured is published: `channels` and `stereo` say the same, and one of them is enough."""
        own_capture = section.capture or CaptureSection()
        for at, capture, publish in (
            ((*path, "capture", "channels"), own_capture, own),
            (("capture_defaults", "channels"), self._capture_defaults, self._publish_defaults),
        ):
            if None not in (capture.channels, publish.stereo) and (capture.channels == 2) != publish.stereo:
                stereo = str(publish.stereo).lower()
                self._problems.add(at, f"does not go together with stereo = {stereo}; one of the two is enough")
            if capture.channels is not None:
                return capture.channels == 2
            if publish.stereo is not None:
                return publish.stereo
        return False

    def _audio(self, path: KeyPath, wanted: PublishSection, own: PublishSection, is_stereo: bool) -> AudioPublish:
        bitrate = wanted.audio_bitrate or ("music_stereo" if is_stereo else "music")
        return AudioPublish(
            audio_bitrate=AUDIO_PRESETS[bitrate] if isinstance(bitrate, str) else BitsPerSecond(bitrate),
            dtx=not is_stereo if wanted.dtx is None else wanted.dtx,
            red=bool(wanted.red),
            fec=wanted.fec is not False,
            stereo=is_stereo,
            dynacast=wanted.dynacast is not False,
            encoder=self._encoder(path, wanted, own, Codec.OPUS),
            stream=wanted.stream or _DEFAULT_STREAM,
        )

    def _video(
        self, path: KeyPath, wanted: PublishSection, own: PublishSection, capture: CaptureSection, is_screen: bool
    ) -> VideoPublish:
        encoding = (wanted.screen_share_encoding if is_screen else wanted.video_encoding) or EncodingSection()
        codec = Codec(wanted.video_codec or Codec.VP8)
        return VideoPublish(
            video_codec=codec,
            max_bitrate=BitsPerSecond(encoding.max_bitrate) if encoding.max_bitrate else None,
            max_framerate=encoding.max_framerate,
            simulcast=wanted.simulcast is not False,
            lower_layers=self._layers(path, wanted, capture),
            dynacast=wanted.dynacast is not False,
            encoder=self._encoder(path, wanted, own, codec),
            stream=wanted.stream or _DEFAULT_STREAM,
            is_screen_share=is_screen,
        )

    def _layers(self, path: KeyPath, wanted: PublishSection, capture: CaptureSection) -> tuple[Preset, ...]:
        given = wanted.video_simulcast_layers or []
        layers = [_layer(entry, capture) for entry in given]
        at: KeyPath = (*path, "publish", "video_simulcast_layers")
        if self._document.value(at) is None:
            at = ("publish_defaults", "video_simulcast_layers")
        for index, layer in enumerate(layers):
            self._check_size((*at, index), layer, capture)
        return tuple(sorted(layers, key=lambda layer: min(layer.width, layer.height)))

    def _check_size(self, path: KeyPath, layer: Preset, capture: CaptureSection) -> None:
        if not (capture.width and capture.height):
            return
        if min(layer.width, layer.height) > min(capture.width, capture.height):
            value = self._document.value(path)
            named = (
                f'"{value}" ({layer.width}x{layer.height})'
                if isinstance(value, str)
                else f"{layer.width}x{layer.height}"
            )
            self._problems.add_plain(
                path,
                f"{self._problems.place(path)}: the layer {named} is larger than the capture "
                f"{capture.width}x{capture.height}; choose smaller layers or a larger capture",
            )

    def _encoder(self, path: KeyPath, wanted: PublishSection, own: PublishSection, codec: Codec) -> str:
        name = wanted.encoder
        if name is None or name == "auto":
            return AUTO
        fitting = [entry.name for entry in self._catalogue.encoders.values() if entry.codec is codec]
        if name in fitting:
            return name
        is_other_codec = own.encoder is None and name in self._catalogue.encoders
        if not is_other_codec:
            at: KeyPath = (*path, "publish", "encoder") if own.encoder else ("publish_defaults", "encoder")
            offer = listed(["auto", *fitting])
            self._problems.add(at, f"no such encoder for {codec.value}; use {offer}{did_you_mean(name, fitting)}")
        return AUTO


def _merged(defaults: S, own: S) -> S:
    """`own`, with `defaults` for everything that it does not say."""
    said = {key: value for key, value in own if value is not None}
    return defaults.model_copy(update=said)


def _layer(entry: str | LayerSection, capture: CaptureSection) -> Preset:
    if isinstance(entry, str):
        return video_preset(entry, capture.width or 0, capture.height or 0)
    framerate = entry.max_framerate or capture.framerate or 30.0
    return Preset(entry.width, entry.height, VideoEncoding(BitsPerSecond(entry.max_bitrate), framerate))


def _plays_sound(source: SourceEntry, options: Mapping[str, Any]) -> bool:
    """Whether a source of both kinds is given a file that can only be sound."""
    paths = [options.get(field.name) for field in option_fields(source.options) if field.is_path]
    return TrackKind.AUDIO in source.kinds and any(str(path).lower().endswith(_SOUND_FILES) for path in paths)


def _settings_of(source: SourceEntry) -> str:
    return ", ".join(field.name for field in option_fields(source.options)) or "it has none"
