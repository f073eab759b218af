"""The package's life: installed, unconfigured, upgraded, removed, purged. On every release."""

from __future__ import annotations

from pathlib import Path

from tests.service.harness.machine import Machine
from tests.service.harness.packages import apt, install, next_version
from tests.service.harness.service import CONFIG, UNIT

Fresh = tuple[Machine, Path]
PLACES = "/etc /usr /var/lib /var/cache /opt /srv /home"
ACCOUNTS = "passwd|group|shadow|gshadow|subuid|subgid"
MANAGERS = "^/var/lib/(dpkg|apt|systemd)|^/var/cache/(apt|debconf|ldconfig)"
ALWAYS_CHANGING = rf"{MANAGERS}|^/etc/({ACCOUNTS}|ld.so.cache)|/catalog/database$|\.wants$"


def files(machine: Machine) -> set[str]:
    """All paths that a package could leave behind."""
    listed = machine.shell(f"find {PLACES} -xdev | grep -vE '{ALWAYS_CHANGING}' | sort").stdout
    return set(listed.splitlines())


def test_installed_but_not_enabled(fresh: Fresh) -> None:
    machine, package = fresh
    install(machine, package)

    assert machine.run("systemctl", "is-enabled", UNIT).stdout.strip() == "disabled"
    assert machine.run("systemctl", "is-active", UNIT).stdout.strip() == "inactive"
    groups = set(machine.run("id", "-nG", "lkedge").check().stdout.split())
    assert {"lkedge", "video", "audio", "render"} <= groups
    assert machine.run("lkedge", "--version").check().stdout.startswith("lkedge ")
    assert machine.run("lkedgectl", "--version").check().stdout.startswith("lkedgectl ")


def test_every_plugin_of_the_package_loads(fresh: Fresh) -> None:
    machine, package = fresh
    install(machine, package)

    listed = machine.run("lkedge", "plugins").check().stdout
    for name in ("v4l2", "hdmi", "alsa", "h264-v4l2m2m"):
        (line,) = [line for line in listed.splitlines() if line.startswith(f"{name} ")]
        assert " ready " in line


def test_compiled_modules_find_their_libraries(fresh: Fresh) -> None:
    machine, package = fresh
    install(machine, package)

    missing = "ldd $0 | grep -H --label=$0 'not found'"
    find = ["find", "/usr/lib/lkedge", "-name", "*.so*", "-type", "f", "-exec", "sh", "-c", missing, "{}", ";"]
    assert machine.run(*find).stdout == ""
    script = "import alsaaudio, systemd.daemon, dbus_fast; print(alsaaudio.PCM.polldescriptors_revents)"
    machine.run("/usr/lib/lkedge/venv/bin/python3", "-c", script).check()


def test_running_as_root_writes_nothing_into_usr(fresh: Fresh) -> None:
    machine, package = fresh
    install(machine, package)
    before = machine.shell("find /usr/lib/lkedge | sort").stdout

    machine.run("lkedge", "plugins").check()
    machine.run("lkedge", "devices", "--json").check()
    assert machine.shell("find /usr/lib/lkedge | sort").stdout == before


def test_unconfigured_it_says_so_once_and_stays_down(fresh: Fresh) -> None:
    machine, package = fresh
    install(machine, package)

    assert machine.run("systemctl", "start", UNIT).returncode != 0
    shown = machine.run("systemctl", "show", "-p", "ExecMainStatus,NRestarts,Result", UNIT).stdout.split()
    assert set(shown) == {"ExecMainStatus=78", "NRestarts=0", "Result=exit-code"}
    assert CONFIG in machine.run("journalctl", "-u", UNIT, "-o", "cat", "--no-pager").stdout


def test_an_upgrade_keeps_what_the_administrator_has_changed(fresh: Fresh, tmp_path: Path) -> None:
    machine, package = fresh
    install(machine, package)
    machine.shell(f"echo '# ours' >> {CONFIG}; systemctl enable {UNIT}")
    upgrade = next_version(package, tmp_path, {"etc/lkedge/lkedge.toml": "# theirs\n"})
    install(machine, upgrade)

    assert machine.read(CONFIG).endswith("# ours\n")
    assert machine.read(f"{CONFIG}.dpkg-dist") == "# theirs\n"
    assert machine.run("systemctl", "is-enabled", UNIT).stdout.strip() == "enabled"


def test_an_upgrade_brings_a_new_example_when_nobody_has_changed_the_old(fresh: Fresh, tmp_path: Path) -> None:
    machine, package = fresh
    install(machine, package)
    upgrade = next_version(package, tmp_path, {"etc/lkedge/lkedge.toml": "# theirs\n"})
    install(machine, upgrade)

    assert machine.read(CONFIG) == "# theirs\n"


def test_removal_keeps_the_configuration_and_purge_leaves_nothing(fresh: Fresh) -> None:
    machine, package = fresh
    before = files(machine)
    install(machine, package)
    machine.shell(
        f"systemctl enable {UNIT} lkedge@yard.service; mkdir -p /var/lib/lkedge /var/cache/lkedge;"
        " touch /var/lib/lkedge/changes.json /var/cache/lkedge/encoders.json"
    )

    apt(machine, "remove", "lkedge").check()
    assert machine.run("test", "-e", CONFIG).returncode == 0
    assert machine.run("test", "-e", "/usr/lib/lkedge").returncode != 0

    apt(machine, "purge", "lkedge").check()
    assert files(machine) - before == set()
    assert machine.run("systemctl", "is-system-running").stdout.strip() in ("running", "degraded")
