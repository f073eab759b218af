"""The hooks: what lkedge asks of its plugins, and what it tells them.

Hooks are few, synchronous, quick, and never on the path of a frame or packet. The work is
done by the objects that a plugin registers (`lkedge.plugin.api`). An implementation names
only the arguments that it wants, so arguments can be added without breaking a plugin.
A plugin marks its implementations with `hookimpl`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import pluggy

from lkedge.media.layers import LayerPlan
from lkedge.plugin.api import DeviceInfo, EncoderRegistration, ProcessorRegistration, SourceRegistration
from lkedge.terms import Codec, TrackKind

PROJECT = "lkedge"

hookspec = pluggy.HookspecMarker(PROJECT)
hookimpl = pluggy.HookimplMarker(PROJECT)


@dataclass(frozen=True, slots=True)
class EncoderRequest:
    """What an encoder is wanted for.

    width, height, framerate: of the largest layer; 0 when not known yet.
    """

    track: str
    codec: Codec
    width: int = 0
    height: int = 0
    framerate: float = 0.0
    is_screen_share: bool = False


@dataclass(frozen=True, slots=True)
class StartupContext:
    """What a plugin is told when the daemon is ready.

    version: of lkedge. tracks: the names of the configured tracks, in order.
    """

    version: str
    tracks: tuple[str, ...] = ()


@hookspec
def lkedge_register_sources(register: Callable[[SourceRegistration], None]) -> None:
    """Offer sources: call `register` once for each. Once, at load; touches no hardware."""


@hookspec
def lkedge_register_encoders(register: Callable[[EncoderRegistration], None]) -> None:
    """Offer encoders: call `register` once for each. Once, at load; touches no hardware."""


@hookspec
def lkedge_register_processors(register: Callable[[ProcessorRegistration], None]) -> None:
    """Offer audio processors: call `register` once for each. Once, at load; touches no hardware."""


@hookspec
def lkedge_register_settings(register: Callable[[type[Any]], None]) -> None:
    """Offer settings of the plugin itself: call `register` once, with a frozen dataclass of option() fields.

    They are what `[plugin.NAME]` of the configuration takes, NAME being that of the entry
    point. Once, at load.
    """


@hookspec
def lkedge_configure(settings: Any) -> None:
    """Take over the settings of `[plugin.NAME]`, an instance of the registered dataclass.

    In the daemon only, before `lkedge_startup`, and again when a reload has changed them; None
    when the table was taken out. Not called for a plugin that has no such table.
    """


@hookspec
def lkedge_probe(kind: TrackKind | None) -> Sequence[DeviceInfo]:  # type: ignore[empty-body]
    """List the devices of this kind (None: of every kind) that are there now.

    Called in a process of its own, for `lkedge devices`, the daemon's list of devices and `lkedge doctor --bench`;
    5 s at most, and killed after 10 s.
    """


@hookspec(firstresult=True)
def lkedge_choose_encoder(request: EncoderRequest, candidates: Sequence[EncoderRegistration]) -> str | None:
    """Name the candidate to use, or None for no opinion; the first answer wins.

    candidates: those of the right codec, the highest rank first.
    """


@hookspec
def lkedge_startup(context: StartupContext) -> None:
    """The daemon is ready: its control socket answers. The room may not be joined yet."""


@hookspec
def lkedge_shutdown() -> None:
    """The daemon is about to stop. Return within a second."""


@hookspec
def lkedge_track_changed(track: str, state: str) -> None:
    """A track changed its state: "published", "muted", "failed", "unpublished", ..."""


@hookspec
def lkedge_capture_changed(track: str, captures: bool) -> None:
    """The source of a track was opened, or was closed: by Dynacast, a failure, its end, or with its worker.

    True from when it delivers until after its device was released; for a snapshot too. Also
    after `lkedge_shutdown`, when the workers end.
    """


@hookspec
def lkedge_layers_changed(track: str, plan: LayerPlan) -> None:
    """A layer plan was applied; at most a few per second."""
