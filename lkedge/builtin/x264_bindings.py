"""libx264's encoder interface for ctypes (x264.h).

Parameters go in as text, through x264_param_parse; of its structure only the beginning is
spelled out, which is unchanged since build 153 (2017). `X264Library` checks it against the known
defaults before anything is encoded.
"""

from __future__ import annotations

import ctypes
from collections.abc import Mapping
from ctypes import POINTER, c_char_p, c_int, c_int64, c_ubyte, c_uint32, c_void_p
from functools import cache
from typing import Any

from lkedge.builtin.native import load_library
from lkedge.errors import EncoderError
from lkedge.media.frame import Plane

BUILDS = range(170, 152, -1)
"""X264_BUILD: part of the sonames, and of the name of the function that opens an encoder."""

SONAMES = tuple(f"libx264.so.{build}" for build in BUILDS)

CSP_I420 = 2
TYPE_AUTO, TYPE_IDR = 0, 1
RESERVED_BYTES = 8192


class Parameters(ctypes.Structure):
    """x264_param_t up to i_level_idc, with room for what follows."""

    _fields_ = (
        ("cpu", c_uint32),
        ("i_threads", c_int),
        ("i_lookahead_threads", c_int),
        ("b_sliced_threads", c_int),
        ("b_deterministic", c_int),
        ("b_cpu_independent", c_int),
        ("i_sync_lookahead", c_int),
        ("i_width", c_int),
        ("i_height", c_int),
        ("i_csp", c_int),
        ("i_bitdepth", c_int),
        ("i_level_idc", c_int),
        ("reserved", c_ubyte * RESERVED_BYTES),
    )


KNOWN_DEFAULTS = {"b_deterministic": 1, "i_width": 0, "i_height": 0, "i_csp": CSP_I420, "i_level_idc": -1}
"""Of x264_param_default (base.c). i_bitdepth is what x264 was configured with, 0 for both."""


class Image(ctypes.Structure):
    """x264_image_t."""

    _fields_ = (("i_csp", c_int), ("i_plane", c_int), ("i_stride", c_int * 4), ("plane", c_void_p * 4))


class Picture(ctypes.Structure):
    """x264_picture_t up to img, with room for what follows."""

    _fields_ = (
        ("i_type", c_int),
        ("i_qpplus1", c_int),
        ("i_pic_struct", c_int),
        ("b_keyframe", c_int),
        ("i_pts", c_int64),
        ("i_dts", c_int64),
        ("param", c_void_p),
        ("img", Image),
        ("reserved", c_ubyte * RESERVED_BYTES),
    )


class Nal(ctypes.Structure):
    """x264_nal_t."""

    _fields_ = (
        ("i_ref_idc", c_int),
        ("i_type", c_int),
        ("b_long_startcode", c_int),
        ("i_first_mb", c_int),
        ("i_last_mb", c_int),
        ("i_payload", c_int),
        ("p_payload", c_void_p),
        ("i_padding", c_int),
    )


class X264Library:
    """The functions of one libx264, checked to be what the structures above describe.

    Raises:
        EncoderError: no x264, or of another layout; names the file.
    """

    def __init__(self, handle: ctypes.CDLL, path: str) -> None:
        self._lib = handle
        self.path = path
        self._declare()
        self._check_layout()

    def open(self, width: int, height: int, preset: str, tune: str, profile: str, options: Mapping[str, str]) -> Stream:
        """A new encoder. Close it once.

        Raises:
            EncoderError: x264 refuses an option, by name, or the whole.
        """
        parameters = Parameters()
        if self._lib.x264_param_default_preset(ctypes.byref(parameters), preset.encode(), tune.encode()):
            raise self._refusal(f"knows no preset {preset} with tune {tune}")
        for name, value in options.items():
            if self._lib.x264_param_parse(ctypes.byref(parameters), name.encode(), value.encode()):
                raise self._refusal(f"refuses {name}={value}")
        parameters.i_width, parameters.i_height = width, height
        if self._lib.x264_param_apply_profile(ctypes.byref(parameters), profile.encode()):
            raise self._refusal(f"cannot keep to the profile {profile}")
        encoder = self._open(ctypes.byref(parameters))
        if not encoder:
            raise self._refusal(f"opens no encoder for {width}x{height}")
        return Stream(self._lib, encoder)

    def _check_layout(self) -> None:
        parameters, picture = Parameters(), Picture(i_type=-1, i_qpplus1=-1)
        self._lib.x264_param_default(ctypes.byref(parameters))
        found = {name: getattr(parameters, name) for name in KNOWN_DEFAULTS}
        if found != KNOWN_DEFAULTS or parameters.i_bitdepth not in (0, 8):
            raise self._refusal(f"has other parameters than the builds {BUILDS.stop + 1} to 165: {found}")
        self._lib.x264_picture_init(ctypes.byref(picture))
        if (picture.i_type, picture.i_qpplus1) != (TYPE_AUTO, 0):
            raise self._refusal("describes pictures otherwise than the builds before")

    def _refusal(self, problem: str) -> EncoderError:
        return EncoderError(f"x264 ({self.path}) {problem}")

    def _declare(self) -> None:
        lib = self._lib
        lib.x264_param_default.argtypes = (c_void_p,)
        lib.x264_param_default_preset.argtypes = (c_void_p, c_char_p, c_char_p)
        lib.x264_param_parse.argtypes = (c_void_p, c_char_p, c_char_p)
        lib.x264_param_apply_profile.argtypes = (c_void_p, c_char_p)
        lib.x264_picture_init.argtypes = (c_void_p,)
        lib.x264_encoder_encode.argtypes = (c_void_p,) * 5
        lib.x264_encoder_close.argtypes = (c_void_p,)
        self._open = self._opening_function()
        self._open.argtypes = (c_void_p,)
        self._open.restype = c_void_p

    def _opening_function(self) -> Any:
        """It is named after the build, so that a caller for another one does not find it."""
        names = (f"x264_encoder_open_{build}" for build in BUILDS)
        function = next((getattr(self._lib, name) for name in names if hasattr(self._lib, name)), None)
        if function is None:
            raise self._refusal(f"is none of the builds {BUILDS.stop + 1} to {BUILDS.start}")
        return function


class Stream:
    """One open encoder; used by one thread."""

    def __init__(self, lib: ctypes.CDLL, encoder: int) -> None:
        self._lib = lib
        self._encoder = encoder
        self._given, self._made = Picture(), Picture()
        lib.x264_picture_init(ctypes.byref(self._given))
        self._given.img.i_csp, self._given.img.i_plane = CSP_I420, 3
        self._nals = POINTER(Nal)()
        self._count = c_int()

    def encode(self, planes: tuple[Plane, ...], quantizer: int, *, key_frame: bool) -> tuple[bytes, bool]:
        """Encode I420 with this quantizer. The planes are free again when it returns.

        Returns:
            The access unit in Annex B, empty when none came, and whether it is an IDR picture.

        Raises:
            EncoderError: x264 failed; it must be closed.
        """
        given = self._given
        for index, plane in enumerate(planes):
            given.img.plane[index] = plane.pointer
            given.img.i_stride[index] = plane.stride
        given.i_type = TYPE_IDR if key_frame else TYPE_AUTO
        given.i_qpplus1 = quantizer + 1
        size = self._lib.x264_encoder_encode(
            self._encoder,
            ctypes.byref(self._nals),
            ctypes.byref(self._count),
            ctypes.byref(given),
            ctypes.byref(self._made),
        )
        given.i_pts += 1
        if size < 0:
            raise EncoderError(f"x264 failed on a picture ({size})")
        # The payloads of one picture lie one behind the other (x264.h, x264_nal_t).
        return (ctypes.string_at(self._nals[0].p_payload, size) if size else b""), bool(self._made.b_keyframe)

    def close(self) -> None:
        """Release the encoder. Once."""
        self._lib.x264_encoder_close(self._encoder)


@cache
def x264() -> X264Library:
    """The libx264 of this process, loaded and checked once."""
    library = load_library("libx264", SONAMES, package="libx264-164")
    try:
        return X264Library(library.handle, library.path)
    except AttributeError as exc:
        raise EncoderError(f"{library.path} is not an x264: {exc}") from exc
