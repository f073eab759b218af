"""KMS on a real driver: virtio-gpu in the device lab, on which the kernel's own console draws through /dev/fb0."""

from __future__ import annotations

import ctypes
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import ClassVar

import pytest
from lkedge_screen.drm import cards, usable_planes
from lkedge_screen.options import ScreenOptions
from lkedge_screen.probe import probe
from lkedge_screen.source import ScreenSource

from lkedge.errors import SourceUnavailable
from lkedge.media.frame import VideoFrame
from lkedge.plugin.api import VideoCaptureSettings
from lkedge.testing.source_contract import VideoSourceContract

pytestmark = pytest.mark.device
CAPTURE = VideoCaptureSettings(framerate=30.0)
FRAMEBUFFER = Path("/sys/class/graphics/fb0")
RED, GREEN = b"\x00\x00\xff\x00", b"\x00\xff\x00\x00"

UNPRIVILEGED = """
from lkedge_screen.kms_grabber import KmsGrabber
from lkedge_screen.options import ScreenOptions
import sys
try:
    KmsGrabber(ScreenOptions(display=sys.argv[1]))
except Exception as error:
    print(error)
"""


@pytest.fixture(scope="module")
def card() -> str:
    showing = [path for path in cards() if usable_planes(path)]
    assert showing, "no graphics card shows anything: the machine of the lab has a virtio-gpu"
    return showing[0]


@pytest.fixture
def source(card: str) -> Iterator[ScreenSource]:
    source = ScreenSource(CAPTURE, ScreenOptions(display=card))
    yield source
    source.close()


def fill(colour: bytes, first: int, rows: int) -> None:
    """Paint rows of the console's framebuffer, of four bytes per pixel."""
    stride = int((FRAMEBUFFER / "stride").read_text())
    with open("/dev/fb0", "r+b", buffering=0) as file:
        file.seek(first * stride)
        file.write(colour * (rows * stride // 4))


def row(frame: VideoFrame, number: int) -> bytes:
    plane = frame.planes[0]
    return ctypes.string_at(plane.pointer + number * plane.stride, frame.width * 4)


def test_what_is_drawn_is_seen(source: ScreenSource) -> None:
    announced = source.open()
    size = tuple(int(number) for number in (FRAMEBUFFER / "virtual_size").read_text().split(","))
    assert (announced.width, announced.height) == size
    for top in (100, 200, 300):
        fill(GREEN, 0, 400)
        fill(RED, top, 10)
        frame = source.read()
        assert frame.pixel_format in ("bgr0", "bgra")
        assert {row(frame, top + 5)[:3], row(frame, top - 50)[:3]} == {RED[:3], GREEN[:3]}


def test_region_of_it(card: str) -> None:
    source = ScreenSource(CAPTURE, ScreenOptions(display=card, region="64x64+16+200"))
    source.open()
    fill(GREEN, 150, 50)
    fill(RED, 200, 10)
    fill(GREEN, 210, 60)
    frame = source.read()
    source.close()
    assert (frame.width, frame.height) == (64, 64)
    assert [row(frame, number)[:3] for number in (0, 9, 10, 63)] == [RED[:3], RED[:3], GREEN[:3], GREEN[:3]]


def test_without_the_right_the_remedy_is_told(card: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", UNPRIVILEGED, card],
        user="nobody",
        group="video",
        extra_groups=[],
        cwd="/",
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert "CAP_SYS_ADMIN" in done.stdout, done.stdout + done.stderr
    assert "AmbientCapabilities=CAP_SYS_ADMIN" in done.stdout


def test_a_card_that_is_not_there_is_named() -> None:
    with pytest.raises(SourceUnavailable, match=r"there is no /dev/dri/card77: graphics cards here: /dev/dri/card"):
        ScreenSource(CAPTURE, ScreenOptions(display="/dev/dri/card77")).open()


def test_probe_lists_it(card: str) -> None:
    (device,) = [device for device in probe() if device.name == f"KMS {card}"]
    assert "x" in device.details["size"]


class TestKms(VideoSourceContract):
    capabilities: ClassVar[frozenset[str]] = frozenset({"two_at_once", "missing"})
    opens = 5

    @pytest.fixture(autouse=True)
    def _card(self, card: str) -> None:
        self.card = card

    def make_source(self, tmp_path: Path) -> ScreenSource:
        return ScreenSource(CAPTURE, ScreenOptions(display=self.card, region="320x180"))

    def make_missing_source(self, tmp_path: Path) -> ScreenSource:
        return ScreenSource(CAPTURE, ScreenOptions(display="/dev/dri/card77"))
