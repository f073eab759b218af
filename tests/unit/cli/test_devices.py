"""The list of devices: groups, kinds, and plugins that hang or crash while they are asked."""

from __future__ import annotations

import faulthandler
import json
import os
import signal
import threading
import tomllib
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from lkedge.cli import main
from lkedge.cli.devices import as_json, describe, encoder_device, is_of, page, without_twins
from lkedge.cli.probing import probe_apart
from lkedge.daemon.encoder_report import EncoderState
from lkedge.errors import PluginError
from lkedge.plugin.api import DeviceGroup, DeviceInfo, EncoderRegistration
from lkedge.plugin.hookspecs import hookimpl
from lkedge.plugin.manager import PluginManager
from lkedge.plugin.probe import LIMIT_S, LIMIT_VARIABLE, usual_limit_s
from lkedge.terms import Codec, TrackKind
from lkedge.testing.fakes import FakeEncoder

CAMERA = DeviceInfo("v4l2", "Cam", TrackKind.VIDEO, '[[track]]\nname = "cam"\n', {"node": "/dev/video0"})
HDMI = DeviceInfo("hdmi", "Bridge", TrackKind.VIDEO, '[[track]]\nname = "hdmi"', {}, DeviceGroup.HDMI)
SCREEN = DeviceInfo("screen", "X11 :0", TrackKind.VIDEO, '[[track]]\nname = "x"\npublish_as = "screen_share"')
MICROPHONE = DeviceInfo("alsa", "Mic", TrackKind.AUDIO, '[[track]]\nname = "mic"')
X264 = EncoderRegistration("x264", Codec.H264, "in software", video=FakeEncoder)
ENCODER = encoder_device(EncoderState(X264, None, "", True), "builtin")
ALL = (MICROPHONE, ENCODER, CAMERA, HDMI, SCREEN)


def lister(probe: Callable[[TrackKind | None], Sequence[DeviceInfo]]) -> object:
    class Plugin:
        @hookimpl
        def lkedge_probe(self, kind: TrackKind | None) -> Sequence[DeviceInfo]:
            return probe(kind)

    return Plugin()


def manager(**probes: Callable[[TrackKind | None], Sequence[DeviceInfo]]) -> PluginManager:
    plugins = PluginManager(load_entry_points=False)
    for name, probe in probes.items():
        plugins.add(name, lister(probe))
    return plugins


def hang(kind: TrackKind | None) -> list[DeviceInfo]:
    signal.pthread_sigmask(signal.SIG_BLOCK, set(signal.Signals) - {signal.SIGKILL})
    threading.Event().wait()
    return []


def crash(kind: TrackKind | None) -> list[DeviceInfo]:
    faulthandler.disable()
    os.kill(os.getpid(), signal.SIGSEGV)
    return []


def fail(kind: TrackKind | None) -> list[DeviceInfo]:
    raise ZeroDivisionError("in the driver")


def refuse(kind: TrackKind | None) -> list[DeviceInfo]:
    raise PluginError("the card is locked")


def test_all_that_is_found_comes_back_whole_and_in_order() -> None:
    found, problems = probe_apart(manager(cameras=lambda kind: [CAMERA, HDMI], sound=lambda kind: [MICROPHONE]))

    assert found == [CAMERA, HDMI, MICROPHONE]
    assert problems == []


def test_the_kind_is_handed_on() -> None:
    found, _ = probe_apart(manager(any=lambda kind: [MICROPHONE] if kind is TrackKind.AUDIO else []), TrackKind.AUDIO)
    assert found == [MICROPHONE]


@pytest.mark.parametrize(
    ("probe", "reason"),
    [
        (hang, "lkedge_probe: no answer within 1 s; `--timeout` waits longer"),
        (crash, "lkedge_probe: it crashed, its process ended by signal SIGSEGV"),
        (fail, "lkedge_probe: ZeroDivisionError: in the driver"),
        (refuse, "lkedge_probe: the card is locked"),
    ],
)
def test_a_plugin_that_goes_wrong_costs_its_own_devices_only(
    probe: Callable[[TrackKind | None], Sequence[DeviceInfo]], reason: str
) -> None:
    found, problems = probe_apart(manager(bad=probe, cameras=lambda kind: [CAMERA]), limit_s=1)

    assert found == [CAMERA]
    assert [(problem.plugin, problem.reason) for problem in problems] == [("bad", reason)]


def test_many_devices_are_more_than_a_pipe_holds() -> None:
    found, _ = probe_apart(manager(cameras=lambda kind: [CAMERA] * 3_000))
    assert len(found) == 3_000


@pytest.mark.parametrize(("text", "seconds"), [("30", 30.0), ("", LIMIT_S), ("soon", LIMIT_S), ("-1", 0.1)])
def test_the_limit_can_be_set(monkeypatch: pytest.MonkeyPatch, text: str, seconds: float) -> None:
    monkeypatch.setenv(LIMIT_VARIABLE, text)
    assert usual_limit_s() == seconds


def test_groups() -> None:
    assert [device.section for device in ALL] == [
        DeviceGroup.MICROPHONE,
        DeviceGroup.ENCODER,
        DeviceGroup.CAMERA,
        DeviceGroup.HDMI,
        DeviceGroup.SCREEN,
    ]


@pytest.mark.parametrize(
    ("kind", "wanted"),
    [
        (None, ALL),
        ("video", (CAMERA, HDMI, SCREEN)),
        ("audio", (MICROPHONE,)),
        ("camera", (CAMERA,)),
        ("hdmi", (HDMI,)),
        ("screen", (SCREEN,)),
        ("microphone", (MICROPHONE,)),
        ("encoder", (ENCODER,)),
    ],
)
def test_kinds(kind: str | None, wanted: tuple[DeviceInfo, ...]) -> None:
    assert tuple(device for device in ALL if is_of(device, kind)) == wanted


def test_the_page_is_a_configuration_in_groups() -> None:
    text = page(ALL)

    assert [line for line in text.splitlines() if line.startswith("##")] == [
        "## Cameras",
        "## HDMI inputs",
        "## Screens",
        "## Microphones and other sound",
        "## Encoders",
    ]
    assert [track["name"] for track in tomllib.loads(text)["track"]] == ["cam", "hdmi", "x", "mic"]
    assert '# for a [[track]]: publish = { video_codec = "h264", encoder = "x264" }' in text


def test_an_hdmi_input_is_listed_once() -> None:
    node = {"node": "/dev/video1, /dev/v4l/by-path/x"}
    as_camera = replace(CAMERA, name="Bridge", details=node)
    as_hdmi = replace(HDMI, details={"node": "/dev/video1"})

    assert without_twins([CAMERA, as_camera, as_hdmi]) == [CAMERA, as_hdmi]
    assert without_twins([as_camera, HDMI, SCREEN]) == [as_camera, HDMI, SCREEN]


def test_long_facts_are_folded_and_very_long_ones_cut() -> None:
    menu = ", ".join(f"item {number}" for number in range(500))
    text = describe(replace(CAMERA, details={"controls": menu, "driver": "uvcvideo"}))

    lines = text.splitlines()
    assert max(map(len, lines)) <= 110
    assert lines[7:9] == ["#     ... (all of it with --json)", "#   driver: uvcvideo"]
    assert tomllib.loads(text) == {"track": [{"name": "cam"}]}


def test_json_names_the_group() -> None:
    assert as_json(HDMI) == {
        "plugin": "hdmi",
        "name": "Bridge",
        "kind": "video",
        "config": HDMI.config,
        "details": {},
        "group": "hdmi",
    }


def test_the_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("CACHE_DIRECTORY", str(tmp_path))

    assert main(["devices", "--kind", "encoder", "--json"]) == 0

    names = [device["name"] for device in json.loads(capsys.readouterr().out)]
    assert {"x264", "vp8"} <= set(names)
