"""aiortc's DTLS and aioice, without what they load for things that lkedge does not use.

`import aiortc` brings the whole of WebRTC and with it PyAV; aioice brings dnspython for the
mDNS names of browsers. Without both the daemon is connected 0.1 to 0.2 s sooner and takes
16 MB less. Whoever imports these packages later gets all of them: what is loaded here is
part of that, and nothing is left out for good.
"""

from __future__ import annotations

import builtins
import importlib
import importlib.util
import logging
import sys
from types import ModuleType, SimpleNamespace
from typing import Any

logger = logging.getLogger(__name__)

DTLS_MODULE = "aiortc.rtcdtlstransport"
MDNS_MODULE = "aioice.mdns"


def import_aiortc_dtls() -> None:
    """Load aiortc's DTLS module, alone where that is possible. Harmless when aiortc is loaded already."""
    if "aiortc" in sys.modules or DTLS_MODULE in sys.modules:
        return
    known = set(sys.modules)
    try:
        _import_alone()
    except Exception as error:
        logger.debug("aiortc has changed (%s): all of it is loaded", error)
        for name in [name for name in sys.modules if name.startswith("aiortc.") and name not in known]:
            del sys.modules[name]


def put_off_mdns() -> None:
    """Let aioice load its mDNS resolver when it is first used. Without effect once aioice is loaded."""
    if "aioice" not in sys.modules:
        sys.modules[MDNS_MODULE] = _LateMdns(MDNS_MODULE)


class _LateMdns(ModuleType):
    """Stands for aioice.mdns and answers what aioice asks of every candidate."""

    MDnsProtocol = object
    """Named in annotations only."""

    @staticmethod
    def is_mdns_hostname(name: str) -> bool:
        return name.endswith(".local")

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        if sys.modules.get(MDNS_MODULE) is self:
            del sys.modules[MDNS_MODULE]
        return getattr(importlib.import_module(MDNS_MODULE), name)


def _import_alone() -> None:
    """With an empty package in the place of aiortc's own, whose __init__ imports everything."""
    spec = importlib.util.find_spec("aiortc")
    if spec is None:
        return
    sys.modules["aiortc"] = importlib.util.module_from_spec(spec)
    try:
        _import_rtp_without_av()
        importlib.import_module(DTLS_MODULE)
    finally:
        del sys.modules["aiortc"]


def _import_rtp_without_av() -> None:
    """aiortc.rtp wants PyAV for one annotation. Only its own imports are changed, not those of other threads."""
    spec = importlib.util.find_spec("aiortc.rtp")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    module.__dict__["__builtins__"] = {**vars(builtins), "__import__": _import_but_av}
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)


def _import_but_av(name: str, *arguments: Any, **keywords: Any) -> Any:
    return SimpleNamespace(AudioFrame=object) if name == "av" else builtins.__import__(name, *arguments, **keywords)
