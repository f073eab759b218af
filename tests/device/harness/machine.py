"""One QEMU virtual machine booted from the disk of the device lab; the disk is never written to."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
HOST_ADDRESS = "10.0.2.2"
"""How the guest reaches the loop-back of the host (QEMU's user network)."""

MEMORY_MIB = 2048
STOP_DEADLINE_S = 10.0
SOCKET = "agent.sock"
CONSOLE = "console.log"


def image_folder() -> Path:
    """The built disk, or LKEDGE_LAB_IMAGE. Raises CalledProcessError when it is not there; the script says why."""
    if chosen := os.environ.get("LKEDGE_LAB_IMAGE"):
        return Path(chosen)
    done = subprocess.run(
        [ROOT / "tools/setup-device-lab.sh", "--print"], check=True, stdout=subprocess.PIPE, text=True, timeout=60
    )
    return Path(done.stdout.strip())


class Machine:
    """Starts at once; `stop` kills it. Ends by itself when the thread that made it ends."""

    def __init__(self, image: Path) -> None:
        self._folder = Path(tempfile.mkdtemp(prefix="lkedge-lab-"))
        self.socket_path = self._folder / SOCKET
        # setpriv: a killed test run leaves no machine behind.
        command = ["setpriv", "--pdeathsig", "KILL", *qemu_command(image, self._folder)]
        self._process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, start_new_session=True
        )

    @property
    def is_running(self) -> bool:
        return self._process.poll() is None

    def console(self, lines: int = 40) -> str:
        """The end of the kernel's console, and what QEMU complained about."""
        path = self._folder / CONSOLE
        text = path.read_text(errors="replace") if path.exists() else ""
        complaints = "" if self.is_running or not self._process.stderr else self._process.stderr.read().decode()
        return "\n".join([*text.splitlines()[-lines:], complaints])

    def stop(self) -> None:
        if self.is_running:
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait(STOP_DEADLINE_S)
        if self._process.stderr:
            self._process.stderr.close()
        shutil.rmtree(self._folder, ignore_errors=True)


def qemu_command(image: Path, folder: Path) -> list[str]:
    """Emulated: some ten times slower than KVM, and the same wherever it runs, inside another virtual machine too."""
    disk = f"file={image}/disk.img,format=raw,if=virtio,snapshot=on,cache=unsafe"
    return [
        *("qemu-system-x86_64", "-accel", "tcg,thread=multi", "-cpu", "max"),
        *("-smp", "2", "-m", str(MEMORY_MIB), "-display", "none", "-nodefaults", "-no-reboot"),
        *("-kernel", f"{image}/vmlinuz", "-initrd", f"{image}/initrd.img"),
        *("-append", "console=ttyS0 root=/dev/vda rw quiet panic=-1 mitigations=off"),
        *("-drive", disk, "-nic", "user,model=virtio-net-pci", "-device", "virtio-rng-pci"),
        *("-device", "virtio-gpu-pci"),
        *("-serial", f"file:{folder}/{CONSOLE}", "-device", "virtio-serial-pci"),
        *("-chardev", f"socket,id=agent,path={folder}/{SOCKET},server=on,wait=off"),
        *("-device", "virtserialport,chardev=agent,name=lkedge.agent"),
    ]
