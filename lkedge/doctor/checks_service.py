# lkedge: pure
"""Judges lkedge itself: plugins, configuration, folders, the service."""

from __future__ import annotations

from collections.abc import Iterator

from lkedge.doctor.facts import Configuration, Facts, Folder, Plugin, Unit
from lkedge.doctor.finding import Finding, fail, ok, warn

READY = "ready"
RUNNING = ("active", "reloading")
MANY_RESTARTS = 3


def check_service(facts: Facts) -> Iterator[Finding]:
    """All of it, in the order of the report."""
    yield from _plugins(facts.plugins)
    yield from _configuration(facts.configuration)
    yield from map(_folder, facts.folders)
    yield from _unit(facts.unit)


def _plugins(plugins: tuple[Plugin, ...]) -> Iterator[Finding]:
    well = [plugin.name for plugin in plugins if plugin.status == READY and not plugin.reason]
    if well:
        yield ok("plugins", ", ".join(well))
    for plugin in plugins:
        if plugin.status != READY:
            remedy = f"update or `pip uninstall` it; `lkedge plugins` shows more of {plugin.name}"
            yield fail(f"plugin {plugin.name}", f"{plugin.status}: {plugin.reason}", remedy)
        elif plugin.reason:
            yield warn(f"plugin {plugin.name}", plugin.reason, "`lkedge devices` asks it again")


def _configuration(configuration: Configuration) -> Iterator[Finding]:
    for problem in configuration.problems:
        yield fail("configuration", problem, "`lkedge check` says it again after each correction")
    if configuration.problems:
        return
    files = ", ".join(configuration.files)
    if configuration.tracks:
        yield ok("configuration", f"{files or 'complete'}; tracks: {', '.join(configuration.tracks)}")
    else:
        yield warn("configuration", f"{files or 'nothing'}: no track", "`lkedge devices` prints tracks to paste")


def _folder(folder: Folder) -> Finding:
    if not folder.problem:
        return ok(f"{folder.purpose} folder", folder.path)
    return warn(
        f"{folder.purpose} folder",
        f"{folder.path}: {folder.problem}",
        "make it writable for the user; without it nothing is lost but time at each start",
    )


def _unit(unit: Unit) -> Iterator[Finding]:
    if not unit.load:
        return
    if unit.load != "loaded":
        yield ok("service", f"{unit.name}.service is not installed; `lkedge run` publishes from a terminal")
        return
    enabled = "enabled" if unit.is_enabled else "not enabled"
    seen = f"{unit.name}.service is {unit.active}, {enabled}"
    log = f"`journalctl -u {unit.name} -e` says why"
    if unit.active == "failed":
        yield fail("service", f"{seen} ({unit.result})", f"{log}; then `sudo systemctl restart {unit.name}`")
    elif unit.restarts >= MANY_RESTARTS:
        yield warn("service", f"{seen}; it was restarted {unit.restarts} times", log)
    elif unit.active not in RUNNING:
        yield warn("service", seen, f"`sudo systemctl enable --now {unit.name}`")
    else:
        yield ok("service", seen)
