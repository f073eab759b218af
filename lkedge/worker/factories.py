"""Finds the source, the encoders and the scaler of a worker by their registered names."""

from __future__ import annotations

import dataclasses
import importlib
from collections.abc import Callable, Sequence

from lkedge.errors import PluginError
from lkedge.plugin.api import AudioSource, EncoderRegistration, SourceRegistration, VideoSource
from lkedge.plugin.manager import PluginManager
from lkedge.plugin.options import build_options
from lkedge.plugin.registry import Registry
from lkedge.terms import Codec, TrackKind
from lkedge.worker.cascade import Scaler
from lkedge.worker.snapshot import JpegEncoder
from lkedge.worker.spec import AudioWorkerSpec, VideoWorkerSpec, WorkerSpec

SCALER_MODULE = "lkedge.builtin.scaler"
"""Reached by name like every implementation: a worker does not import the built-in ones."""

JPEG_MODULE = "lkedge.builtin.jpeg"


def load_registry(plugins: Sequence[str]) -> Registry:
    """The registry of the plugins that the daemon names, or of all installed ones.

    plugins: what `PluginManager.targets` gave in the daemon.
    """
    return PluginManager(load_entry_points=not plugins, targets=plugins).registry


def video_source(registry: Registry, spec: VideoWorkerSpec) -> Callable[[], VideoSource]:
    """Makes the source; each call raises PluginError when it cannot be made."""

    def make() -> VideoSource:
        registration = _source(registry, spec)
        if registration.video is None:
            raise _wrong_kind(spec, TrackKind.VIDEO)
        capture = dataclasses.replace(spec.capture, codec=spec.codec)
        return registration.video(capture, build_options(registration.options, spec.options))

    return make


def audio_source(registry: Registry, spec: AudioWorkerSpec) -> Callable[[], AudioSource]:
    """As video_source."""

    def make() -> AudioSource:
        registration = _source(registry, spec)
        if registration.audio is None:
            raise _wrong_kind(spec, TrackKind.AUDIO)
        return registration.audio(spec.capture, build_options(registration.options, spec.options))

    return make


def encoder_candidates(registry: Registry, codec: Codec, name: str) -> list[EncoderRegistration]:
    """The named encoder and, should it fail, the others by rank; by rank only without a name."""
    by_rank = registry.encoders_for(codec)
    return sorted(by_rank, key=lambda registration: registration.name != name) if name else by_rank


def make_jpeg_encoder() -> JpegEncoder:
    """For one thread. Raises EncoderError: there is nothing that makes a JPEG."""
    encoder: JpegEncoder = importlib.import_module(JPEG_MODULE).encode
    return encoder


def make_scaler() -> Scaler:
    scaler: Scaler = importlib.import_module(SCALER_MODULE).Scaler()
    return scaler


def _source(registry: Registry, spec: WorkerSpec) -> SourceRegistration:
    registration = registry.sources.get(spec.source)
    if registration is None:
        known = ", ".join(sorted(registry.sources))
        raise PluginError(f"{spec.source}: no plugin offers this source; there are {known}; see `lkedge plugins`")
    return registration


def _wrong_kind(spec: WorkerSpec, kind: TrackKind) -> PluginError:
    return PluginError(f"{spec.source}: this source has no {kind.value}, which track {spec.track} needs")
