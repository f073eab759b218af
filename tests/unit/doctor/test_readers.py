"""The readers, on a tree that looks like a Raspberry Pi's /proc and /sys, and on this machine."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from lkedge.doctor.facts import MEBIBYTE, Board, Heat, Unit, User
from lkedge.doctor.files import Files, output_of
from lkedge.doctor.read_devices import read_camera, read_devices, read_user
from lkedge.doctor.read_machine import read_board, read_heat, read_memory, read_time
from lkedge.doctor.read_network import has_default_route
from lkedge.doctor.read_service import folder_problem, parse_unit, read_configuration, read_folders, unit_of
from lkedge.plugin.manager import PluginManager

MEMINFO = """\
MemTotal:        3885396 kB
MemAvailable:    3402112 kB
CmaTotal:         524288 kB
CmaFree:          498300 kB
HugePages_Total:       0
"""


@pytest.fixture
def pi(tmp_path: Path) -> Files:
    texts = {
        "proc/device-tree/model": "Raspberry Pi 4 Model B Rev 1.4\0",
        "proc/device-tree/compatible": "raspberrypi,4-model-b\0brcm,bcm2711\0",
        "proc/sys/kernel/osrelease": "6.12.34+rpt-rpi-v8\n",
        "proc/meminfo": MEMINFO,
        "proc/modules": "bcm2835_codec 49152 0 - Live 0x0\nv4l2_mem2mem 45056 1 bcm2835_codec, Live 0x0\n",
        "proc/asound/cards": " 1 [mic            ]: USB-Audio - USB mic\n                      at usb-1\n",
        "sys/fs/cgroup/cgroup.controllers": "cpuset cpu io pids\n",
        "sys/class/thermal/thermal_zone0/temp": "51608\n",
        "sys/class/thermal/thermal_zone1/temp": "junk\n",
        "sys/devices/platform/soc/soc:firmware/get_throttled": "50005\n",
        "sys/class/video4linux/video11/name": "bcm2835-codec-encode\n",
        "dev/video11": "",
        "dev/snd/pcmC1D0c": "",
        "dev/snd/pcmC1D0p": "",
    }
    for path, text in texts.items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(text)
    return Files(tmp_path)


def test_the_board(pi: Files) -> None:
    board = read_board(pi)

    assert (board.model, board.chips) == ("Raspberry Pi 4 Model B Rev 1.4", ("raspberrypi,4-model-b", "brcm,bcm2711"))
    assert board.kernel == "6.12.34+rpt-rpi-v8"
    assert board.is_pi
    assert board.has_codec_block


def test_memory_with_its_contiguous_part_and_without_cgroup(pi: Files) -> None:
    memory = read_memory(pi)

    assert memory.cma_total == 512 * MEBIBYTE
    assert memory.cma_free == 498300 * 1024
    assert not memory.has_cgroup


def test_the_memory_cgroup_of_the_old_kind(pi: Files) -> None:
    (pi.root / "sys/fs/cgroup/cgroup.controllers").unlink()
    assert not read_memory(pi).has_cgroup
    (pi.root / "proc/cgroups").write_text("#subsys_name\thierarchy\tnum_cgroups\tenabled\nmemory\t5\t7\t1\n")
    assert read_memory(pi).has_cgroup


def test_heat_and_the_flags_of_the_firmware(pi: Files) -> None:
    assert read_heat(pi) == Heat(51.608, 0x50005)


def test_the_flags_of_a_pi_5(tmp_path: Path) -> None:
    path = tmp_path / "sys/devices/platform/soc@107c000000/soc@107c000000:firmware/get_throttled"
    path.parent.mkdir(parents=True)
    path.write_text("0\n")
    assert read_heat(Files(tmp_path)) == Heat(None, 0)


def test_a_machine_without_sensors(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert read_heat(Files(tmp_path)) == Heat(None, None)


def test_devices_with_the_names_of_their_drivers(pi: Files) -> None:
    devices = read_devices(pi, User("root", is_root=True))

    assert [(node.path, node.name, node.may_use) for node in devices.nodes] == [
        ("/dev/video11", "bcm2835-codec-encode", True),
        ("/dev/snd/pcmC1D0c", "", True),
    ]
    assert devices.modules == {"bcm2835_codec", "v4l2_mem2mem"}
    assert devices.sound_cards == ("1 [mic            ]: USB-Audio - USB mic",)


@pytest.mark.parametrize(
    ("mode", "groups", "may_use"), [(0o660, True, True), (0o660, False, False), (0o666, False, True)]
)
def test_what_another_user_may_use_follows_from_the_mode(pi: Files, mode: int, groups: bool, may_use: bool) -> None:
    os.chmod(pi.root / "dev/video11", mode)
    group = read_devices(pi, User("root", is_root=True)).nodes[0].group
    other = User("somebody-else", (group,) if groups else ())

    assert read_devices(pi, other).nodes[0].may_use is may_use


def test_a_user_who_does_not_exist_may_use_nothing(pi: Files) -> None:
    assert not any(node.may_use for node in read_devices(pi, User("nobody-here", exists=False)).nodes)


def test_who_we_are() -> None:
    user = read_user("")
    assert user.is_root == (os.geteuid() == 0)
    assert user.exists


def test_libcamera_is_only_looked_for_where_it_is_wanted() -> None:
    plugins = PluginManager(load_entry_points=False)

    assert not read_camera(Board("OptiPlex"), plugins).is_wanted
    assert read_camera(Board("Raspberry Pi 5"), plugins).is_wanted


def test_the_clock_of_this_machine_tells_something() -> None:
    time = read_time(Files())
    assert time.is_synchronised in (True, False, None)
    assert time.year >= 2025


UNIT = """\
LoadState=loaded
ActiveState=failed
Result=exit-code
NRestarts=4
UnitFileState=enabled
User=lkedge
"""


def test_the_unit() -> None:
    assert parse_unit(UNIT) == (Unit("loaded", "failed", "exit-code", 4, True), "lkedge")
    assert parse_unit("LoadState=not-found\nActiveState=inactive\nUser=") == (Unit("not-found", "inactive"), "")
    assert parse_unit("") == (Unit(), "")


def test_the_unit_of_an_instance_is_known_by_its_configuration() -> None:
    assert unit_of(None) == unit_of(Path("/etc/lkedge/lkedge.toml")) == "lkedge"
    assert unit_of(Path("/etc/lkedge/instances/yard.toml")) == "lkedge@yard"
    assert parse_unit(UNIT, "lkedge@yard")[0].name == "lkedge@yard"


def test_the_configuration_with_all_its_problems(tmp_path: Path) -> None:
    (tmp_path / "lkedge.toml").write_text('[livekit]\nurl = "ftp://x"\n[[track]]\nname = "a"\n')

    configuration, config = read_configuration(tmp_path / "lkedge.toml", PluginManager(load_entry_points=False))

    assert config is None
    assert len(configuration.problems) > 1


def test_folders_are_judged_before_they_exist(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")

    assert read_folders(tmp_path / "new/cache")[0].problem == ""
    assert "is no folder" in folder_problem(tmp_path / "file/cache")


ROUTE = "Iface\tDestination\tGateway\tFlags\neth0\t{}\t0101A8C0\t0003\n"


def test_the_default_route(tmp_path: Path) -> None:
    net = tmp_path / "proc/net"
    net.mkdir(parents=True)
    (net / "route").write_text(ROUTE.format("0001A8C0"))
    assert not has_default_route(Files(tmp_path))
    (net / "ipv6_route").write_text(f"{'0' * 32} 00 {'0' * 32} 00 fe80 00000400 1 0 00000003 wlan0\n")
    assert has_default_route(Files(tmp_path))
    (net / "ipv6_route").unlink()
    (net / "route").write_text(ROUTE.format("00000000"))
    assert has_default_route(Files(tmp_path))


def test_a_program_that_is_not_there_or_fails_or_hangs_says_nothing() -> None:
    assert output_of("no-such-program") == ""
    assert output_of("false") == ""
    assert output_of("sleep", "60", timeout_s=0.05) == ""
    assert output_of("echo", "hello") == "hello"
