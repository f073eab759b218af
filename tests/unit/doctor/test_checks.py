"""Judgements over the facts of real machines, and of the same machines with one thing wrong."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from lkedge.doctor.checks import examine
from lkedge.doctor.facts import (
    MEBIBYTE,
    Camera,
    Configuration,
    Encoder,
    Facts,
    Folder,
    Heat,
    Join,
    Plugin,
    Time,
    Unit,
    User,
)
from lkedge.doctor.finding import Finding, Level, worst
from tests.unit.doctor.machines import CODEC_NODES, HARDWARE, MACHINES, PC, PI_4, PI_5, PI_ZERO_2_W


def found(facts: Facts, subject: str) -> Finding:
    (finding,) = [one for one in examine(facts) if one.subject == subject]
    return finding


def subjects(facts: Facts) -> list[str]:
    return [finding.subject for finding in examine(facts)]


@pytest.mark.parametrize("facts", MACHINES.values(), ids=MACHINES)
def test_a_machine_that_is_well_has_nothing_but_good_findings(facts: Facts) -> None:
    assert [finding for finding in examine(facts) if finding.level is not Level.OK] == []


@pytest.mark.parametrize("facts", MACHINES.values(), ids=MACHINES)
def test_what_is_well_needs_no_remedy(facts: Facts) -> None:
    assert all(not finding.remedy for finding in examine(facts))


def test_each_board_is_told_what_it_encodes_with() -> None:
    assert found(PI_4, "hardware H.264").seen == "/dev/video11 (bcm2835-codec-encode)"
    assert "no encoder; x264" in found(PI_5, "hardware H.264").seen
    assert "hardware H.264" not in subjects(PC)
    assert found(PC, "encoder h264-v4l2m2m").level is Level.OK


def test_contiguous_memory_is_a_matter_of_raspberry_pis() -> None:
    assert "CMA memory" not in subjects(PC)


@pytest.mark.parametrize(("facts", "advice"), [(PI_ZERO_2_W, "cma-128"), (PI_4, "cma-256")], ids=["Zero 2 W", "4"])
def test_little_contiguous_memory_is_cured_as_the_board_can_bear(facts: Facts, advice: str) -> None:
    memory = replace(facts.memory, cma_total=64 * MEBIBYTE, cma_free=40 * MEBIBYTE)

    finding = found(replace(facts, memory=memory), "CMA memory")

    assert finding.level is Level.WARN
    assert "64 MB, 40 MB free" in finding.seen
    assert advice in finding.remedy


def test_exhausted_contiguous_memory() -> None:
    memory = replace(PI_4.memory, cma_free=5 * MEBIBYTE)
    assert "end other programs" in found(replace(PI_4, memory=memory), "CMA memory").remedy


WRONG: list[tuple[str, Facts, str, Level, str, str]] = [
    (
        "memory cgroup off",
        replace(
            PI_4,
            memory=replace(PI_4.memory, has_cgroup=False),
            board=replace(PI_4.board, cmdline="coherent_pool=1M cgroup_disable=memory root=/dev/mmcblk0p2"),
        ),
        "memory cgroup",
        Level.WARN,
        "(cgroup_disable=memory on its command line), so MemoryMax=",
        "cgroup_enable=memory",
    ),
    (
        "little memory",
        replace(PI_ZERO_2_W, memory=replace(PI_ZERO_2_W.memory, available=20 * MEBIBYTE)),
        "memory",
        Level.WARN,
        "20 MB available",
        "swap",
    ),
    ("under-voltage now", replace(PI_4, heat=Heat(50, 0x50005)), "power", Level.FAIL, "too low now", "power supply"),
    (
        "under-voltage before",
        replace(PI_4, heat=Heat(50, 0x10000)),
        "power",
        Level.WARN,
        "since the start",
        "power supply",
    ),
    (
        "throttled by heat",
        replace(PI_4, heat=Heat(79, 0x80008)),
        "power",
        Level.WARN,
        "temperature limit now",
        "cool it",
    ),
    ("hot", replace(PI_4, heat=Heat(83.2, 0)), "temperature", Level.WARN, "83 °C; the board slows", "heat sink"),
    ("warm", replace(PI_4, heat=Heat(72, 0)), "temperature", Level.WARN, "80 °C is where", "heat sink"),
    ("clock in 1970", replace(PI_4, time=Time(False, year=1970)), "clock", Level.FAIL, "1970", "set-ntp true"),
    ("clock adrift", replace(PI_4, time=Time(False)), "clock", Level.WARN, "without a battery", "set-ntp true"),
    (
        "no such user",
        replace(PI_4, user=User("lkedge", exists=False)),
        "user",
        Level.FAIL,
        "does not exist",
        "systemd-sysusers",
    ),
    (
        "no encoder although the driver is there",
        replace(PI_4, devices=replace(PI_4.devices, nodes=PI_4.devices.nodes[:4])),
        "hardware H.264",
        Level.WARN,
        "its encoder is missing",
        "gpu_mem=16",
    ),
    (
        "no driver for the encoder",
        replace(PI_4, devices=replace(PI_4.devices, nodes=PI_4.devices.nodes[:4], modules=frozenset())),
        "hardware H.264",
        Level.WARN,
        "not loaded",
        "modprobe bcm2835-codec",
    ),
    (
        "the encoder fails its trial",
        replace(PI_4, encoders=(replace(HARDWARE, is_usable=False, text="not usable here: no memory"),)),
        "encoder h264-v4l2m2m",
        Level.WARN,
        "no memory",
        "software takes over",
    ),
    (
        "libcamera of another Python",
        replace(PI_5, camera=Camera("/opt/python3.14", "3.14.0", "ModuleNotFoundError: libcamera", True)),
        "libcamera",
        Level.WARN,
        "Python 3.14.0 (/opt/python3.14) cannot import it: ModuleNotFoundError",
        "--system-site-packages",
    ),
    (
        "a plugin that does not load",
        replace(PI_4, plugins=(Plugin("hdmi", "import error", "no module named x"),)),
        "plugin hdmi",
        Level.FAIL,
        "import error: no module named x",
        "pip uninstall",
    ),
    (
        "a plugin whose hook failed",
        replace(PI_4, plugins=(Plugin("hdmi", "ready", "lkedge_probe: no answer within 5 s"),)),
        "plugin hdmi",
        Level.WARN,
        "no answer",
        "lkedge devices",
    ),
    (
        "wrong configuration",
        replace(PI_4, configuration=Configuration(problems=("lkedge.toml:3: unknown key",))),
        "configuration",
        Level.FAIL,
        "unknown key",
        "lkedge check",
    ),
    (
        "no tracks",
        replace(PI_4, configuration=Configuration(("lkedge.toml",))),
        "configuration",
        Level.WARN,
        "no track",
        "lkedge devices",
    ),
    (
        "cache not writable",
        replace(PI_4, folders=(Folder("cache", "/var/cache/lkedge", "/var/cache cannot be written"),)),
        "cache folder",
        Level.WARN,
        "cannot be written",
        "writable",
    ),
    (
        "service failed",
        replace(PI_4, unit=Unit("loaded", "failed", "exit-code")),
        "service",
        Level.FAIL,
        "failed, not enabled (exit-code)",
        "journalctl -u lkedge",
    ),
    (
        "service restarts",
        replace(PI_4, unit=Unit("loaded", "active", "success", 7, True)),
        "service",
        Level.WARN,
        "restarted 7 times",
        "journalctl",
    ),
    (
        "service stopped",
        replace(PI_4, unit=Unit("loaded", "inactive", "success", 0, True)),
        "service",
        Level.WARN,
        "is inactive, enabled",
        "enable --now",
    ),
    (
        "instance stopped",
        replace(PI_4, unit=Unit("loaded", "inactive", "success", 0, True, "lkedge@yard")),
        "service",
        Level.WARN,
        "lkedge@yard.service is inactive",
        "enable --now lkedge@yard",
    ),
]


@pytest.mark.parametrize(
    ("facts", "subject", "level", "seen", "remedy"), [case[1:] for case in WRONG], ids=[c[0] for c in WRONG]
)
def test_what_is_wrong_is_named_with_its_remedy(
    facts: Facts, subject: str, level: Level, seen: str, remedy: str
) -> None:
    finding = found(facts, subject)

    assert finding.level is level
    assert seen in finding.seen
    assert remedy in finding.remedy
    assert worst(examine(facts)) is level, "and nothing else is wrong"


NETWORK: list[tuple[dict[str, Any], str, Level, str]] = [
    ({"has_default_route": False}, "network", Level.WARN, "no default route"),
    ({"name_problem": "sfu cannot be found: no such name"}, "name", Level.FAIL, "cannot be found"),
    ({"tcp_problem": "sfu:7880 cannot be reached: refused", "is_validated": False}, "server", Level.FAIL, "refused"),
    ({"tcp_ms": 412.0}, "network", Level.WARN, "answers in 412 ms"),
    ({"token_problem": "the token has expired", "is_validated": False}, "token", Level.FAIL, "expired"),
    ({"server_problem": "refuses the join with status 401"}, "server", Level.FAIL, "status 401"),
]


@pytest.mark.parametrize(("changes", "subject", "level", "seen"), NETWORK, ids=[case[3] for case in NETWORK])
def test_the_way_to_the_server(changes: dict[str, Any], subject: str, level: Level, seen: str) -> None:
    network = [
        one for one in examine(replace(PI_4, network=replace(PI_4.network, **changes))) if one.subject == subject
    ]

    assert (network[0].level, seen in network[0].seen) == (level, True)
    assert network[0].remedy


def test_what_comes_after_a_failure_on_the_way_is_not_guessed() -> None:
    facts = replace(PI_4, network=replace(PI_4.network, name_problem="no such name"))
    assert "server" not in subjects(facts)


def test_a_join_is_told() -> None:
    well, ill = (replace(PI_4, join=join) for join in (Join("", 0.84, 3.2), Join("no way for media")))

    assert found(well, "room").seen == "joined and published within 0.8 s, round trip 3 ms"
    assert found(ill, "room").level is Level.FAIL
    assert "UDP" in found(ill, "room").remedy


def closed(facts: Facts, *paths: str, group: str) -> Facts:
    nodes = tuple(
        replace(node, may_use=False, group=group) if node.path in paths else node for node in facts.devices.nodes
    )
    return replace(facts, devices=replace(facts.devices, nodes=nodes))


def test_a_user_outside_the_group_is_told_to_join_it() -> None:
    facts = replace(closed(PC, "/dev/video0", group="video"), user=User("ana", ("ana",)))

    finding = found(facts, "cameras and encoders")

    assert finding.level is Level.FAIL
    assert finding.seen == "ana may not use /dev/video0 (group video)"
    assert "`sudo usermod -aG video ana`" in finding.remedy


def test_a_user_who_has_joined_the_group_since_is_told_to_log_in_again() -> None:
    finding = found(closed(PI_4, "/dev/snd/pcmC1D0c", group="audio"), "sound")
    assert "log in again" in finding.remedy


def test_nodes_of_root_need_a_udev_rule() -> None:
    finding = found(closed(PI_4, "/dev/dma_heap/linux,cma", group="root"), "memory for cameras")
    assert "60-lkedge.rules" in finding.remedy


def test_only_some_of_many_are_listed() -> None:
    facts = closed(PI_4, *(node.path for node in (*CODEC_NODES, *PI_4.devices.nodes[:1])), group="video")
    assert found(facts, "cameras and encoders").seen.endswith("... (group video)")


def test_a_machine_without_devices() -> None:
    facts = replace(PC, devices=replace(PC.devices, nodes=(), sound_cards=()))

    assert "uvcvideo" in found(facts, "cameras and encoders").remedy
    assert found(facts, "sound").level is Level.OK


def test_software_that_does_not_work_is_a_warning() -> None:
    facts = replace(PC, encoders=(Encoder("x264", "h264", False, False, "not usable here: no libx264"),))
    assert found(facts, "encoder x264").level is Level.WARN
