"""One open HDMI input: its signal, and the pictures that flow from it."""

from __future__ import annotations

import errno
import logging

from lkedge_v4l2.controls import DeviceControls
from lkedge_v4l2.device import Device, Negotiated
from lkedge_v4l2.formats import DEFAULT_FRAMERATE, H264, Mode, choose, explain, wanted_framerate
from lkedge_v4l2.modes import capable_modes, pixel_formats
from lkedge_v4l2.names import shown_path
from lkedge_v4l2.picture import unpacker
from lkedge_v4l2.refusal import unavailable
from lkedge_v4l2.stream import CaptureTimes, Stream

from lkedge.errors import SourceError, SourceLost, SourceUnavailable
from lkedge.plugin.api import VideoCaptureSettings, VideoFormat
from lkedge_hdmi.bridge import Bridge
from lkedge_hdmi.edid_setting import ensure_edid
from lkedge_hdmi.kernel import HdmiKernel
from lkedge_hdmi.locate import Place
from lkedge_hdmi.media import MediaDevice
from lkedge_hdmi.options import HdmiOptions
from lkedge_hdmi.signal import CONDITION_BY_ERRNO, Condition, Signal, condition_of_status

logger = logging.getLogger(__name__)

UNKNOWN = Signal(0, 0, 0.0)
"""The signal of an input that does not tell its timings."""


class DeviceGone(SourceUnavailable):
    """The device is not there any more."""


class HdmiInput:
    """Owns the descriptors. Belongs to the reading thread.

    has_events: whether `has_changed` ever says so; otherwise `signal` must be asked.
    """

    def __init__(
        self,
        place: Place,
        capture: VideoCaptureSettings,
        options: HdmiOptions,
        kernel: HdmiKernel,
        times: CaptureTimes,
    ) -> None:
        """Open, set the EDID and the controls. Raises DeviceGone, or SourceUnavailable."""
        self.place = place
        self._capture = capture
        self._options = options
        self._kernel = kernel
        self._times = times
        self._device = _opened(place.video, kernel)
        self._bridge_fd = -1
        try:
            self._bridge = Bridge(self._open_bridge(), kernel)
            self._prepare()
        except BaseException:
            self.close()
            raise

    @property
    def has_events(self) -> bool:
        return self._bridge.has_events

    @property
    def controls(self) -> DeviceControls:
        return DeviceControls(self._device)

    def signal(self) -> Signal | Condition:
        """What arrives now. Raises SourceLost when the input fails altogether."""
        try:
            if self._has_timings:
                return self._bridge.signal()
            return condition_of_status(self._bridge.input_status()) or UNKNOWN
        except OSError as error:
            if error.errno in CONDITION_BY_ERRNO:
                return CONDITION_BY_ERRNO[error.errno]
            raise SourceLost(f"{self.place.video}: the input does not answer: {error.strerror or error}") from error

    def has_changed(self) -> bool:
        """Whether the driver told of a change since the last call."""
        return self._bridge.has_changed()

    def start(self, signal: Signal) -> tuple[Stream, VideoFormat]:
        """Let the pictures of a signal flow. Raises SourceUnavailable."""
        try:
            if self._has_timings:
                self._bridge.apply()
            self._set_up_route(signal)
        except OSError as error:
            raise unavailable(self.place.video, error) from error
        negotiated = self._negotiate(signal)
        stream = Stream(self._device, self._kernel, unpacker(negotiated), self._times)
        mode = negotiated.mode
        framerate = signal.framerate or mode.framerate or DEFAULT_FRAMERATE
        return stream, VideoFormat(mode.width & ~1, mode.height & ~1, framerate)

    def close(self) -> None:
        """Any number of times."""
        self._device.close()
        bridge_fd, self._bridge_fd = self._bridge_fd, -1
        if bridge_fd >= 0:
            self._kernel.close(bridge_fd)

    def _open_bridge(self) -> int:
        if self.place.bridge == self.place.video:
            return self._device.fd
        try:
            self._bridge_fd = self._kernel.open(self.place.bridge)
        except OSError as error:
            raise unavailable(self.place.bridge, error) from error
        return self._bridge_fd

    def _prepare(self) -> None:
        self._has_timings = self._bridge.has_timings()
        ensure_edid(self._bridge, self.place.video, self._options, self._kernel)
        try:
            self.controls.set_all(self._options.controls)
        except SourceError as error:
            raise SourceUnavailable(str(error)) from error

    def _set_up_route(self, signal: Signal) -> None:
        if not self.place.media:
            return
        media = MediaDevice(self.place.media, self._kernel)
        try:
            media.set_up(list(self.place.route), signal.width, signal.height)
        finally:
            media.close()

    def _negotiate(self, signal: Signal) -> Negotiated:
        wanted = self._wanted(signal)
        modes = [mode for mode in self._modes(signal, wanted) if mode.fourcc != H264]
        mode = choose(modes, wanted, self._options.input_format)
        if mode is None:
            raise SourceUnavailable(
                f"{self.place.video}: {self._device.card} has no usable format for "
                f'input_format = "{self._options.input_format}"; it offers '
                f"{', '.join(sorted({mode.fourcc for mode in modes})) or 'nothing'}"
            )
        negotiated = self._device.negotiate(mode, wanted_framerate(wanted))
        reason = "the size of the signal" if signal.width else explain(mode, modes, wanted, self._options.input_format)
        where = shown_path(self.place.video, self._kernel)
        logger.info("%s (%s) delivers %s: %s", self._device.card, where, negotiated.mode, reason)
        return negotiated

    def _wanted(self, signal: Signal) -> VideoCaptureSettings:
        """A bridge delivers the size of its signal; a grabber that scales delivers what is asked for."""
        if not signal.width:
            return self._capture
        return VideoCaptureSettings(signal.width, signal.height, signal.framerate)

    def _modes(self, signal: Signal, wanted: VideoCaptureSettings) -> list[Mode]:
        if not signal.width:
            return capable_modes(self._device, wanted)
        codes = ["UYVY"] if self.place.media else pixel_formats(self._device)
        return [Mode(code, signal.width, signal.height, signal.framerate) for code in codes]


def _opened(path: str, kernel: HdmiKernel) -> Device:
    try:
        return Device(path, kernel)
    except SourceUnavailable as error:
        cause = error.__cause__
        if isinstance(cause, OSError) and cause.errno in (errno.ENODEV, errno.ENXIO, errno.ENOENT):
            raise DeviceGone(str(error)) from cause
        raise
