"""The list of devices: groups, kinds, and how they are shown."""

from __future__ import annotations

import json
import tomllib
from dataclasses import replace
from pathlib import Path

import pytest

from lkedge.cli import main
from lkedge.cli.devices import as_json, describe, encoder_device, is_of, page, without_twins
from lkedge.daemon.encoder_report import EncoderState
from lkedge.plugin.api import DeviceGroup, DeviceInfo, EncoderRegistration
from lkedge.terms import Codec, TrackKind
from lkedge.testing.fakes import FakeEncoder

CAMERA = DeviceInfo("v4l2", "Cam", TrackKind.VIDEO, '[[track]]\nname = "cam"\n', {"node": "/dev/video0"})
HDMI = DeviceInfo("hdmi", "Bridge", TrackKind.VIDEO, '[[track]]\nname = "hdmi"', {}, DeviceGroup.HDMI)
SCREEN = DeviceInfo("screen", "X11 :0", TrackKind.VIDEO, '[[track]]\nname = "x"\npublish_as = "screen_share"')
MICROPHONE = DeviceInfo("alsa", "Mic", TrackKind.AUDIO, '[[track]]\nname = "mic"')
X264 = EncoderRegistration("x264", Codec.H264, "in software", video=FakeEncoder)
ENCODER = encoder_device(EncoderState(X264, None, "", True), "builtin")
ALL = (MICROPHONE, ENCODER, CAMERA, HDMI, SCREEN)


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
