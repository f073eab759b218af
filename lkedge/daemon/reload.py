# lkedge: pure
"""What has to be done to get from one configuration to another.

| what is different                                            | what is done |
|---|---|
| bitrates, frame rates, sizes of layers, Dynacast, mute       | the track changes while it runs |
| encoder of a picture, live controls                          | the same |
| source and its options, capture, isolation, encoder of sound | its worker is replaced; the track keeps its SID |
| codec, number of layers, publish_as, stream, dtx, red, stereo | it is published anew, with another SID |
| server, credentials, ICE                                     | the room is left and joined anew |
| name, metadata, attributes                                   | others are told |
| log level, settings of plugins                               | taken over |
| [control]                                                    | named, with the remedy: a restart of the daemon |
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields
from enum import StrEnum

from lkedge.config.models import Config, ControlConfig, LiveKitConfig, TrackConfig
from lkedge.daemon.track_changes import Reach, change, differences, reach


class Effect(StrEnum):
    """What a step does."""

    REMOVED = "removed"
    DISABLED = "disabled"
    CHANGED = "changed"
    RESTARTED = "restarted"
    PUBLISHED_ANEW = "published anew"
    ADDED = "added"
    ENABLED = "enabled"
    SHOWN = "shown"
    JOINED_ANEW = "joined anew"
    LOG_LEVEL = "log level"
    PLUGINS = "plugins"
    NEEDS_RESTART = "restart the daemon to apply it"


_PLAIN = (Effect.CHANGED, Effect.SHOWN, Effect.LOG_LEVEL, Effect.PLUGINS)
"""Effects that their changes tell well enough."""

_ORDER = tuple(Effect)

_EFFECTS = {Reach.LIVE: Effect.CHANGED, Reach.WORKER: Effect.RESTARTED, Reach.PUBLICATION: Effect.PUBLISHED_ANEW}


@dataclass(frozen=True, slots=True)
class Step:
    """One thing to do; `str()` is the sentence for people.

    subject: name of the track, or what else it is about. track: its new settings; None when it
        goes, and for what is no track. mute: whether it is muted from now on; None leaves that.
    """

    effect: Effect
    subject: str
    changes: tuple[str, ...] = ()
    track: TrackConfig | None = None
    mute: bool | None = None

    def __str__(self) -> str:
        details = ", ".join(self.changes)
        if self.effect in _PLAIN:
            return f"{self.subject}: {details}"
        return f"{self.subject}: {self.effect.value} ({details})" if details else f"{self.subject}: {self.effect.value}"


@dataclass(frozen=True, slots=True)
class ReloadPlan:
    """steps: in the order of doing: what goes makes room for what comes.

    unchanged: how many tracks stay as they are.
    """

    steps: tuple[Step, ...] = ()
    unchanged: int = 0

    @property
    def summary(self) -> str:
        """One line."""
        steps = "; ".join(map(str, self.steps)) or "nothing is different"
        return f"{steps}; {self.unchanged} unchanged" if self.unchanged else steps


def plan(old: Config, new: Config) -> ReloadPlan:
    """The steps from one configuration to the other. Reads nothing and changes nothing."""
    before = {track.name: track for track in old.tracks}
    after = {track.name: track for track in new.tracks}
    steps = [
        *(Step(Effect.REMOVED, name) for name in before if name not in after),
        *(step for name, track in after.items() for step in _track(before.get(name), track)),
        *_rest(old, new),
    ]
    touched = {step.subject for step in steps if step.track is not None}
    unchanged = len(after.keys() - touched)
    return ReloadPlan(tuple(sorted(steps, key=lambda step: _ORDER.index(step.effect))), unchanged)


def _track(old: TrackConfig | None, new: TrackConfig) -> Iterator[Step]:
    if old is None:
        yield Step(Effect.ADDED, new.name, () if new.enabled else ("disabled",), new)
        return
    if changes := differences(old, new):
        is_running = old.enabled or new.enabled
        effect = _EFFECTS[reach(old, new)] if is_running else Effect.CHANGED
        yield Step(effect, new.name, changes, new, new.muted if new.muted != old.muted else None)
    if old.enabled != new.enabled:
        yield Step(Effect.ENABLED if new.enabled else Effect.DISABLED, new.name, track=new)


def _rest(old: Config, new: Config) -> Iterator[Step]:
    yield from _livekit(old.livekit, new.livekit)
    if old.log_level != new.log_level:
        yield Step(Effect.LOG_LEVEL, "log", (change("level", old.log_level, new.log_level),))
    if old.plugins != new.plugins:
        names = {name for name in (*old.plugins, *new.plugins) if old.plugins.get(name) != new.plugins.get(name)}
        yield Step(Effect.PLUGINS, "plugins", (f"settings of {', '.join(sorted(names))}",))
    if old.control != new.control:
        yield Step(Effect.NEEDS_RESTART, "[control]", tuple(_control(old.control, new.control)))


def _control(old: ControlConfig, new: ControlConfig) -> Iterator[str]:
    for field in fields(ControlConfig):
        before, after = getattr(old, field.name), getattr(new, field.name)
        if before != after:
            yield change("allow_read" if field.name == "is_open_to_read" else field.name, before, after)


def _livekit(old: LiveKitConfig, new: LiveKitConfig) -> Iterator[Step]:
    changes = [change("server", old.url, new.url)] if old.url != new.url else []
    changes += ["other credentials"] if old.credentials != new.credentials else []
    changes += ["other ICE settings"] if old.ice != new.ice else []
    if changes:
        yield Step(Effect.JOINED_ANEW, "room", tuple(changes))
        return
    shown = [name for name in ("name", "metadata", "attributes") if getattr(old, name) != getattr(new, name)]
    if shown:
        yield Step(Effect.SHOWN, "participant", (f"other {' and '.join(shown)}",))
