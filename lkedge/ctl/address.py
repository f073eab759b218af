"""Where the control socket is."""

from __future__ import annotations

import os
from collections.abc import Mapping

SYSTEM_FOLDER = "/run/lkedge"
SOCKET_NAME = "control.sock"
VARIABLE = "LKEDGE_SOCKET"


def socket_path(path: str | None, instance: str | None, environ: Mapping[str, str] = os.environ) -> str:
    """The socket to talk to: as told, of an instance, of $LKEDGE_SOCKET, of the system's daemon, of the user's own.

    path, instance: of the command line. The user's own daemon (`lkedge run` without root)
    is found only where the system has none.
    """
    if path:
        return path
    if instance:
        return f"{SYSTEM_FOLDER}/{instance}/{SOCKET_NAME}"
    if environ.get(VARIABLE):
        return environ[VARIABLE]
    system = f"{SYSTEM_FOLDER}/{SOCKET_NAME}"
    own = f"{environ.get('XDG_RUNTIME_DIR', '')}/lkedge/{SOCKET_NAME}"
    return own if not os.path.exists(system) and os.path.exists(own) else system
