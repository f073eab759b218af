"""The demo from beginning to end: open a room, publish, show, leave."""

from __future__ import annotations

import asyncio
import json
import os
import sys
import tempfile
from collections.abc import Callable, Mapping
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, TextIO

from lkedge import interrupts
from lkedge.config.models import Config
from lkedge.demo.configuration import demo_config
from lkedge.demo.result import Observer, is_published
from lkedge.demo.room import HOW_TO_GET_A_SERVER, DemoRoom, Place, choose
from lkedge.demo.show import display_for
from lkedge.publish.state import Status
from lkedge.terms import Codec
from lkedge.viewer.server import ViewerServer, has_bundle

VIEWER_PORT = 8088
REFRESH_S = 0.5


@dataclass(frozen=True, slots=True)
class DemoOptions:
    """seconds: None runs until Ctrl-C. as_json: print one result at the end, everything else to stderr."""

    seconds: float | None = None
    as_json: bool = False
    has_page: bool = True
    codec: Codec = Codec.VP8


class _Ending:
    """The end that a signal asks for: it breaks off the start, and ends the watching as the clock does.

    Made in the task of the demo.
    """

    def __init__(self) -> None:
        self.wanted = asyncio.Event()
        self.is_starting = True
        self.status = 0
        """Of the process, when the signal came too early; 0: there was none."""
        self._loop = asyncio.get_running_loop()
        self._task = asyncio.current_task()

    def signalled(self, number: int) -> None:
        """Called between any two instructions."""
        self.status = 128 + number
        self._loop.call_soon_threadsafe(self._end)

    def _end(self) -> None:
        self.wanted.set()
        if self.is_starting and self._task is not None:
            self._task.cancel()


class RunningDaemon(Protocol):
    """What the demo needs of lkedge.daemon.app.Daemon."""

    async def start(self) -> None: ...
    async def stop(self) -> None: ...
    def status(self) -> Status: ...


DaemonFactory = Callable[[Config], RunningDaemon]


def run_demo(options: DemoOptions, environ: Mapping[str, str] | None = None) -> int:
    """The whole demo; returns the exit status: 0 when everything was published at the end, 130 for Ctrl-C before.

    Raises:
        ConfigError: LIVEKIT_URL without credentials. ServerFailed: livekit-server does not start.
    """
    with interrupts.raising():
        place = choose(os.environ if environ is None else environ)
    return asyncio.run(demo(options, place, _daemon))


async def demo(
    options: DemoOptions,
    place: Place,
    make_daemon: DaemonFactory,
    *,
    stdout: TextIO | None = None,
    stderr: TextIO | None = None,
) -> int:
    """`run_demo` in a running loop, with a chosen place and daemon."""
    stdout, stderr = stdout or sys.stdout, stderr or sys.stderr
    ending = _Ending()
    with interrupts.on_first(ending.signalled):
        try:
            return await _demo(options, place, make_daemon, ending, stdout, stderr)
        except asyncio.CancelledError:
            if not ending.status:
                raise
            return ending.status


async def _demo(
    options: DemoOptions, place: Place, make_daemon: DaemonFactory, ending: _Ending, stdout: TextIO, stderr: TextIO
) -> int:
    words = stderr if options.as_json else stdout
    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="lkedge-demo-")))
        room = await place.open()
        stack.push_async_callback(room.close)
        config = demo_config(folder, room.livekit, room.files, options.codec)
        viewer_url = _start_viewer(stack, room) if options.has_page else ""
        print(introduction(options, room, viewer_url), file=words, flush=True)
        daemon = make_daemon(config)
        await daemon.start()
        stack.push_async_callback(daemon.stop)
        ending.is_starting = False
        result = await _watch(daemon, options, ending.wanted, words)
    if options.as_json:
        print(json.dumps(result | {"url": room.url, "viewer": viewer_url, "stand_in": room.is_stand_in}), file=stdout)
    return 0 if result["published"] else ending.status or 1


def introduction(options: DemoOptions, room: DemoRoom, viewer_url: str) -> str:
    """What is said before the table."""
    lines = [f"room    {room.name} on {room.description}"]
    if room.is_stand_in:
        lines.append(f"        No livekit-server can be had here. {HOW_TO_GET_A_SERVER}")
    elif viewer_url:
        lines.append(f"viewer  {viewer_url}   <- open this in a browser on this machine")
    elif options.has_page:
        lines.append(f"viewer  none: {room.why_no_viewer or 'livekit-client is missing, run tools/setup-viewer.sh'}")
    if options.seconds is None:
        lines.append("        Ctrl-C leaves the room and ends.")
    return "\n".join(lines)


async def _watch(daemon: RunningDaemon, options: DemoOptions, stopped: asyncio.Event, words: TextIO) -> dict[str, Any]:
    loop = asyncio.get_running_loop()
    observer, display, started = Observer(), display_for(words), loop.time()
    until = started + options.seconds if options.seconds is not None else float("inf")
    while True:
        elapsed_s = loop.time() - started
        status = daemon.status()
        observer.see(status, elapsed_s)
        display.show(status, elapsed_s)
        if stopped.is_set() or loop.time() >= until:
            return observer.result(status, elapsed_s)
        pause_s = REFRESH_S if is_published(status) else REFRESH_S / 10
        await _wait(stopped, min(pause_s, until - loop.time()))


async def _wait(event: asyncio.Event, deadline_s: float) -> None:
    with suppress(TimeoutError):
        async with asyncio.timeout(deadline_s):
            await event.wait()


def _start_viewer(stack: AsyncExitStack, room: DemoRoom) -> str:
    """The page's address; "" when there can be none."""
    if room.viewer is None or not has_bundle():
        return ""
    try:
        server = ViewerServer(room.viewer, port=VIEWER_PORT)
    except OSError:
        server = ViewerServer(room.viewer)
    server.start()
    stack.callback(server.stop)
    return server.url


def _daemon(config: Config) -> RunningDaemon:
    from lkedge.daemon.app import Daemon

    return Daemon(config)
