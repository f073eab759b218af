"""The command line: `python -m lkedge_deb --suite trixie --architecture arm64 --root FOLDER --out dist`."""

from __future__ import annotations

import argparse
import os
import subprocess
import tempfile
from pathlib import Path

import lkedge
from lkedge_deb import wheels
from lkedge_deb.build import Order, build
from lkedge_deb.target import ARCHITECTURES, SUITES, Target


def main() -> None:
    """Build the packages of one suite and print their paths."""
    args = _parser().parse_args()
    with tempfile.TemporaryDirectory(prefix="lkedge-wheels-") as folder:
        own = wheels.build_own(Path(folder))
        for name in args.architecture or ARCHITECTURES:
            target = Target(SUITES[args.suite], ARCHITECTURES[name])
            order = Order(target, args.root, args.version, _epoch())
            print(build(order, own, args.out), flush=True)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description="Build the Debian packages of lkedge for one release. Needs root.")
    parser.add_argument("--suite", required=True, choices=SUITES)
    parser.add_argument("--architecture", action="append", choices=ARCHITECTURES, help="default: all")
    parser.add_argument("--root", required=True, type=Path, help="build root of that suite (packaging/build-root.sh)")
    parser.add_argument("--out", type=Path, default=wheels.CHECKOUT / "dist")
    parser.add_argument("--version", default=lkedge.__version__, help="instead of that of the checkout")
    return parser


def _epoch() -> int:
    """SOURCE_DATE_EPOCH, or the time of the newest commit."""
    if chosen := os.environ.get("SOURCE_DATE_EPOCH"):
        return int(chosen)
    command = ["git", "-C", str(wheels.CHECKOUT), "log", "-1", "--format=%ct"]
    return int(subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, timeout=60).stdout)


if __name__ == "__main__":
    main()
