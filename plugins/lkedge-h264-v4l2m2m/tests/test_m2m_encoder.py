"""The encoder against a fake block: protocol, layouts, key frames, headers, rates, shares of the block."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from encoder_rig import HEIGHT, RATE, SETTINGS, WIDTH, Make, encoded, i420, payload, picture
from fake_codec import PPS, SPS, ToyCodec, as_frame, checksum, units
from fake_m2m import BCM_CONTROLS, FakeBlock, FakeM2mKernel
from lkedge_h264_v4l2m2m import videodev2_m2m as m2m
from lkedge_h264_v4l2m2m.budget import Budget, Share

from lkedge.errors import EncoderError
from lkedge.media.frame import Plane
from lkedge.terms import BitsPerSecond


def test_follows_the_order_of_the_specification(make: Make) -> None:
    kernel = FakeM2mKernel()
    make(kernel)

    assert kernel.context.order == [
        "S_FMT capture",
        "S_FMT output",
        "S_PARM",
        "REQBUFS output",
        "REQBUFS capture",
        "STREAMON output",
        "STREAMON capture",
    ]


def test_sets_what_webrtc_needs(make: Make) -> None:
    kernel = FakeM2mKernel()
    make(kernel)

    assert kernel.context.controls == {
        m2m.CID_BITRATE: 600_000,
        m2m.CID_BITRATE_MODE: m2m.BITRATE_MODE_CBR,
        m2m.CID_GOP_SIZE: 3000,
        m2m.CID_H264_I_PERIOD: 3000,
        m2m.CID_H264_LEVEL: m2m.H264_LEVEL_4_0,
        m2m.CID_H264_PROFILE: m2m.H264_PROFILE_CONSTRAINED_BASELINE,
        m2m.CID_REPEAT_SEQ_HEADER: 1,
    }


@pytest.mark.parametrize("raw", [("YU12",), ("NV12",)])
@pytest.mark.parametrize("is_multiplanar", [True, False])
@pytest.mark.parametrize("blocks", [(2, 2), (16, 16)])
def test_the_driver_sees_the_picture_as_it_is(
    make: Make, raw: tuple[str, ...], is_multiplanar: bool, blocks: tuple[int, int]
) -> None:
    kernel = FakeM2mKernel(FakeBlock(raw=raw, is_multiplanar=is_multiplanar, blocks=blocks))

    frames = encoded(make(kernel), 6)

    assert [payload(frame) for frame in frames] == [checksum(i420(index)) for index in range(6)]
    assert [frame and frame.captured_ns for frame in frames] == [picture(index).captured_ns for index in range(6)]


def test_an_nv12_picture_goes_in_as_nv12(make: Make) -> None:
    content = i420(5)
    luma, chroma = content[: WIDTH * HEIGHT], content[WIDTH * HEIGHT :]
    half = len(chroma) // 2
    mixed = bytes(value for pair in zip(chroma[:half], chroma[half:], strict=True) for value in pair)
    base = as_frame(luma + mixed, WIDTH, HEIGHT, 1)
    start = base.planes[0].pointer
    frame = replace(base, pixel_format="nv12", planes=(Plane(start, WIDTH), Plane(start + WIDTH * HEIGHT, WIDTH)))
    kernel = FakeM2mKernel()
    encoder = make(kernel)
    assert encoder.pixel_formats == ("yuv420p", "nv12")

    assert payload(encoder.encode(frame, key_frame=False)) == checksum(content)
    assert kernel.context.formats["output"][0] == "NV12"


def test_key_frames_come_when_asked_for(make: Make) -> None:
    frames = encoded(make(FakeM2mKernel()), 6, keys=(3,))

    assert [frame is not None and frame.is_key for frame in frames] == [True, False, False, True, False, False]


def test_without_a_control_for_it_a_new_stream_makes_the_key_frame(make: Make) -> None:
    controls = {key: value for key, value in BCM_CONTROLS.items() if key != m2m.CID_FORCE_KEY_FRAME}
    kernel = FakeM2mKernel(FakeBlock(controls=controls))

    frames = encoded(make(kernel), 6, keys=(0, 3))

    assert [frame is not None and frame.is_key for frame in frames] == [True, False, False, True, False, False]
    assert kernel.context.order[-4:] == ["STREAMOFF capture", "STREAMOFF output", "STREAMON output", "STREAMON capture"]


def test_headers_of_their_own_stand_before_every_key_frame(make: Make) -> None:
    controls = {key: value for key, value in BCM_CONTROLS.items() if key != m2m.CID_REPEAT_SEQ_HEADER}
    kernel = FakeM2mKernel(FakeBlock(controls=controls, separate_headers=True))

    frames = encoded(make(kernel), 6, keys=(3,))

    for frame in (frames[0], frames[3]):
        assert frame is not None
        assert units(frame.data)[:2] == [SPS, PPS]


def test_the_bitrate_changes_while_it_runs(make: Make) -> None:
    kernel = FakeM2mKernel()
    encoder = make(kernel)
    encoded(encoder, 3)

    encoder.set_rate(BitsPerSecond(310_000), 30)
    frames = encoded(encoder, 3, start=3)

    assert kernel.context.controls[m2m.CID_BITRATE] == 300_000
    assert not any(frame is None or frame.is_key for frame in frames)
    assert "STREAMOFF output" not in kernel.context.order


def test_the_bitrate_stays_within_what_the_driver_allows(make: Make) -> None:
    kernel = FakeM2mKernel()
    make(kernel).set_rate(BitsPerSecond(9_000), 30)

    assert kernel.context.controls[m2m.CID_BITRATE] == 25_000


def test_the_frame_rate_changes_while_it_runs(make: Make) -> None:
    kernel = FakeM2mKernel()
    encoder = make(kernel)

    encoder.set_rate(RATE, 15)

    assert kernel.context.framerate == 15
    assert kernel.context.controls[m2m.CID_BITRATE] == 600_000


def test_a_driver_that_counts_pictures_is_told_more_when_fewer_come(make: Make) -> None:
    kernel = FakeM2mKernel(FakeBlock(has_interval=False))
    encoder = make(kernel)

    for index in range(40):
        encoder.encode(as_frame(i420(0), WIDTH, HEIGHT, 1 + 2 * index * 33_333_333), key_frame=False)

    codec = kernel.context.codec
    assert isinstance(codec, ToyCodec)
    assert codec.bitrates[-1] == pytest.approx(1_200_000, rel=0.05)


def test_several_layers_are_several_encoders(make: Make) -> None:
    kernel = FakeM2mKernel()
    one, other = make(kernel), make(kernel)

    for index in range(4):
        assert payload(one.encode(picture(index), key_frame=False)) == checksum(i420(index))
        assert payload(other.encode(picture(index + 9), key_frame=False)) == checksum(i420(index + 9))

    assert len(kernel.contexts) == 2


def test_a_layer_beyond_the_budget_is_refused(make: Make) -> None:
    kernel = FakeM2mKernel()

    with pytest.raises(EncoderError, match=r"layer h \(160x90 at 30 frames/s, 0.4 Mpx/s\) does not fit"):
        make(kernel, SETTINGS, 400_000)

    assert not kernel.contexts


def test_a_small_layer_gives_way_to_a_larger_one(make: Make, tmp_path: Path) -> None:
    small = make(FakeM2mKernel(), SETTINGS, 3_000_000)
    encoded(small, 1)

    Budget("", 3_000_000, tmp_path / "claims").claim(Share("f", 320, 240, 36))

    with pytest.raises(EncoderError, match="gives its place in the hardware encoder to a larger layer"):
        encoded(small, 1, start=1)


def test_a_higher_frame_rate_needs_a_larger_share(make: Make) -> None:
    encoder = make(FakeM2mKernel(), SETTINGS, 500_000)

    with pytest.raises(EncoderError, match="does not fit"):
        encoder.set_rate(RATE, 60)
