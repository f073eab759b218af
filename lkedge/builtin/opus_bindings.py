"""libopus' encoder interface for ctypes (opus.h, opus_defines.h)."""

from __future__ import annotations

import ctypes
from ctypes import POINTER, c_char_p, c_int, c_int32, c_void_p
from functools import cache
from typing import Any

from lkedge.builtin.native import load_library
from lkedge.errors import EncoderError

SONAMES = ("libopus.so.0", "libopus.so")

APPLICATION_VOIP = 2048
APPLICATION_AUDIO = 2049

SET_BITRATE = 4002
SET_COMPLEXITY = 4010
SET_INBAND_FEC = 4012
SET_PACKET_LOSS_PERC = 4014
SET_DTX = 4016
SET_SIGNAL = 4024
GET_IN_DTX = 4049

SIGNAL_MUSIC = 3002


class OpusLibrary:
    """The functions of one libopus.

    Raises:
        EncoderError: the file has no Opus encoder.
    """

    def __init__(self, handle: ctypes.CDLL, path: str) -> None:
        self._lib = handle
        self.path = path
        try:
            self._declare()
        except AttributeError as exc:
            raise EncoderError(f"{path} is not a libopus with an encoder: {exc}") from exc
        self.version: str = self._lib.opus_get_version_string().decode()

    def open(self, sample_rate: int, channels: int, application: int) -> int:
        """A new encoder. Close it once with `close`."""
        error = c_int()
        encoder: int | None = self._lib.opus_encoder_create(sample_rate, channels, application, ctypes.byref(error))
        self.check(error.value, f"open an encoder for {channels} channels at {sample_rate} Hz")
        if encoder is None:
            raise EncoderError(f"{self.version} ({self.path}) gave no encoder")
        return encoder

    def control(self, encoder: int, request: int, value: int) -> None:
        result = self._lib.opus_encoder_ctl(c_void_p(encoder), c_int(request), c_int32(value))
        self.check(result, f"set {request} to {value}")

    def read(self, encoder: int, request: int) -> int:
        value = c_int32()
        result = self._lib.opus_encoder_ctl(c_void_p(encoder), c_int(request), ctypes.byref(value))
        self.check(result, f"read {request}")
        return value.value

    def encode(self, encoder: int, samples: bytes, samples_per_channel: int, target: Any) -> int:
        """Compress into the ctypes array `target`; the number of bytes written."""
        size: int = self._lib.opus_encode(encoder, samples, samples_per_channel, target, len(target))
        self.check(min(size, 0), f"encode {samples_per_channel} samples")
        return size

    def close(self, encoder: int) -> None:
        self._lib.opus_encoder_destroy(encoder)

    def check(self, result: int, action: str) -> None:
        if result:
            reason = self._lib.opus_strerror(result).decode()
            raise EncoderError(f"{self.version} ({self.path}) cannot {action}: {reason}")

    def _declare(self) -> None:
        lib = self._lib
        lib.opus_get_version_string.restype = c_char_p
        lib.opus_strerror.restype = c_char_p
        lib.opus_encoder_create.argtypes = (c_int32, c_int, c_int, POINTER(c_int))
        lib.opus_encoder_create.restype = c_void_p
        lib.opus_encode.argtypes = (c_void_p, c_char_p, c_int, c_void_p, c_int32)
        lib.opus_encoder_destroy.argtypes = (c_void_p,)
        lib.opus_encoder_destroy.restype = None


@cache
def opus() -> OpusLibrary:
    """The libopus of this process, loaded once."""
    library = load_library("libopus", SONAMES, package="libopus0")
    return OpusLibrary(library.handle, library.path)
