"""A stand-in for the module picamera2 that misbehaves on demand.

Its event loop, job queue and buffers are as brittle as the real ones: an exception in a callback ends the
loop, a stop waits for the loop, and a camera without free buffers is silent.
"""

from __future__ import annotations

import ctypes
import itertools
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

from fake_libcamera import MODULE, Transform, controls

INTERVAL_S = 0.01
IMX708 = "/base/axi/pcie@120000/rp1/i2c@88000/imx708@1a"
IMX219 = "/base/axi/pcie@120000/rp1/i2c@80000/imx219@10"
WEBCAM = "/base/axi/pcie@120000/rp1/usb@200000-1:1.0-046d:0825"
CAMERAS = ({"Id": IMX708, "Model": "imx708"}, {"Id": IMX219, "Model": "imx219"}, {"Id": WEBCAM, "Model": "C270"})


@dataclass
class Faults:
    """What goes wrong. hang: names of the calls that never return while `released` is not set."""

    silent: bool = False
    no_stamp: bool = False
    one_stream: bool = False
    no_transform: bool = False
    format: str = ""
    refuse: dict[str, Exception] = field(default_factory=dict)
    hang: set[str] = field(default_factory=set)
    released: threading.Event = field(default_factory=threading.Event)

    def meet(self, call: str) -> None:
        if call in self.refuse:
            raise RuntimeError(f"{call} did not complete.") from self.refuse[call]
        if call in self.hang:
            self.released.wait(30)


class FakeRequest:
    """One buffer of each stream, filled anew whenever it is queued."""

    _numbers = itertools.count(100)

    def __init__(self, device: FakeDevice, sizes: dict[str, int]) -> None:
        self._device = device
        self._count = 0
        self.memory = {name: (ctypes.c_ubyte * size)() for name, size in sizes.items()}
        self.stream_map = {name: name for name in sizes}
        buffers = {name: SimpleNamespace(planes=[SimpleNamespace(fd=next(self._numbers))]) for name in sizes}
        self.request = SimpleNamespace(buffers=buffers)
        self.metadata: dict[str, Any] = {}

    def complete(self, value: int, metadata: dict[str, Any]) -> None:
        for memory in self.memory.values():
            ctypes.memset(memory, value % 256, len(memory))
        self.metadata = metadata
        self._count = 1

    def acquire(self) -> None:
        with self._device.request_lock:
            if not self._count:
                raise RuntimeError("CompletedRequest: acquiring lock with ref_count 0")
            self._count += 1

    def release(self) -> None:
        with self._device.request_lock:
            self._count -= 1
            if self._count < 0:
                raise RuntimeError("CompletedRequest: lock now has negative ref_count")
            if self._count == 0:
                self._device.free.append(self)

    def get_metadata(self) -> dict[str, Any]:
        return dict(self.metadata)


class FakeDevice:
    """picamera2.Picamera2."""

    def __init__(self, library: FakeLibrary, number: int, tuning: str | None) -> None:
        self.faults = library.faults
        self.faults.meet("open")
        self.number, self.tuning = number, tuning
        self.camera_ctrl_info = controls()
        self.camera = SimpleNamespace(generate_configuration=lambda roles: [0] if self.faults.one_stream else roles)
        self.request_lock = threading.Lock()
        self.free: list[FakeRequest] = []
        self.made: list[FakeRequest] = []
        self.started = False
        self.closed = 0
        self.pre_callback: Callable[[Any], None] | None = None
        self.set: dict[str, Any] = {}
        self.loop: threading.Thread | None = None
        self._jobs: list[tuple[Callable[[], Any], threading.Event]] = []
        self._ending = threading.Event()

    def create_video_configuration(self, **wanted: Any) -> dict[str, Any]:
        return wanted

    def configure(self, wanted: dict[str, Any]) -> None:
        self.faults.meet("configure")
        self.configuration = dict(wanted)
        for name in ("main", "lores"):
            if wanted[name]:
                self.configuration[name] = self._agreed(wanted[name])
        if self.faults.no_transform:
            self.configuration["transform"] = Transform()
        sizes = {name: self.configuration[name]["framesize"] for name in ("main", "lores") if wanted[name]}
        self.made = [FakeRequest(self, sizes) for _ in range(wanted["buffer_count"])]
        self.streams = list(sizes)
        self.allocator = SimpleNamespace(buffers=lambda stream: self.made)
        self.set.update(wanted["controls"])

    def _agreed(self, stream: dict[str, Any]) -> dict[str, Any]:
        width, height = stream["size"]
        stride = (width + 63) // 64 * 64
        pixel_format = self.faults.format or stream["format"]
        stride, factor = (stride, 1.5) if pixel_format in ("YUV420", "NV12") else (stride * 3, 1)
        return {
            "size": (width, height),
            "format": pixel_format,
            "stride": stride,
            "framesize": int(stride * height * factor),
        }

    def camera_configuration(self) -> dict[str, Any]:
        return self.configuration

    def set_controls(self, values: dict[str, Any]) -> None:
        unknown = values.keys() - self.camera_ctrl_info.keys()
        if unknown:
            raise RuntimeError(f"Control {unknown} is not advertised by libcamera")
        self.set.update(values)

    def start(self) -> None:
        self.faults.meet("start")
        self.free, self.started = list(self.made), True
        self.loop = threading.Thread(target=self._run, name="fake-null-preview", daemon=True)
        self.loop.start()

    def _run(self) -> None:
        for value in itertools.count(1):
            if self._ending.wait(INTERVAL_S):
                return
            while self._jobs:
                work, done = self._jobs.pop(0)
                work()
                done.set()
            self._complete(value)

    def _complete(self, value: int) -> None:
        with self.request_lock:
            request = self.free.pop(0) if self.free and self.started and not self.faults.silent else None
        if request is None:
            return
        stamp = {} if self.faults.no_stamp else {"SensorTimestamp": time.monotonic_ns()}
        request.complete(value, {**self._as_metadata(), **stamp})
        if self.pre_callback:
            self.pre_callback(request)
        request.release()

    def _as_metadata(self) -> dict[str, Any]:
        return {"ExposureTime": self.set.get("ExposureTime") or 12_345, "Lux": 400.0}

    def cancel_all_and_flush(self) -> None:
        self._jobs.clear()

    def dispatch_functions(self, functions: list[Callable[[], Any]], wait: float, immediate: bool) -> None:
        done = threading.Event()
        self._jobs.append((functions[0], done))
        if not done.wait(wait):
            raise TimeoutError

    def stop_(self) -> None:
        self.faults.meet("stop")
        self.started = False

    def close(self) -> None:
        self.faults.meet("close")
        self._ending.set()
        if self.loop is not None:
            self.loop.join()
        self.started = False
        self.closed += 1


class FakeLibrary:
    """The module picamera2; `load` is what a source takes."""

    def __init__(self, faults: Faults | None = None, cameras: tuple[dict[str, str], ...] = CAMERAS) -> None:
        self.faults = faults or Faults()
        self.libcamera = MODULE
        self.devices: list[FakeDevice] = []
        self.tuning_file = ""
        self._cameras = cameras

    def load(self, tuning_file: str) -> FakeLibrary:
        self.tuning_file = tuning_file
        return self

    @property
    def Picamera2(self) -> Any:
        def make(number: int, tuning: str | None) -> FakeDevice:
            self.devices.append(FakeDevice(self, number, tuning))
            return self.devices[-1]

        make.global_camera_info = lambda: list(self._cameras)  # type: ignore[attr-defined]
        return make

    @contextmanager
    def MappedArray(self, request: FakeRequest, stream: str, reshape: bool, write: bool) -> Iterator[Any]:
        place = SimpleNamespace(data=ctypes.addressof(request.memory[stream]))
        yield SimpleNamespace(array=SimpleNamespace(ctypes=place))
