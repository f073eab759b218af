"""`lkedge devices`: what is plugged in, ready to paste."""

from __future__ import annotations

import argparse
import dataclasses
import json
import sys
import textwrap
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from lkedge import interrupts
from lkedge.cli.loading import raw_help
from lkedge.cli.program import COMMANDS
from lkedge.cli.quiet import quiet
from lkedge.plugin.api import DeviceGroup, DeviceInfo
from lkedge.plugin.manager import PluginManager, PluginStatus
from lkedge.terms import TrackKind

if TYPE_CHECKING:
    from lkedge.daemon.encoder_report import EncoderState
    from lkedge.worker.probing import Problem

EPILOG = """\
examples:
  lkedge devices                     everything that the plugins find, and the encoders
  lkedge devices --kind microphone   microphones only
  lkedge devices --kind encoder      what encodes on this machine, and how fast
  lkedge devices --json              the same for programs

Paste the lines that begin with [[track]] into your configuration; the others are comments.
A plugin that hangs is left behind after ten seconds (--timeout, or LKEDGE_PROBE_SECONDS).
"""

TITLES = {
    DeviceGroup.CAMERA: "Cameras",
    DeviceGroup.HDMI: "HDMI inputs",
    DeviceGroup.SCREEN: "Screens",
    DeviceGroup.MICROPHONE: "Microphones and other sound",
    DeviceGroup.ENCODER: "Encoders",
}

WIDTH = 110
FACT_LINES = 6
"""A test driver has seventy controls with hundreds of menu items."""

KINDS = [*(group.value for group in DeviceGroup), *(kind.value for kind in TrackKind)]


def add_parser(subparsers: Any) -> None:
    """Add this command."""
    parser = subparsers.add_parser(
        "devices", help=COMMANDS["devices"], description=f"{COMMANDS['devices'].capitalize()}.", **raw_help(EPILOG)
    )
    parser.add_argument("--kind", choices=KINDS, help="only these (default: all)")
    parser.add_argument("--timeout", type=float, metavar="SECONDS", help="how long plugins may take (default: 10)")
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Ask all plugins, print what they found."""
    with quiet(), interrupts.raising():
        plugins = PluginManager()
        found, problems = _found(plugins, args.kind, args.timeout)
    devices = [device for device in without_twins(found) if is_of(device, args.kind)]
    for line in _failures(plugins, problems):
        print(f"lkedge: plugin {line}", file=sys.stderr)
    if args.json:
        print(json.dumps([as_json(device) for device in devices], indent=2))
    else:
        print(page(devices, [] if args.kind else _missing(plugins, devices)))
    return 0


def is_of(device: DeviceInfo, kind: str | None) -> bool:
    """Whether `--kind` wants it. Video and audio are all that a track can be made of, not encoders."""
    group = device.section
    if kind in (TrackKind.VIDEO, TrackKind.AUDIO):
        return device.kind == kind and group is not DeviceGroup.ENCODER
    return kind is None or group == kind


def page(devices: Sequence[DeviceInfo], notes: Sequence[str] = ()) -> str:
    """Group by group; TOML as a whole, with all but the configuration in comments."""
    parts: list[str] = []
    for group, title in TITLES.items():
        members = [device for device in devices if device.section is group]
        if members:
            parts += [f"## {title}", *map(describe, members)]
    return "\n\n".join([*parts, *notes])


def describe(device: DeviceInfo) -> str:
    """One device: its name, its facts as comments, its configuration."""
    facts = [line for name, value in device.details.items() for line in _fact(name, value)]
    what = "encoder" if device.group is DeviceGroup.ENCODER else device.kind.value
    return "\n".join([f"# {device.name} ({what}, plugin {device.plugin})", *facts, device.config.strip()])


def without_twins(devices: Sequence[DeviceInfo]) -> list[DeviceInfo]:
    """An HDMI input can be read as a plain camera too, but knows its signal only as what it is."""
    inputs = {_node(device) for device in devices if device.section is DeviceGroup.HDMI} - {""}
    return [device for device in devices if device.section is not DeviceGroup.CAMERA or _node(device) not in inputs]


def as_json(device: DeviceInfo) -> dict[str, Any]:
    plain = {"kind": device.kind.value, "group": device.section.value, "details": dict(device.details)}
    return dataclasses.asdict(device) | plain


def encoder_device(state: EncoderState, plugin: str) -> DeviceInfo:
    """An encoder as a line of the list."""
    entry = state.encoder
    publish = f'publish = {{ video_codec = "{entry.codec.value}", encoder = "{entry.name}" }}'
    details = {"is": f"{entry.summary}, rank {entry.rank}"}
    details |= {"result": state.text} if state.text else {}
    config = f"# for a [[track]]: {publish}" if state.is_usable else "# `lkedge doctor` says what is wrong"
    return DeviceInfo(plugin, entry.name, TrackKind.VIDEO, config, details, DeviceGroup.ENCODER)


def _fact(name: str, value: str) -> list[str]:
    """In comments, folded; what is very long is cut off."""
    lines = textwrap.wrap(
        f"{name}: {value}", WIDTH, initial_indent="#   ", subsequent_indent="#     ", break_on_hyphens=False
    )
    return lines if len(lines) <= FACT_LINES else [*lines[:FACT_LINES], "#     ... (all of it with --json)"]


def _node(device: DeviceInfo) -> str:
    return device.details.get("node", "").partition(",")[0]


def _found(plugins: PluginManager, kind: str | None, timeout_s: float | None) -> tuple[list[DeviceInfo], list[Problem]]:
    """Devices of the plugins, then encoders; what is not asked for is not looked for."""
    from lkedge.worker.probing import probe_apart

    wants_encoders = kind in (None, DeviceGroup.ENCODER)
    devices, problems = probe_apart(plugins, _track_kind(kind), timeout_s)
    return [*devices, *(_encoders(plugins) if wants_encoders else ())], problems


def _track_kind(kind: str | None) -> TrackKind | None:
    if kind is None:
        return None
    return TrackKind.AUDIO if kind in (TrackKind.AUDIO, DeviceGroup.MICROPHONE) else TrackKind.VIDEO


def _encoders(plugins: PluginManager) -> Iterator[DeviceInfo]:
    from lkedge.daemon.encoder_report import encoder_states

    owners = {encoder: record.name for record in plugins.records for encoder in record.encoders}
    for state in encoder_states(plugins):
        yield encoder_device(state, owners.get(state.encoder.name, ""))


def _failures(plugins: PluginManager, problems: Iterable[Problem]) -> Iterator[str]:
    for record in plugins.records:
        if record.status is not PluginStatus.READY:
            yield f"{record.name} ({record.status.value}): {record.reason}"
    yield from map(str, problems)


def _missing(plugins: PluginManager, devices: Sequence[DeviceInfo]) -> list[str]:
    """What to do when there is nothing to publish."""
    if any(device.section is not DeviceGroup.ENCODER for device in devices):
        return []
    names = ", ".join(record.name for record in plugins.records)
    hint = "" if "v4l2" in plugins.registry.sources else " Webcams need the plugin lkedge-v4l2, which is not installed."
    return [
        f"# No devices found (plugins: {names}).{hint}\n"
        '# The sources "testsrc" and "tone" need no device; `lkedge doctor` looks for what is wrong.'
    ]
