"""lkedge as a publisher next to the official Python SDK, on a real livekit-server, in one run.

    python -m bench.publish [--codec vp8|h264] [--seconds 8] [--rounds 2] [--only cpu,latency,...] [--json]

See bench/README.md for what is measured and how to read it.
"""

from __future__ import annotations

import argparse
import asyncio
import compileall
import json
import os
import sys
import tempfile
import time
from collections.abc import Callable, Coroutine
from dataclasses import replace
from pathlib import Path
from typing import Any

from bench.publishing import clip
from bench.publishing.contenders import Stage
from bench.publishing.cpu import measure_cpu
from bench.publishing.dynacast import measure_dynacast
from bench.publishing.latency import measure_latency
from bench.publishing.memory import measure_memory
from bench.publishing.results import Row, table
from bench.publishing.start import measure_start
from lkedge.demo import livekit_server
from tests.sfu.harness.sfu import Sfu

PARTS = ("cpu", "latency", "start", "dynacast", "memory")
DYNACAST_PAUSE_S = 1.0
"""The server's default is 5 s; a shorter wait changes nothing that is measured."""

ROOT = Path(__file__).resolve().parent.parent


def main() -> None:
    arguments = _arguments()
    _compile()
    with tempfile.TemporaryDirectory(prefix="lkedge-bench-") as folder:
        rows = asyncio.run(_measure(arguments, Path(folder)))
    if arguments.json:
        print(json.dumps({"load": os.getloadavg(), "cores": os.cpu_count(), "rows": [row.as_json() for row in rows]}))
        return
    print(f"load {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores; medians")
    print(table(rows))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--codec", choices=("vp8", "h264"), action="append", help="default: both, one after the other")
    parser.add_argument(
        "--seconds",
        type=float,
        default=8.0,
        help="of each reading; CPU: or more, up to whole passes of the clip (default %(default)s)",
    )
    parser.add_argument("--rounds", type=int, default=2, help="in which the two take turns (default %(default)s)")
    parser.add_argument("--only", default=",".join(PARTS), help="some of %(default)s")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--logs", type=Path, help="keep the logs and configurations of the processes in this folder")
    arguments = parser.parse_args()
    arguments.codec = arguments.codec or ["vp8", "h264"]
    if unknown := set(arguments.only.split(",")) - set(PARTS):
        parser.error(f"--only: {', '.join(unknown)} is none of {', '.join(PARTS)}")
    return arguments


def _compile() -> None:
    """As an installed package is: without byte code, every start would compile the source."""
    compileall.compile_dir(ROOT / "lkedge", quiet=2)
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)


async def _measure(arguments: argparse.Namespace, folder: Path) -> list[Row]:
    binary = livekit_server.find()
    if binary is None:
        sys.exit("no livekit-server: run tools/setup-livekit-server.sh")
    if arguments.logs:
        arguments.logs.mkdir(parents=True, exist_ok=True)
        folder = arguments.logs
    sfu = Sfu(binary, folder, dynacast_pause_delay_s=DYNACAST_PAUSE_S)
    await sfu.start()
    try:
        return [
            row
            for codec in arguments.codec
            for row in await _codec(arguments, Stage(sfu, codec, folder, clip.prepare()))
        ]
    finally:
        await sfu.stop()


async def _codec(arguments: argparse.Namespace, stage: Stage) -> list[Row]:
    rows: list[Row] = []
    for part, measure in _parts(arguments, stage).items():
        if part in arguments.only.split(","):
            rows += await measure()
    return rows


def _parts(arguments: argparse.Namespace, stage: Stage) -> dict[str, Callable[[], Coroutine[Any, Any, list[Row]]]]:
    seconds, rounds, say = arguments.seconds, arguments.rounds, _say
    assert stage.clip is not None
    path, test_pictures = stage.clip, replace(stage, clip=None)
    return {
        "cpu": lambda: measure_cpu(stage, path, seconds, rounds, say),
        "latency": lambda: measure_latency(test_pictures, seconds, rounds, say),
        "start": lambda: measure_start(stage, rounds, say),
        "dynacast": lambda: measure_dynacast(stage, say),
        "memory": lambda: measure_memory(stage, say),
    }


def _say(text: str) -> None:
    """Progress, on standard error."""
    print(f"{time.strftime('%H:%M:%S')} {text}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
