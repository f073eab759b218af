"""What pluggy does not check, or checks late: the shape of a plugin's hook implementations.

pluggy refuses a wrong argument itself, but keeps a half-registered plugin, and it lets a
misspelt hook, an `async` hook and a class instead of an instance pass.
"""

from __future__ import annotations

import difflib
import inspect
from collections.abc import Iterator

from lkedge.errors import PluginError
from lkedge.plugin import hookspecs

PREFIX = "lkedge_"


def hook_names() -> tuple[str, ...]:
    """Every hook there is, in the order of hookspecs.py."""
    return tuple(name for name in vars(hookspecs) if name.startswith(PREFIX))


def check_hooks(plugin: object) -> None:
    """Raise PluginError when a plugin's hooks cannot be called as they are."""
    if inspect.isclass(plugin):
        raise PluginError(f"the entry point names the class {plugin.__name__}; name a module or an instance")
    implementations = list(_implementations(plugin))
    if not implementations:
        raise PluginError("no hook is implemented; mark functions with lkedge.plugin.hookspecs.hookimpl")
    for name, function in implementations:
        _check_name(name)
        _check_is_sync(name, function)
        _check_arguments(name, function)


def _implementations(plugin: object) -> Iterator[tuple[str, object]]:
    for name in dir(plugin):
        function = inspect.getattr_static(plugin, name, None)
        if hasattr(function, "lkedge_impl"):
            yield name, getattr(plugin, name)


def _check_name(name: str) -> None:
    if name in hook_names():
        return
    near = difflib.get_close_matches(name, hook_names(), 1)
    hint = f"; did you mean {near[0]}?" if near else f"; the hooks are {', '.join(hook_names())}"
    raise PluginError(f"there is no hook {name}{hint}")


def _check_is_sync(name: str, function: object) -> None:
    if inspect.iscoroutinefunction(function):
        raise PluginError(f"{name} is async; hooks are plain functions")


def _check_arguments(name: str, function: object) -> None:
    allowed = list(inspect.signature(getattr(hookspecs, name)).parameters)
    wanted = list(inspect.signature(function).parameters)  # type: ignore[arg-type]
    unknown = [argument for argument in wanted if argument not in allowed]
    if unknown:
        offer = ", ".join(allowed) or "no arguments"
        raise PluginError(f"{name} asks for {', '.join(unknown)}; it can have {offer}")
