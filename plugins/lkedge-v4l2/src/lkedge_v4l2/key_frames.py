"""Asks a camera that encodes H.264 for a key frame."""

from __future__ import annotations

import ctypes
import logging

from lkedge_v4l2 import uvc_h264, videodev2_controls
from lkedge_v4l2.controls import DeviceControls
from lkedge_v4l2.device import Device
from lkedge_v4l2.kernel import Kernel

logger = logging.getLogger(__name__)


class KeyFrameRequester:
    """Tries the codec control of V4L2, then the extension unit of UVC. Belongs to the reading thread.

    is_possible: whether the last request reached the camera; True before the first.
    """

    def __init__(self, device: Device, kernel: Kernel) -> None:
        self._device = device
        self._controls = DeviceControls(device)
        self._unit = uvc_h264.h264_unit(kernel.usb_descriptors(device.path))
        self.is_possible = True

    def request(self) -> None:
        """Ask once. A camera that cannot be asked sends key frames in its own time."""
        was_possible = self.is_possible
        self.is_possible = self._controls.press(videodev2_controls.CID_FORCE_KEY_FRAME) or self._ask_unit()
        if was_possible and not self.is_possible:
            logger.warning(
                "%s: %s cannot be asked for a key frame; viewers wait for its own", self._device.path, self._device.card
            )

    def _ask_unit(self) -> bool:
        if self._unit is None:
            return False
        payload = ctypes.create_string_buffer(uvc_h264.key_frame_request(), 4)
        query = uvc_h264.XuControlQuery(
            unit=self._unit,
            selector=uvc_h264.PICTURE_TYPE_CONTROL,
            query=uvc_h264.UVC_SET_CUR,
            size=len(payload),
            data=ctypes.addressof(payload),
        )
        try:
            self._device.ioctl(uvc_h264.UVCIOC_CTRL_QUERY, query)
        except OSError:
            return False
        return True
