"""libvpx's encoder interface for ctypes: the structures of vpx_encoder.h and vpx_image.h.

The part of vpx_codec_enc_cfg that is spelled out here is unchanged since libvpx 1.8; later
versions only append, so every structure is allocated larger than described. `VpxLibrary`
checks the layout against the known defaults before anything is encoded.
"""

from __future__ import annotations

import ctypes
from ctypes import POINTER, c_char_p, c_int, c_int64, c_long, c_size_t, c_ubyte, c_uint, c_ulong, c_void_p
from functools import cache
from typing import Any

from lkedge.builtin.native import load_library
from lkedge.builtin.picture_size import macroblocks
from lkedge.builtin.zero_pages import given_back
from lkedge.errors import EncoderError

SONAMES = tuple(f"libvpx.so.{version}" for version in range(14, 4, -1))

IMG_FMT_I420 = 0x102
I420_BITS_PER_PIXEL = 12
DL_REALTIME = 1
EFLAG_FORCE_KEY_FRAME = 1
FRAME_IS_KEY = 1
PACKET_IS_FRAME = 0
RC_CBR = 1
KF_AUTO = 1
ABI_MISMATCH = 3
ABI_CANDIDATES = range(69, 9, -1)
RESERVED_BYTES = 2048

TOKENS_PER_MACROBLOCK = 24 * 16
TOKEN_BYTES = 16

SET_CPUUSED = 13
SET_NOISE_SENSITIVITY = 15
SET_STATIC_THRESHOLD = 17
SET_TOKEN_PARTITIONS = 18
SET_MAX_INTRA_BITRATE_PCT = 26
SET_SCREEN_CONTENT_MODE = 31


class Rational(ctypes.Structure):
    _fields_ = (("num", c_int), ("den", c_int))


class FixedBuffer(ctypes.Structure):
    _fields_ = (("data", c_void_p), ("size", c_size_t))


class EncoderConfig(ctypes.Structure):
    """vpx_codec_enc_cfg_t up to temporal_layering_mode, with room for what follows."""

    _fields_ = (
        ("g_usage", c_uint),
        ("g_threads", c_uint),
        ("g_profile", c_uint),
        ("g_w", c_uint),
        ("g_h", c_uint),
        ("g_bit_depth", c_int),
        ("g_input_bit_depth", c_uint),
        ("g_timebase", Rational),
        ("g_error_resilient", c_uint),
        ("g_pass", c_int),
        ("g_lag_in_frames", c_uint),
        ("rc_dropframe_thresh", c_uint),
        ("rc_resize_allowed", c_uint),
        ("rc_scaled_width", c_uint),
        ("rc_scaled_height", c_uint),
        ("rc_resize_up_thresh", c_uint),
        ("rc_resize_down_thresh", c_uint),
        ("rc_end_usage", c_int),
        ("rc_twopass_stats_in", FixedBuffer),
        ("rc_firstpass_mb_stats_in", FixedBuffer),
        ("rc_target_bitrate", c_uint),
        ("rc_min_quantizer", c_uint),
        ("rc_max_quantizer", c_uint),
        ("rc_undershoot_pct", c_uint),
        ("rc_overshoot_pct", c_uint),
        ("rc_buf_sz", c_uint),
        ("rc_buf_initial_sz", c_uint),
        ("rc_buf_optimal_sz", c_uint),
        ("rc_2pass_vbr_bias_pct", c_uint),
        ("rc_2pass_vbr_minsection_pct", c_uint),
        ("rc_2pass_vbr_maxsection_pct", c_uint),
        ("rc_2pass_vbr_corpus_complexity", c_uint),
        ("kf_mode", c_int),
        ("kf_min_dist", c_uint),
        ("kf_max_dist", c_uint),
        ("ss_number_layers", c_uint),
        ("ss_enable_auto_alt_ref", c_int * 5),
        ("ss_target_bitrate", c_uint * 5),
        ("ts_number_layers", c_uint),
        ("ts_target_bitrate", c_uint * 5),
        ("ts_rate_decimator", c_uint * 5),
        ("ts_periodicity", c_uint),
        ("ts_layer_id", c_uint * 16),
        ("layer_target_bitrate", c_uint * 12),
        ("temporal_layering_mode", c_int),
        ("reserved", c_ubyte * RESERVED_BYTES),
    )


class Image(ctypes.Structure):
    """vpx_image_t."""

    _fields_ = (
        ("fmt", c_int),
        ("cs", c_int),
        ("range", c_int),
        ("w", c_uint),
        ("h", c_uint),
        ("bit_depth", c_uint),
        ("d_w", c_uint),
        ("d_h", c_uint),
        ("r_w", c_uint),
        ("r_h", c_uint),
        ("x_chroma_shift", c_uint),
        ("y_chroma_shift", c_uint),
        ("planes", c_void_p * 4),
        ("stride", c_int * 4),
        ("bps", c_int),
        ("reserved", c_ubyte * 256),
    )


class FramePacket(ctypes.Structure):
    """vpx_codec_cx_pkt_t of a compressed frame."""

    _fields_ = (
        ("kind", c_int),
        ("data", c_void_p),
        ("size", c_size_t),
        ("pts", c_int64),
        ("duration", c_ulong),
        ("flags", c_uint),
    )


CodecContext = c_ubyte * 512
"""vpx_codec_ctx_t, opaque here; 56 bytes on 64-bit machines."""

KNOWN_DEFAULTS = {
    "g_w": 320,
    "g_h": 240,
    "rc_target_bitrate": 256,
    "rc_min_quantizer": 4,
    "rc_max_quantizer": 63,
    "rc_buf_sz": 6000,
    "kf_mode": 1,
    "kf_max_dist": 128,
    "ss_number_layers": 1,
    "ts_number_layers": 1,
}
"""vpx_codec_enc_config_default of VP8 (vp8_cx_iface.c, vp8e_usage_cfg_map)."""


class VpxLibrary:
    """The functions of one libvpx, checked to be what the structures above describe.

    Raises:
        EncoderError: not found, without VP8, or of another layout; names file and version.
    """

    def __init__(self, handle: ctypes.CDLL, path: str) -> None:
        self._lib = handle
        self.path = path
        self._declare()
        self.version: str = self._lib.vpx_codec_version_str().decode()
        self._interface = self._lib.vpx_codec_vp8_cx()
        self._check_layout()
        self._abi = self._find_abi()

    def default_config(self) -> EncoderConfig:
        config = EncoderConfig()
        if self._lib.vpx_codec_enc_config_default(self._interface, ctypes.byref(config), 0):
            raise self._refusal("does not give its default configuration")
        return config

    def open(self, config: EncoderConfig) -> ctypes.Array[c_ubyte]:
        """A new encoder. Close it once with `close`."""
        context = CodecContext()
        with given_back(token_bytes(config)):
            self.check(context, self._init(context, config, self._abi), "open the encoder")
        return context

    def configure(self, context: Any, config: EncoderConfig) -> None:
        self.check(context, self._lib.vpx_codec_enc_config_set(context, ctypes.byref(config)), "change the rate")

    def control(self, context: Any, control: int, value: int) -> None:
        self.check(context, self._lib.vpx_codec_control_(context, c_int(control), c_int(value)), f"set {control}")

    def image(self, width: int, height: int) -> Image:
        """A description of an I420 picture, without memory: planes and strides are the caller's."""
        image = Image()
        placeholder = 64
        is_described = self._lib.vpx_img_wrap(ctypes.byref(image), IMG_FMT_I420, width, height, 1, placeholder)
        if not is_described or image.bps != I420_BITS_PER_PIXEL or image.planes[0] != placeholder:
            raise self._refusal(f"does not describe a picture of {width}x{height} as expected")
        return image

    def encode(self, context: Any, image: Image, pts: int, duration: int, flags: int) -> FramePacket | None:
        """One picture in, at most one frame out; `data` is valid until the next call."""
        result = self._lib.vpx_codec_encode(context, ctypes.byref(image), pts, duration, flags, DL_REALTIME)
        self.check(context, result, "encode")
        iterator = c_void_p()
        while packet := self._lib.vpx_codec_get_cx_data(context, ctypes.byref(iterator)):
            frame: FramePacket = packet.contents
            if frame.kind == PACKET_IS_FRAME and frame.size:
                return frame
        return None

    def close(self, context: Any) -> None:
        self._lib.vpx_codec_destroy(context)

    def check(self, context: Any, result: int, action: str) -> None:
        if not result:
            return
        detail = self._lib.vpx_codec_error_detail(context) or b""
        reason = self._lib.vpx_codec_err_to_string(result).decode()
        raise self._refusal(f"cannot {action}: {reason} {detail.decode()}".rstrip())

    def _init(self, context: Any, config: EncoderConfig, abi: int) -> int:
        result: int = self._lib.vpx_codec_enc_init_ver(context, self._interface, ctypes.byref(config), 0, abi)
        return result

    def _find_abi(self) -> int:
        """The ABI number is a macro of the header and is in no symbol: try, and be told."""
        config = self.default_config()
        for abi in ABI_CANDIDATES:
            context = CodecContext()
            result = self._init(context, config, abi)
            if result != ABI_MISMATCH:
                self.check(context, result, "open a first encoder")
                self.close(context)
                return abi
        raise self._refusal(f"has an ABI number outside {ABI_CANDIDATES.stop + 1} to {ABI_CANDIDATES.start}")

    def _check_layout(self) -> None:
        config = self.default_config()
        found = {name: getattr(config, name) for name in KNOWN_DEFAULTS}
        if found != KNOWN_DEFAULTS:
            raise self._refusal(f"has another configuration layout than 1.8 to 1.16: {found}")

    def _refusal(self, problem: str) -> EncoderError:
        return EncoderError(f"libvpx {self.version} ({self.path}) {problem}")

    def _declare(self) -> None:
        lib = self._lib
        lib.vpx_codec_version_str.restype = c_char_p
        lib.vpx_codec_err_to_string.restype = c_char_p
        lib.vpx_codec_error_detail.restype = c_char_p
        lib.vpx_codec_error_detail.argtypes = (c_void_p,)
        lib.vpx_codec_vp8_cx.restype = c_void_p
        lib.vpx_codec_enc_config_default.argtypes = (c_void_p, c_void_p, c_uint)
        lib.vpx_codec_enc_config_set.argtypes = (c_void_p, c_void_p)
        lib.vpx_codec_enc_init_ver.argtypes = (c_void_p, c_void_p, c_void_p, c_long, c_int)
        lib.vpx_codec_destroy.argtypes = (c_void_p,)
        lib.vpx_codec_encode.argtypes = (c_void_p, c_void_p, c_int64, c_ulong, c_long, c_ulong)
        lib.vpx_codec_get_cx_data.argtypes = (c_void_p, c_void_p)
        lib.vpx_codec_get_cx_data.restype = POINTER(FramePacket)
        lib.vpx_img_wrap.argtypes = (c_void_p, c_int, c_uint, c_uint, c_uint, c_void_p)
        lib.vpx_img_wrap.restype = c_void_p


def token_bytes(config: EncoderConfig) -> int:
    """Bytes of the encoder's token array, which it clears and hardly uses (onyx_if.c, tokenize.h)."""
    return macroblocks(config.g_w, config.g_h) * TOKENS_PER_MACROBLOCK * TOKEN_BYTES


@cache
def vpx() -> VpxLibrary:
    """The libvpx of this process, loaded and checked once."""
    library = load_library("libvpx", SONAMES, package="libvpx7")
    try:
        return VpxLibrary(library.handle, library.path)
    except AttributeError as exc:
        raise EncoderError(f"{library.path} is not a libvpx with a VP8 encoder: {exc}") from exc
