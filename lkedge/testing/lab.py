"""The virtual devices of the device lab, for tests of plugins that run inside it.

    @pytest.mark.device
    def test_reads_pictures(lab_devices):
        camera = V4l2Source(settings, V4l2Options(device=lab_devices.video("webcam")))

The lab is a virtual machine with drivers of the Linux kernel (docs/hardware.md); `make test-device` runs these tests.
"""

from __future__ import annotations

import contextlib
import os
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

VIDEO = ("webcam", "hdmi", "encoder", "decoder", "scaler")
"""webcam, hdmi: vivid. encoder, decoder: vicodec, stateful memory-to-memory; its coded format is FWHT. scaler: vim2m,
memory-to-memory from raw to raw: RGB3, BGR3, RGBP and RGBR in, those and YUYV out."""

VIVID_OF = {"webcam": "vivid.0", "hdmi": "vivid.0"}
"""The platform device; both inputs come from one, so they go and come together."""

LOOPBACK_CARD = "Loopback"
COMMAND_DEADLINE_S = 30.0


@dataclass(frozen=True, slots=True)
class SoundPair:
    """Two ALSA devices of snd-aloop: what is played into one is captured from the other."""

    playback: str
    capture: str


class LabDevices:
    """Devices by name, and the faults that their drivers offer."""

    def video(self, name: str) -> str:
        """The path of a V4L2 node, one of VIDEO; it survives unplugging. Raises LookupError when it is not there."""
        path = f"/dev/lab/{name}"
        if not os.path.exists(path):
            raise LookupError(f"{path} is not there: it exists inside the device lab only, run `make test-device`")
        return path

    def sound(self, subdevice: int = 0) -> SoundPair:
        """A pair of snd-aloop; 0 and 1 are independent."""
        devices = [f"hw:CARD={LOOPBACK_CARD},DEV={device},SUBDEV={subdevice}" for device in (0, 1)]
        return SoundPair(*devices)

    def set_controls(self, name: str, **controls: int) -> None:
        """Set V4L2 controls from outside, such as `disconnect=1` of vivid; buttons take any value."""
        words = ",".join(f"{control}={value}" for control, value in controls.items())
        _run("v4l2-ctl", "-d", self.video(name), "-c", words)

    def control(self, name: str, control: str) -> int:
        """The present value of a numeric V4L2 control."""
        return int(_run("v4l2-ctl", "-d", self.video(name), "-C", control).split()[1])

    def set_mixer(self, control: str, value: int) -> None:
        """Set an ALSA control of snd-aloop, such as "PCM Rate Shift 100000"."""
        _run("amixer", "-c", LOOPBACK_CARD, "cset", f"iface=PCM,name={control!r}", str(value))

    @contextlib.contextmanager
    def unplugged(self, name: str) -> Iterator[None]:
        """Take vivid away as if it were unplugged, with udev's events; it is back afterwards."""
        driver = Path("/sys/bus/platform/drivers/vivid")
        path = self.video(name)
        (driver / "unbind").write_text(VIVID_OF[name])
        try:
            yield
        finally:
            (driver / "bind").write_text(VIVID_OF[name])
            _run("udevadm", "settle", f"--exit-if-exists={path}", "--timeout=10")


def _run(*command: str) -> str:
    return subprocess.run(command, check=True, capture_output=True, text=True, timeout=COMMAND_DEADLINE_S).stdout
