"""Loading the codec libraries: from the wheel, without av, and with a clear refusal."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from lkedge.builtin import native
from lkedge.builtin.libyuv_bindings import YuvLibrary
from lkedge.builtin.native import load_library, wheel_libraries
from lkedge.builtin.opus_bindings import OpusLibrary, opus
from lkedge.builtin.vpx_bindings import KNOWN_DEFAULTS, EncoderConfig, VpxLibrary, vpx
from lkedge.errors import EncoderError


def test_finds_the_codecs_without_importing_av() -> None:
    code = (
        "import sys; from lkedge.builtin.vp8 import Vp8Encoder; from lkedge.builtin.opus import OpusEncoder;"
        "from lkedge.builtin.scaler import Scaler; from lkedge.builtin.vpx_bindings import vpx; vpx(); Scaler();"
        "assert not {'av', 'numpy'} & set(sys.modules), 'too much is imported'"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)


def test_names_library_and_package_when_nothing_is_there() -> None:
    with pytest.raises(EncoderError, match=r"libnowhere.*libnowhere\.so\.1.*apt install libnowhere1"):
        load_library("libnowhere", ("libnowhere.so.1",), package="libnowhere1")


def test_falls_back_to_the_distribution(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(native, "wheel_libraries", lambda name: iter(()))
    library = load_library.__wrapped__("libc", ("libnowhere.so.1", "libc.so.6"))
    assert library.path == "libc.so.6"


def test_loads_first_what_a_library_needs() -> None:
    paths = list(wheel_libraries("libswscale"))
    if not paths:
        pytest.skip("this av brings no libraries of its own")
    assert load_library("libswscale").handle.swscale_version()


def test_a_file_that_is_no_library_is_passed_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "libc-1.so").write_bytes(b"nonsense")
    monkeypatch.setattr(native, "wheel_libraries", lambda name: iter([tmp_path / "libc-1.so"]))
    assert load_library.__wrapped__("libc", ("libc.so.6",)).path == "libc.so.6"


def test_the_layout_of_libvpx_is_checked(monkeypatch: pytest.MonkeyPatch) -> None:
    library = load_library("libvpx")
    monkeypatch.setitem(KNOWN_DEFAULTS, "rc_target_bitrate", 1)
    with pytest.raises(EncoderError, match=r"libvpx v1\..*layout") as refusal:
        VpxLibrary(library.handle, library.path)
    assert library.path in str(refusal.value)


def test_libvpx_says_what_it_refuses() -> None:
    config: EncoderConfig = vpx().default_config()
    config.rc_max_quantizer = 100
    with pytest.raises(EncoderError, match="cannot open the encoder: Invalid parameter"):
        vpx().open(config)


def test_another_library_is_no_codec() -> None:
    libc = load_library("libc", ("libc.so.6",))
    with pytest.raises(EncoderError, match="not a libopus"):
        OpusLibrary(libc.handle, libc.path)
    with pytest.raises(EncoderError, match="not a complete libyuv"):
        YuvLibrary(libc.handle, libc.path)


def test_libopus_says_what_it_refuses() -> None:
    with pytest.raises(EncoderError, match="cannot open an encoder for 5 channels"):
        opus().open(48_000, 5, 2048)
