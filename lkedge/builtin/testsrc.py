"""`testsrc`: a moving picture with a frame counter and a clock, for eyes and for machines."""

from __future__ import annotations

import time
from dataclasses import replace

from lkedge.builtin.blocks import BlockPool
from lkedge.builtin.options import TestSourceOptions
from lkedge.builtin.pace import Pace
from lkedge.builtin.testsrc_draw import TestPicture
from lkedge.builtin.testsrc_text import TEXT_CELLS, can_show
from lkedge.clock import MILLISECOND_NS, SECOND_NS
from lkedge.errors import SourceClosed, SourceError, SourceUnavailable
from lkedge.media.frame import VideoFrame
from lkedge.plugin.api import Control, ControlKind, ControlValue, VideoCaptureSettings, VideoFormat, VideoSource
from lkedge.plugin.controls import checked_value, find_control

DEFAULT_WIDTH = 1280
DEFAULT_HEIGHT = 720
DEFAULT_FRAMERATE = 30.0
MIN_WIDTH = 160
MIN_HEIGHT = 90
MAX_FRAMERATE = 240.0

CONTROLS = (
    Control("speed", ControlKind.NUMBER, 1.0, default=1.0, minimum=0.0, maximum=10.0),
    Control("label", ControlKind.TEXT, "", default=""),
)
"""How fast the ball moves, and a line of text under the clock."""


class TestSource(VideoSource):
    """Paced by absolute deadlines; the capture time of a frame is its deadline."""

    __test__ = False

    def __init__(self, capture: VideoCaptureSettings, options: TestSourceOptions) -> None:
        self._width = capture.width & ~1 or DEFAULT_WIDTH
        self._height = capture.height & ~1 or DEFAULT_HEIGHT
        self._framerate = capture.framerate or DEFAULT_FRAMERATE
        self._interval_ns = 0
        self._picture: TestPicture | None = None
        self._pool: BlockPool | None = None
        self._counter = 0
        self._travel = 0.0
        self._speed = 1.0
        self._controls = {control.name: control for control in CONTROLS}
        self._due_ns = 0
        self._pace = Pace()

    def open(self) -> VideoFormat:
        if self._width < MIN_WIDTH or self._height < MIN_HEIGHT or not 0 < self._framerate <= MAX_FRAMERATE:
            raise SourceUnavailable(
                f"testsrc: cannot make {self._width}x{self._height} at {self._framerate:g} frames per second; "
                f"ask for at least {MIN_WIDTH}x{MIN_HEIGHT} and at most {MAX_FRAMERATE:g}"
            )
        self._picture = TestPicture(self._width, self._height)
        self._pool = BlockPool(self._width, self._height, self._picture.background)
        self._interval_ns = round(SECOND_NS / self._framerate)
        self._due_ns = time.monotonic_ns()
        return VideoFormat(self._width, self._height, self._framerate)

    def read(self) -> VideoFrame:
        self._wait_until_due()
        picture, pool, captured_ns = self._picture, self._pool, self._due_ns
        if picture is None or pool is None or self._pace.is_closed:
            raise SourceClosed("testsrc: it is closed")
        block = pool.take()
        unix_ns = captured_ns + time.time_ns() - time.monotonic_ns()
        unix_ms, clock = unix_ns // MILLISECOND_NS, _clock(unix_ns)
        block.state = picture.draw(block.memory, block.state, self._counter, self._travel, unix_ms, clock)
        self._counter += 1
        self._travel += self._speed
        self._due_ns += self._interval_ns
        return pool.frame(block, captured_ns)

    def close(self) -> None:
        self._pace.close()
        self._pool = None

    def controls(self) -> tuple[Control, ...]:
        return tuple(self._controls.values())

    def set_control(self, name: str, value: ControlValue) -> None:
        control = find_control(self.controls(), name)
        checked = checked_value(control, value)
        if name == "label":
            self._show_label(str(checked))
        else:
            self._speed = float(checked)
        self._controls[name] = replace(control, value=checked)

    def _show_label(self, text: str) -> None:
        """New blocks begin with a background that has the label, so a frame costs what it did before."""
        if not can_show(text):
            raise SourceError(
                f"control 'label' cannot be {text!r:.80}; "
                f"allowed are {TEXT_CELLS} characters of A-Z, 0-9, colon, full stop, hyphen and blank"
            )
        if self._picture is not None and self._pool is not None:
            self._picture.set_label(text)
            self._pool = BlockPool(self._width, self._height, self._picture.background)

    def _wait_until_due(self) -> None:
        """Sleep to the deadline; after a stall of more than a frame begin a new series."""
        now_ns = time.monotonic_ns()
        if now_ns - self._due_ns > self._interval_ns:
            self._due_ns = now_ns
        self._pace.sleep_until(self._due_ns)


def _clock(unix_ns: int) -> str:
    """The time of day in UTC, to the millisecond."""
    seconds, rest = divmod(unix_ns, SECOND_NS)
    hours, minutes = divmod(seconds // 60 % 1440, 60)
    return f"{hours:02}:{minutes:02}:{seconds % 60:02}.{rest // MILLISECOND_NS:03}"
