"""What a package is built for: a release of Debian and an architecture."""

from __future__ import annotations

from dataclasses import dataclass

NEWEST_MANYLINUX = 36
"""glibc 2.36 is that of bookworm, the oldest release of SUITES."""


@dataclass(frozen=True, slots=True)
class Suite:
    """A release. python: of its /usr/bin/python3. alsa: its package of libasound."""

    name: str
    number: int
    python: str
    alsa: str

    @property
    def next_python(self) -> str:
        major, minor = self.python.split(".")
        return f"{major}.{int(minor) + 1}"


@dataclass(frozen=True, slots=True)
class Architecture:
    """debian: as dpkg names it. machine: as uname does."""

    debian: str
    machine: str

    @property
    def triplet(self) -> str:
        """Of the compiler and of the folders of libraries."""
        return f"{self.machine}-linux-gnu"

    @property
    def platforms(self) -> list[str]:
        """Tags of the wheels that run there, the best first; pip derives no older manylinux from a newer one."""
        manylinux = [f"manylinux_2_{minor}_{self.machine}" for minor in range(NEWEST_MANYLINUX, 16, -1)]
        return [*manylinux, f"manylinux2014_{self.machine}"]


@dataclass(frozen=True, slots=True)
class Target:
    """One package to build."""

    suite: Suite
    architecture: Architecture

    @property
    def extension_suffix(self) -> str:
        """Of compiled modules, such as .cpython-313-aarch64-linux-gnu.so."""
        return f".cpython-{self.suite.python.replace('.', '')}-{self.architecture.triplet}.so"


SUITES = {
    "trixie": Suite("trixie", 13, "3.13", "libasound2t64"),
    "bookworm": Suite("bookworm", 12, "3.11", "libasound2"),
}
ARCHITECTURES = {"amd64": Architecture("amd64", "x86_64"), "arm64": Architecture("arm64", "aarch64")}
