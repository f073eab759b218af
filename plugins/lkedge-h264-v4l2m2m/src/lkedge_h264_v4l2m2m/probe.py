"""Which encoder is here, and how much does it do? Found by capability; measured where nothing is known of it.

Measuring takes a second or so, and each worker asks. So the result is kept in the cache
folder, for this board, this kernel and this version. An encoder that is not there is looked
for again after a while, since its module or the right to use it may have come.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import logging
import os
import threading
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from lkedge.clock import SECOND_NS, Clock, SystemClock
from lkedge_h264_v4l2m2m import __version__
from lkedge_h264_v4l2m2m.board import Board, known_pixel_rate, this_board
from lkedge_h264_v4l2m2m.coding import H264, Coding
from lkedge_h264_v4l2m2m.folders import cache_folder, runtime_folder
from lkedge_h264_v4l2m2m.kernel import LinuxM2mKernel, M2mKernel
from lkedge_h264_v4l2m2m.node import Node, find_encoders
from lkedge_h264_v4l2m2m.speed import measured_pixel_rate

logger = logging.getLogger(__name__)

CACHE_FILE = "h264-v4l2m2m.json"

RETRY_AFTER_NS = 60 * SECOND_NS

OTHER_MEASURES_S = 4.0
"""How long to wait for another worker that is measuring the encoder just now."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """node: the encoder to use; None with the reason. pixel_rate: what it does a second, 0 when not known.
    is_measured: here, rather than known of the board."""

    node: Node | None
    reason: str = ""
    pixel_rate: int = 0
    is_measured: bool = False


class Probe:
    """The verdict of this machine; one per process, usable from any thread."""

    def __init__(
        self,
        kernel: M2mKernel | None = None,
        *,
        coding: Coding = H264,
        board: Board | None = None,
        cache: Path | None = None,
        shared: Path | None = None,
        clock: Clock | None = None,
    ) -> None:
        self._kernel = kernel or LinuxM2mKernel()
        self._coding = coding
        self._board = board or this_board()
        self._cache = (cache or cache_folder()) / CACHE_FILE
        self.shared = shared or runtime_folder() / "h264-v4l2m2m"
        self._clock = clock or SystemClock()
        self._lock = threading.Lock()
        self._verdict: Verdict | None = None
        self._judged_ns = 0

    def verdict(self) -> Verdict:
        """Remembered; a failure for a minute only."""
        with self._lock:
            now_ns = self._clock.monotonic_ns()
            is_stale = self._verdict is None or (
                self._verdict.node is None and now_ns - self._judged_ns > RETRY_AFTER_NS
            )
            if is_stale:
                self._verdict, self._judged_ns = self._judge(), now_ns
            assert self._verdict is not None
            return self._verdict

    def _judge(self) -> Verdict:
        found = find_encoders(self._kernel, self._coding.fourcc)
        if not found.nodes:
            problems = f" ({'; '.join(found.problems)})" if found.problems else ""
            return Verdict(None, f"this machine has no V4L2 encoder for {self._coding.name}{problems}")
        known = [(node, known_pixel_rate(node.driver, self._board)) for node in found.nodes]
        for node, pixel_rate in known:
            if pixel_rate:
                return Verdict(node, "", pixel_rate)
        with self._alone():
            return self._remembered(found.nodes) or self._measured(found.nodes)

    def _measured(self, nodes: tuple[Node, ...]) -> Verdict:
        for node in nodes:
            pixel_rate = measured_pixel_rate(node, self._kernel, self._coding, self.shared, self._clock)
            if pixel_rate:
                verdict = Verdict(node, "", pixel_rate, is_measured=True)
                self._remember(verdict)
                return verdict
        return Verdict(nodes[0])

    @contextlib.contextmanager
    def _alone(self) -> Iterator[None]:
        """Two at once would spoil each other's measurement. After a while we measure anyway."""
        try:
            self.shared.mkdir(parents=True, exist_ok=True, mode=0o700)
            fd = os.open(self.shared / "measuring", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError:
            yield
            return
        try:
            _lock_within(fd, OTHER_MEASURES_S)
            yield
        finally:
            os.close(fd)

    def _key(self) -> dict[str, str]:
        return {
            "board": self._board.model,
            "kernel": self._board.kernel,
            "version": __version__,
            "coding": self._coding.fourcc,
        }

    def _remembered(self, nodes: tuple[Node, ...]) -> Verdict | None:
        try:
            content = json.loads(self._cache.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return None
        return _from_json(content, nodes) if isinstance(content, dict) and content.get("key") == self._key() else None

    def _remember(self, verdict: Verdict) -> None:
        """Best effort: without a cache each worker measures for itself."""
        content = {"key": self._key(), "verdict": asdict(verdict)}
        new = self._cache.with_name(f"{CACHE_FILE}.{os.getpid()}")
        try:
            self._cache.parent.mkdir(parents=True, exist_ok=True)
            new.write_text(json.dumps(content), encoding="utf-8")
            new.replace(self._cache)
        except OSError as error:
            logger.debug("%s cannot be written: %s", self._cache, error)


def _from_json(content: dict[str, Any], nodes: tuple[Node, ...]) -> Verdict | None:
    """The verdict, when its encoder is still there; its number may have changed."""
    try:
        verdict = content["verdict"]
        node = next(node for node in nodes if _identity(node) == _identity(verdict["node"]))
        return Verdict(node, "", int(verdict["pixel_rate"]), bool(verdict["is_measured"]))
    except (KeyError, TypeError, ValueError, StopIteration):
        return None


def _identity(node: Node | dict[str, Any]) -> tuple[str, ...]:
    values = asdict(node) if isinstance(node, Node) else node
    return values["card"], values["driver"], values["bus"], str(values["is_multiplanar"])


def _lock_within(fd: int, seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            time.sleep(0.05)
        else:
            return
