"""A D-Bus daemon of our own, with the rules of a system bus and the policy that the package installs."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from pathlib import Path

import pytest

TOP = Path(__file__).resolve().parents[2]
POLICY = TOP / "etc/dbus-1/system.d/org.lkedge1.conf"

CONFIGURATION = """\
<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig>
  <type>system</type>
  <auth>EXTERNAL</auth>
  <listen>unix:path={socket}</listen>
  <policy context="default">
    <allow user="*"/>
    <deny own="*"/>
    <deny send_type="method_call"/>
    <allow send_type="signal"/>
    <allow send_requested_reply="true" send_type="method_return"/>
    <allow send_requested_reply="true" send_type="error"/>
    <allow receive_type="method_call"/>
    <allow receive_type="method_return"/>
    <allow receive_type="error"/>
    <allow receive_type="signal"/>
    <allow send_destination="org.freedesktop.DBus" send_interface="org.freedesktop.DBus"/>
    <allow send_destination="org.freedesktop.DBus" send_interface="org.freedesktop.DBus.Introspectable"/>
    <allow send_destination="org.freedesktop.DBus" send_interface="org.freedesktop.DBus.Properties"/>
    <allow send_destination="org.freedesktop.DBus" send_interface="org.freedesktop.DBus.Monitoring"/>
  </policy>
{installed}
</busconfig>
"""

INSTALLED = f"""\
  <include>{POLICY}</include>
  <policy user="{os.geteuid()}">
    <allow own_prefix="org.lkedge1"/>
    <allow receive_sender="org.lkedge1._any" receive_type="signal"/>
  </policy>
"""


def needs_dbus_daemon() -> pytest.MarkDecorator:
    """Skips without dbus-daemon or busctl."""
    missing = [name for name in ("dbus-daemon", "busctl") if shutil.which(name) is None]
    return pytest.mark.skipif(bool(missing), reason=f"no {', '.join(missing)}: sudo apt install dbus systemd")


class PrivateBus:
    """Starts and stops it; the address stays the same.

    address: for $DBUS_SYSTEM_BUS_ADDRESS and `busctl --address`. has_policy: as on a machine where
        the package is installed, and we run as the user that it makes. more: a policy of the administrator.
    """

    def __init__(self, *, has_policy: bool = True, more: str = "") -> None:
        self._installed = (INSTALLED if has_policy else "") + more
        self._folder = Path(tempfile.mkdtemp(prefix="lkedge-bus-"))
        # Other users have to get to the socket.
        self._folder.chmod(0o755)
        self._socket = self._folder / "bus"
        self.address = f"unix:path={self._socket}"
        self._process: subprocess.Popen[str] | None = None

    def start(self) -> None:
        """Returns when it takes connections."""
        configuration = self._folder / "bus.conf"
        configuration.write_text(CONFIGURATION.format(socket=self._socket, installed=self._installed), encoding="utf-8")
        self._process = subprocess.Popen(
            ["dbus-daemon", f"--config-file={configuration}", "--nofork", "--print-address=1"],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        assert self._process.stdout is not None
        assert self._process.stdout.readline(), "dbus-daemon did not start"

    def stop(self) -> None:
        """Any number of times."""
        if self._process is not None:
            self._process.terminate()
            self._process.communicate(timeout=10)
            self._process = None
            self._socket.unlink(missing_ok=True)

    def remove(self) -> None:
        self.stop()
        shutil.rmtree(self._folder)

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid
