# lkedge: pure
"""The picture or sound side of a configured track, and what becomes of it with other settings."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from lkedge.config.models import AudioPublish, TrackConfig
from lkedge.plugin.api import ControlValue
from lkedge.publish.audio_track import AudioTrack
from lkedge.publish.video_track import VideoTrack
from lkedge.terms import BitsPerSecond
from lkedge.worker.spec import AudioWorkerSpec, WorkerSpec

Track = VideoTrack | AudioTrack

CONTROLS_OPTION = "controls"
"""Sources with live controls take their first values in an option of this name."""


def track_for(config: TrackConfig) -> Track:
    """The picture or sound side of a configured track."""
    publish = config.publish
    return AudioTrack(config, publish) if isinstance(publish, AudioPublish) else VideoTrack(config, publish)


def needs_other_worker(old: TrackConfig, new: TrackConfig) -> bool:
    """Whether source and encoders have to be opened anew; bitrates, layers and live controls need no such thing."""
    if old.isolation is not new.isolation or changed_controls(old, new) is None:
        return True
    return _fixed(track_for(old).worker_spec()) != _fixed(track_for(new).worker_spec())


def changed_controls(old: TrackConfig, new: TrackConfig) -> Mapping[str, ControlValue] | None:
    """The controls to set at the open source; None when one is no longer set, for nobody knows its own value."""
    before, after = _controls(old), _controls(new)
    if before.keys() - after.keys():
        return None
    return {name: value for name, value in after.items() if before.get(name) != value}


def _controls(config: TrackConfig) -> Mapping[str, ControlValue]:
    found = config.source_options.get(CONTROLS_OPTION)
    return found if isinstance(found, Mapping) else {}


def _fixed(spec: WorkerSpec) -> WorkerSpec:
    """The spec without what can be changed while the worker runs."""
    options = {name: value for name, value in spec.options.items() if name != CONTROLS_OPTION}
    if isinstance(spec, AudioWorkerSpec):
        return replace(spec, options=options, encoding=replace(spec.encoding, bitrate=BitsPerSecond(0)))
    return replace(spec, options=options, encoder="")
