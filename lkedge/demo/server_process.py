"""One livekit-server as a child process on loop-back: its configuration, start, readiness and end.

Media goes over UDP on 127.0.0.1 only. What was found out about that: aioice never offers
loop-back candidates by itself, but lkedge does for a loop-back server; libwebrtc (the official
SDKs, Chromium) offers the machine's own interface address, which reaches a server on 127.0.0.1
without leaving the machine. On a machine whose only interface is `lo`, libwebrtc has no
candidate at all and cannot connect.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import subprocess
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from lkedge.errors import LkedgeError
from lkedge.worker.parent import tie_to_parent

API_KEY = "devkey"
START_DEADLINE_S = 15.0
STOP_DEADLINE_S = 5.0
HEALTH_DEADLINE_S = 2.0
POLL_INTERVAL_S = 0.05


class ServerFailed(LkedgeError):
    """livekit-server did not start; the message has the end of its log."""


@dataclass(frozen=True, slots=True)
class ServerSettings:
    """What a server is started with.

    signal_port, udp_port: 0 takes free ones.
    dynacast_pause_delay_s: how long a layer stays on after nobody wants it (the server's default is 5 s).
    api_secret: at least 32 characters.
    overrides: merged into the configuration at its top level, section by section.
    """

    api_secret: str
    signal_port: int = 0
    udp_port: int = 0
    dynacast_pause_delay_s: float = 5.0
    log_level: str = "info"
    overrides: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)


class LiveKitServer:
    """A running livekit-server. `start`, `stop` and `start` again keep the ports."""

    def __init__(self, binary: Path, settings: ServerSettings, folder: Path | None = None) -> None:
        """folder: where configuration and log go; a temporary one when None."""
        self._temporary = None if folder else tempfile.TemporaryDirectory(prefix="lkedge-server-")
        self._folder = folder or Path(self._temporary.name if self._temporary else "")
        self._binary = binary
        self._process: subprocess.Popen[bytes] | None = None
        self.signal_port = settings.signal_port or free_port(socket.SOCK_STREAM)
        self.udp_port = settings.udp_port or free_port(socket.SOCK_DGRAM)
        self.api_key = API_KEY
        self.api_secret = settings.api_secret
        self.log_path = self._folder / "livekit-server.log"
        self._config_path = self._folder / "livekit-server.json"
        self._config_path.touch(mode=0o600)
        self._config_path.write_text(json.dumps(server_config(settings, self.signal_port, self.udp_port), indent=1))

    @property
    def url(self) -> str:
        """Signalling address, ws://127.0.0.1:PORT."""
        return f"ws://127.0.0.1:{self.signal_port}"

    @property
    def pid(self) -> int | None:
        return self._process.pid if self._process else None

    async def start(self) -> None:
        """Start and wait until it answers. Raises ServerFailed, with nothing left running."""
        command = [str(self._binary), "--config", str(self._config_path)]
        with self.log_path.open("ab") as log:
            self._process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                preexec_fn=tie_to_parent(),
            )
        try:
            async with asyncio.timeout(START_DEADLINE_S):
                await self._answering()
        except BaseException as error:
            await self.stop()
            if isinstance(error, TimeoutError):
                raise ServerFailed(f"livekit-server does not answer on {self.url}:\n{self.log_tail()}") from None
            raise

    async def stop(self, signal_number: int = signal.SIGTERM) -> None:
        """End it and its group, kindly first; nothing when it does not run.

        A clean exit waits for every participant to leave, so SIGKILL follows a second SIGTERM soon.
        """
        process, self._process = self._process, None
        if process is None:
            return
        for number, deadline_s in ((signal_number, 0.5), (signal.SIGTERM, STOP_DEADLINE_S), (signal.SIGKILL, 5.0)):
            _signal_group(process.pid, number)
            if await _exited(process, deadline_s):
                return

    def close(self) -> None:
        """Kill it if it still runs and remove the temporary folder."""
        if self._process:
            _signal_group(self._process.pid, signal.SIGKILL)
            self._process.wait()
            self._process = None
        if self._temporary:
            self._temporary.cleanup()

    def log_tail(self, lines: int = 30) -> str:
        """The end of its log, for error messages."""
        text = self.log_path.read_text(errors="replace") if self.log_path.exists() else ""
        return "\n".join(text.splitlines()[-lines:])

    async def _answering(self) -> None:
        while not await _health(self.signal_port):
            if self._process is None or self._process.poll() is not None:
                raise ServerFailed(f"livekit-server ended at once:\n{self.log_tail()}")
            await asyncio.sleep(POLL_INTERVAL_S)


def server_config(settings: ServerSettings, signal_port: int, udp_port: int) -> dict[str, Any]:
    """The configuration (JSON is YAML) of a server whose signalling and media stay on loop-back."""
    config: dict[str, Any] = {
        "port": signal_port,
        "bind_addresses": ["127.0.0.1"],
        "keys": {API_KEY: settings.api_secret},
        "rtc": {
            "udp_port": udp_port,
            "tcp_port": 0,
            "use_external_ip": False,
            "node_ip": "127.0.0.1",
            "interfaces": {"includes": ["lo"]},
            "enable_loopback_candidate": True,
            "allow_tcp_fallback": False,
        },
        "room": {"auto_create": True, "empty_timeout": 60, "departure_timeout": 5},
        "video": {"dynacast_pause_delay": f"{settings.dynacast_pause_delay_s}s"},
        "logging": {"level": settings.log_level, "pion_level": "error"},
    }
    for section, values in settings.overrides.items():
        config[section] = {**config.get(section, {}), **values}
    return config


def free_port(kind: socket.SocketKind) -> int:
    """A port of 127.0.0.1 that is free now."""
    with socket.socket(socket.AF_INET, kind) as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


async def _health(port: int) -> bool:
    """Whether GET / says OK."""
    try:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
    except OSError:
        return False
    try:
        writer.write(b"GET / HTTP/1.0\r\nHost: 127.0.0.1\r\n\r\n")
        async with asyncio.timeout(HEALTH_DEADLINE_S):
            answer = await reader.read(4096)
        return b" 200 " in answer.split(b"\r\n", 1)[0]
    except (OSError, TimeoutError):
        return False
    finally:
        writer.close()


def _signal_group(pid: int, number: int) -> None:
    try:
        os.killpg(pid, number)
    except ProcessLookupError:
        return


async def _exited(process: subprocess.Popen[bytes], deadline_s: float) -> bool:
    loop = asyncio.get_running_loop()
    until = loop.time() + deadline_s
    while process.poll() is None and loop.time() < until:
        await asyncio.sleep(POLL_INTERVAL_S)
    return process.returncode is not None
