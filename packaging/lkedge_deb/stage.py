"""The tree of files of the package, as it will be below /."""

from __future__ import annotations

import configparser
import gzip
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from lkedge_deb.build_root import MOUNTED, run_inside
from lkedge_deb.target import Target
from lkedge_deb.wheels import CHECKOUT

VENV = Path("usr/lib/lkedge/venv")
EXTRA_PLUGINS = "/usr/local/lib/lkedge/plugins"
"""Where the administrator may install plugins of others; no package owns it."""

LAUNCHER = """\
#!/{venv}/bin/python3 -sP
import sys

from {module} import {function}

sys.exit({function}())
"""


@dataclass(frozen=True, slots=True)
class Place:
    """Files of the checkout that match the pattern go into that folder.

    packed: by gzip, as man pages. since: the oldest release of Debian that gets it.
    """

    pattern: str
    folder: str
    packed: bool = False
    since: int = 0


SYSTEMD_254 = 13
"""The release of Debian from which on systemd knows what the drop-ins of the units say."""

PLACES = (
    Place("etc/lkedge/lkedge.toml", "etc/lkedge"),
    Place("etc/lkedge/lkedge.schema.json", "usr/share/lkedge"),
    Place("etc/lkedge/examples/*", "usr/share/doc/lkedge/examples"),
    Place("etc/dbus-1/system.d/*.conf", "usr/share/dbus-1/system.d"),
    Place("etc/dbus-1/interfaces/*.xml", "usr/share/dbus-1/interfaces"),
    Place("systemd/*.service", "usr/lib/systemd/system"),
    Place("systemd/*.socket", "usr/lib/systemd/system"),
    Place("systemd/lkedge.service.d/*.conf", "usr/lib/systemd/system/lkedge.service.d", since=SYSTEMD_254),
    Place("systemd/lkedge@.service.d/*.conf", "usr/lib/systemd/system/lkedge@.service.d", since=SYSTEMD_254),
    Place("systemd/sysusers.d/*.conf", "usr/lib/sysusers.d"),
    Place("systemd/tmpfiles.d/*.conf", "usr/lib/tmpfiles.d"),
    Place("systemd/udev/*.rules", "usr/lib/udev/rules.d"),
    Place("systemd/catalog/*.catalog", "usr/lib/systemd/catalog"),
    Place("docs/man/*.1", "usr/share/man/man1", packed=True),
    Place("docs/man/*.5", "usr/share/man/man5", packed=True),
    Place("docs/man/*.8", "usr/share/man/man8", packed=True),
    Place("etc/bash-completion/*", "usr/share/bash-completion/completions"),
    Place("etc/zsh-completion/*", "usr/share/zsh/vendor-completions"),
    Place("etc/fish-completion/*", "usr/share/fish/vendor_completions.d"),
    Place("packaging/debian/copyright", "usr/share/doc/lkedge"),
    Place("CHANGELOG.md", "usr/share/doc/lkedge", packed=True),
)


def site_packages(stage: Path, target: Target) -> Path:
    """Where the wheels belong."""
    return stage / VENV / f"lib/python{target.suite.python}/site-packages"


def make_venv(stage: Path, target: Target) -> None:
    """An environment as `python3 -m venv --system-site-packages` makes it, without running the target's Python."""
    binaries = stage / VENV / "bin"
    binaries.mkdir(parents=True)
    (binaries / "python3").symlink_to("/usr/bin/python3")
    (binaries / "python").symlink_to("python3")
    (stage / VENV / "pyvenv.cfg").write_text(
        f"home = /usr/bin\ninclude-system-site-packages = true\nversion = {target.suite.python}\n"
    )
    packages = site_packages(stage, target)
    packages.mkdir(parents=True)
    (packages / "lkedge-plugins.pth").write_text(f"{EXTRA_PLUGINS}\n")


def add_commands(stage: Path, target: Target) -> None:
    """The console scripts of lkedge itself, in the environment and in /usr/bin."""
    (stage / "usr/bin").mkdir(parents=True)
    for name, module, function in _console_scripts(site_packages(stage, target)):
        script = stage / VENV / "bin" / name
        script.write_text(LAUNCHER.format(venv=VENV, module=module, function=function))
        script.chmod(0o755)
        (stage / "usr/bin" / name).symlink_to(f"../../{VENV / 'bin' / name}")


def add_files(stage: Path, target: Target) -> None:
    """Units, rules, configuration and pages from their places in the checkout."""
    for place in PLACES:
        if place.since <= target.suite.number:
            for source in sorted(CHECKOUT.glob(place.pattern)):
                _add_file(source, stage / place.folder, place.packed)
    for name in ("lkedge.toml.d", "instances"):
        (stage / "etc/lkedge" / name).mkdir()
    (stage / "etc/lkedge/lkedge.schema.json").symlink_to("/usr/share/lkedge/lkedge.schema.json")


def compile_bytecode(stage: Path, root: Path, target: Target) -> None:
    """Compile with that release's Python. Unchecked: no root process ever writes into /usr for a file that is newer."""
    library = str(MOUNTED / VENV)
    options = ["-q", "-s", str(MOUNTED), "-p", "/", "--invalidation-mode", "unchecked-hash"]
    run_inside(root, stage, [f"/usr/bin/python{target.suite.python}", "-m", "compileall", *options, library])


def _add_file(source: Path, folder: Path, packed: bool) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    if packed:
        (folder / f"{source.name}.gz").write_bytes(gzip.compress(source.read_bytes(), mtime=0))
    else:
        shutil.copyfile(source, folder / source.name)


def _console_scripts(packages: Path) -> Iterator[tuple[str, str, str]]:
    """Name, module and function of each."""
    (metadata,) = packages.glob("lkedge-[0-9]*.dist-info")
    parser = configparser.ConfigParser(delimiters=("=",))
    parser.read(metadata / "entry_points.txt")
    for name, target in parser["console_scripts"].items():
        module, _, function = target.partition(":")
        yield name, module.strip(), function.strip()
