"""Loads the plugins one by one, keeps a record of each, and calls their hooks one by one.

A plugin that cannot be imported, breaks a contract or raises in a hook is named with its
reason in `records`; the others, and the daemon, go on.
"""

from __future__ import annotations

import dataclasses
import importlib
import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import pluggy

import lkedge
from lkedge.clock import SECOND_NS, Clock, SystemClock
from lkedge.errors import PluginError
from lkedge.plugin import hookspecs
from lkedge.plugin.api import DeviceInfo, EncoderRegistration, ProcessorRegistration, SourceRegistration
from lkedge.plugin.contract import check_hooks
from lkedge.plugin.discovery import FoundPlugin, installed_plugins
from lkedge.plugin.hookspecs import PROJECT, EncoderRequest
from lkedge.plugin.options import build_options
from lkedge.plugin.registry import Registry
from lkedge.terms import TrackKind

logger = logging.getLogger(__name__)

BUILTIN = FoundPlugin("builtin", "lkedge.builtin.plugin", "lkedge", lkedge.__version__)

CRASHES_ALLOWED = 3
CRASH_WINDOW_NS = 60 * SECOND_NS


class PluginStatus(StrEnum):
    READY = "ready"
    IMPORT_ERROR = "import error"
    CONTRACT_ERROR = "contract error"
    DUPLICATE_NAME = "duplicate name"
    STOPPED = "stopped"


@dataclass(frozen=True, slots=True)
class PluginRecord:
    """One plugin, as `lkedge plugins` shows it.

    reason: empty for a plugin that is well; it may be set although the status is "ready",
        when the latest call of a hook failed.
    target: what the entry point names, for workers that load the same plugins.
    """

    name: str
    distribution: str
    version: str
    status: PluginStatus
    reason: str = ""
    sources: tuple[str, ...] = ()
    encoders: tuple[str, ...] = ()
    processors: tuple[str, ...] = ()
    target: str = ""


class PluginManager:
    """Owns the registry. Load in the main thread; hooks are called one at a time."""

    def __init__(
        self,
        load_entry_points: bool = True,
        *,
        targets: Sequence[str] = (),
        find: Callable[[], list[FoundPlugin]] = installed_plugins,
        clock: Clock | None = None,
    ) -> None:
        """Load the built-in plugin, then the others.

        load_entry_points: look for installed plugins.
        targets: further plugins, each "module" or "module:attribute"; a worker is handed
            the daemon's `targets` and need not look for itself.
        """
        self.registry = Registry()
        self._records: dict[str, PluginRecord] = {}
        self._crashes: dict[str, list[int]] = {}
        self._configured: dict[str, Mapping[str, Any] | None] = {}
        self._clock = clock or SystemClock()
        self._pluggy = pluggy.PluginManager(PROJECT)
        self._pluggy.add_hookspecs(hookspecs)
        self._load_all([BUILTIN, *map(_found_by_target, targets), *(find() if load_entry_points else [])])

    @property
    def records(self) -> tuple[PluginRecord, ...]:
        """One for each plugin that was found, in the order of loading."""
        return tuple(self._records.values())

    @property
    def targets(self) -> tuple[str, ...]:
        """What a worker must load beside the built-in plugin to know the same sources."""
        ready = (record for record in self.records if record.status is PluginStatus.READY)
        return tuple(record.target for record in ready if record.name != BUILTIN.name)

    def add(self, name: str, plugin: object, distribution: str = "", version: str = "", target: str = "") -> None:
        """Register one plugin object; what is wrong with it ends up in its record."""
        found = FoundPlugin(name, target, distribution, version)
        self._guarded(found, lambda: plugin)

    def notify(self, hook: str, **arguments: Any) -> None:
        """Call a notification hook of every plugin; one that raises does not disturb the others."""
        for plugin in self._plugins_with(hook):
            self._call(plugin, hook, arguments)

    def configure(self, plugins: Mapping[str, Mapping[str, Any]]) -> None:
        """Hand `Config.plugins` to the plugins: to each only what it was not handed before."""
        for name in sorted(self._configured.keys() | plugins.keys()):
            values = plugins.get(name)
            if values == self._configured.get(name) or name not in self._plugins_with("lkedge_configure"):
                continue
            self._configured[name] = values
            settings = None if values is None else build_options(self.registry.settings[name], values)
            self._call(name, "lkedge_configure", {"settings": settings})

    def choose_encoder(self, request: EncoderRequest) -> EncoderRegistration:
        """The encoder for a track: a plugin's choice, else the highest rank.

        Raises:
            PluginError: no plugin offers an encoder of this codec.
        """
        candidates = self.registry.encoders_for(request.codec)
        if not candidates:
            raise PluginError(f"no plugin offers an encoder for {request.codec.value}; see `lkedge plugins`")
        for plugin in self._plugins_with("lkedge_choose_encoder"):
            arguments = {"request": request, "candidates": tuple(candidates)}
            name = self._call(plugin, "lkedge_choose_encoder", arguments)
            for candidate in candidates:
                if candidate.name == name:
                    return candidate
        return candidates[0]

    @property
    def probing(self) -> tuple[str, ...]:
        """The plugins that list devices."""
        return tuple(self._plugins_with("lkedge_probe"))

    def probe_plugin(self, name: str, kind: TrackKind | None = None) -> list[DeviceInfo]:
        """The devices of one plugin, in this thread, as long as it takes. Raises whatever the plugin raises."""
        answers = self._caller(name, "lkedge_probe")(kind=kind)
        return [device for answer in answers for device in answer or ()]

    def _load_all(self, found: Iterable[FoundPlugin]) -> None:
        for plugin in found:
            self._guarded(plugin, lambda plugin=plugin: _import(plugin.target))  # type: ignore[misc]

    def _guarded(self, found: FoundPlugin, load: Callable[[], object]) -> None:
        """The one broad handler of loading: whatever a plugin does wrong becomes its record."""
        if found.name in self._records:
            self._record_duplicate(found)
            return
        record = PluginRecord(found.name, found.distribution, found.version, PluginStatus.READY, target=found.target)
        self._records[found.name] = record
        status = PluginStatus.IMPORT_ERROR
        try:
            plugin = load()
            status = PluginStatus.CONTRACT_ERROR
            self._register(found.name, plugin)
        except (Exception, SystemExit) as error:
            self._set_aside(found.name, status, error)

    def _register(self, name: str, plugin: object) -> None:
        check_hooks(plugin)
        self._pluggy.register(plugin, name)
        self._pluggy.check_pending()
        sources: list[SourceRegistration] = []
        encoders: list[EncoderRegistration] = []
        processors: list[ProcessorRegistration] = []
        settings: list[type[Any]] = []
        self._caller(name, "lkedge_register_sources")(register=sources.append)
        self._caller(name, "lkedge_register_encoders")(register=encoders.append)
        self._caller(name, "lkedge_register_processors")(register=processors.append)
        self._caller(name, "lkedge_register_settings")(register=settings.append)
        self.registry.add_all(sources, encoders, name, processors, settings)
        self._update(
            name,
            sources=tuple(source.name for source in sources),
            encoders=tuple(encoder.name for encoder in encoders),
            processors=tuple(processor.name for processor in processors),
        )

    def _set_aside(self, name: str, status: PluginStatus, error: BaseException) -> None:
        self._unregister(name)
        self._update(name, status=status, reason=_reason(error))
        logger.warning("plugin %s is not used: %s: %s", name, status.value, _reason(error))
        logger.debug("plugin %s failed to load", name, exc_info=error)

    def _record_duplicate(self, found: FoundPlugin) -> None:
        first = self._records[found.name]
        reason = (
            f"the plugin name {found.name!r} of {found.distribution or found.target} is already taken by "
            f"{first.distribution or first.target}; uninstall one of the two"
        )
        key = f"{found.name}@{found.distribution or found.target}"
        self._records[key] = PluginRecord(
            found.name, found.distribution, found.version, PluginStatus.DUPLICATE_NAME, reason, target=found.target
        )
        logger.warning("plugin %s is not used: %s", found.name, reason)

    def _plugins_with(self, hook: str) -> list[str]:
        caller: pluggy.HookCaller = getattr(self._pluggy.hook, hook)
        return [implementation.plugin_name for implementation in caller.get_hookimpls()]

    def _caller(self, name: str, hook: str) -> pluggy.HookCaller:
        """The hook as implemented by one plugin only."""
        others = [plugin for key, plugin in self._pluggy.list_name_plugin() if key != name]
        return self._pluggy.subset_hook_caller(hook, others)

    def _call(self, name: str, hook: str, arguments: dict[str, Any]) -> Any:
        try:
            return self._caller(name, hook)(**arguments)
        except Exception as error:
            self._crashed(name, hook, error)
            return None

    def _crashed(self, name: str, hook: str, error: BaseException) -> None:
        """Note a failed hook; the third within a minute stops the plugin's hooks."""
        now_ns = self._clock.monotonic_ns()
        recent = [time_ns for time_ns in self._crashes.get(name, []) if now_ns - time_ns < CRASH_WINDOW_NS]
        self._crashes[name] = [*recent, now_ns]
        reason = f"{hook}: {_reason(error)}"
        self._update(name, reason=reason)
        if len(self._crashes[name]) < CRASHES_ALLOWED:
            logger.warning("plugin %s failed in %s: %s", name, hook, _reason(error))
            return
        self._unregister(name)
        self._update(name, status=PluginStatus.STOPPED, reason=f"{CRASHES_ALLOWED} failures in a minute; last {reason}")
        logger.error("plugin %s is stopped: %d failures in a minute; last %s", name, CRASHES_ALLOWED, reason)

    def _unregister(self, name: str) -> None:
        if self._pluggy.get_plugin(name) is not None:
            self._pluggy.unregister(name=name)

    def _update(self, name: str, **changes: Any) -> None:
        self._records[name] = dataclasses.replace(self._records[name], **changes)


def _found_by_target(target: str) -> FoundPlugin:
    return FoundPlugin(target, target, "", "")


def _import(target: str) -> object:
    module_name, _, attribute = target.partition(":")
    plugin: object = importlib.import_module(module_name)
    for name in filter(None, attribute.split(".")):
        plugin = getattr(plugin, name)
    return plugin


def _reason(error: BaseException) -> str:
    """One line: the message, with the type in front when the error is not ours."""
    text = " ".join(str(error).split())
    return text if isinstance(error, PluginError) else f"{type(error).__name__}: {text}".rstrip(": ")
