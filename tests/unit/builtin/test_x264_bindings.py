"""libx264 itself, and what is none."""

from __future__ import annotations

import ctypes
from itertools import pairwise
from typing import Any

import pytest

from lkedge.builtin import x264_bindings
from lkedge.builtin.native import load_library
from lkedge.builtin.x264_bindings import X264Library, x264
from lkedge.errors import EncoderError
from lkedge.testing.encoder_clip import clip, nal_types

OPTIONS = {"log": "-1", "annexb": "1", "repeat-headers": "1", "keyint": "infinite", "qp": "30"}


def test_is_loaded_once() -> None:
    assert x264() is x264()


def test_each_picture_has_the_quantizer_asked_for() -> None:
    stream = x264().open(320, 180, "superfast", "zerolatency", "baseline", OPTIONS | {"ipratio": "10", "pbratio": "10"})
    picture = clip(320, 180, 1)[0]
    sizes = [len(stream.encode(picture.planes, quantizer, key_frame=True)[0]) for quantizer in (20, 26, 32, 38, 44)]
    stream.close()
    assert all(finer > 1.3 * coarser for finer, coarser in pairwise(sizes)), sizes


def test_tells_which_pictures_are_key_frames() -> None:
    stream = x264().open(320, 180, "superfast", "zerolatency", "baseline", OPTIONS)
    asked = [True, False, True]
    results = [stream.encode(clip(320, 180, 1)[0].planes, 30, key_frame=key) for key in asked]
    stream.close()
    assert [is_key for _, is_key in results] == asked
    assert [5 in nal_types(data) for data, _ in results] == asked


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((320, 180, "slowish", "zerolatency", "baseline", {}), "no preset slowish"),
        ((320, 180, "superfast", "zerolatency", "sideline", {"log": "-1"}), "profile sideline"),
        ((320, 180, "superfast", "zerolatency", "baseline", {"merange": "far"}), "refuses merange=far"),
        ((0, 180, "superfast", "zerolatency", "baseline", {"log": "-1"}), "opens no encoder for 0x180"),
    ],
)
def test_refusals_name_value_and_library(arguments: Any, message: str) -> None:
    with pytest.raises(EncoderError, match=message) as refusal:
        x264().open(*arguments)
    assert x264().path in str(refusal.value)


def test_another_layout_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(x264_bindings.KNOWN_DEFAULTS, "i_csp", 1)
    with pytest.raises(EncoderError, match="has other parameters"):
        X264Library(load_library("libx264").handle, "libx264.so.999")


def test_another_build_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(x264_bindings, "BUILDS", range(3, 2, -1))
    with pytest.raises(EncoderError, match="none of the builds"):
        X264Library(load_library("libx264").handle, "libx264.so.999")


def test_a_library_that_is_no_x264_is_refused() -> None:
    with pytest.raises(AttributeError):
        X264Library(ctypes.CDLL(None), "libc.so.6")
