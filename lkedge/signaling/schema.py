# lkedge: pure
"""LiveKit's protobuf schema of signalling: the modules `models` and `rtc`, and no others.

`import livekit.protocol` also loads the schemas of agents, egress, ingress, SIP and more:
2 MB and 25 ms for nothing. So the two are loaded through a package of our own that has the
same files. Whichever way a message class comes, it is the same one: protobuf makes one for
each message it knows.
"""

from __future__ import annotations

import importlib
import importlib.util
import sys
from types import ModuleType
from typing import TYPE_CHECKING

PACKAGE = "lkedge.signaling.livekit_protocol"
"""The name under which the package's modules are loaded."""


def load(origin: str = "livekit.protocol") -> tuple[ModuleType, ModuleType]:
    """The modules `models` and `rtc` of the package `origin`, whose __init__ is not run unless they need it."""
    try:
        return _load_alone(origin)
    except ImportError:
        return importlib.import_module(f"{origin}.models"), importlib.import_module(f"{origin}.rtc")


def _load_alone(origin: str) -> tuple[ModuleType, ModuleType]:
    spec = importlib.util.find_spec(origin)
    if spec is None or spec.submodule_search_locations is None:
        raise ModuleNotFoundError(f"{origin} is not installed", name=origin)
    package = ModuleType(PACKAGE)
    package.__path__ = list(spec.submodule_search_locations)
    sys.modules[PACKAGE] = package
    return importlib.import_module(f"{PACKAGE}.models"), importlib.import_module(f"{PACKAGE}.rtc")


if TYPE_CHECKING:
    from livekit.protocol import models as models
    from livekit.protocol import rtc as rtc
else:
    models, rtc = load()
