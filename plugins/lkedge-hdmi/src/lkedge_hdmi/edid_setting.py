"""Which EDID an input gets, and giving it."""

from __future__ import annotations

import errno
import logging

from lkedge.errors import SourceUnavailable
from lkedge_hdmi.bridge import Bridge
from lkedge_hdmi.edid import edid_name, parse_edid
from lkedge_hdmi.edid_presets import preset
from lkedge_hdmi.kernel import HdmiKernel
from lkedge_hdmi.options import HdmiOptions

logger = logging.getLogger(__name__)

AUTOMATIC = "1080p30"
"""What two CSI lanes and a small encoder can do."""


def ensure_edid(bridge: Bridge, path: str, options: HdmiOptions, kernel: HdmiKernel) -> None:
    """Let connected sources see the wanted EDID. One that is there already is not written again: sources would
    begin anew.

    Raises:
        SourceUnavailable: the file is wrong, or the bridge does not take it.
    """
    wanted = _wanted(options, kernel)
    if options.edid == "keep" and not wanted:
        return
    try:
        present = bridge.edid()
        if present is None and wanted:
            raise SourceUnavailable(f'{path}: this input takes no EDID; set edid = "auto" and no edid_file')
        if present is not None and _differs(present, wanted):
            _set(bridge, path, wanted or preset(AUTOMATIC))
    except OSError as error:
        raise SourceUnavailable(f"{path}: its EDID cannot be set: {_explained(error, wanted)}") from error


def _wanted(options: HdmiOptions, kernel: HdmiKernel) -> bytes:
    """Empty when whatever is there will do."""
    if options.edid_file:
        return _from_file(options.edid_file, kernel)
    return b"" if options.edid in ("auto", "keep") else preset(options.edid)


def _from_file(path: str, kernel: HdmiKernel) -> bytes:
    try:
        return parse_edid(kernel.read_file(path))
    except OSError as error:
        raise SourceUnavailable(f"edid_file {path} cannot be read: {error.strerror or error}") from error
    except ValueError as error:
        raise SourceUnavailable(f"edid_file {path} is not a usable EDID: {error}") from error


def _differs(present: bytes, wanted: bytes) -> bool:
    return present != wanted if wanted else not present


def _set(bridge: Bridge, path: str, data: bytes) -> None:
    bridge.set_edid(data)
    logger.info(
        "%s: connected sources see the EDID %s (%d bytes)", path, edid_name(data) or "without a name", len(data)
    )


def _explained(error: OSError, wanted: bytes) -> str:
    if error.errno == errno.E2BIG:
        return f"it holds fewer than {len(wanted) // 128} blocks; use a shorter one"
    if error.errno == errno.EBUSY:
        return "pictures are flowing; close the other program that uses the input"
    if error.errno == errno.EINVAL:
        return "the driver refuses it; is the physical address in its HDMI block valid?"
    return error.strerror or str(error)
