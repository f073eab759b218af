from __future__ import annotations

import io
import os

import av
import pytest

from lkedge.builtin import jpeg
from lkedge.builtin.picture import allocate_i420, copy_plane, fill_i420, from_av
from lkedge.errors import EncoderError
from lkedge.media.frame import Plane, VideoFrame


def decoded(data: bytes) -> av.VideoFrame:
    with av.open(io.BytesIO(data), format="mjpeg") as container:
        (picture,) = container.decode(video=0)
    return picture


def noise(width: int, height: int) -> VideoFrame:
    picture = av.VideoFrame(width, height, "yuv420p")
    for plane in picture.planes:
        plane.update(os.urandom(plane.buffer_size))
    return from_av(picture, 1)


@pytest.mark.parametrize(("luma", "shown"), [(16, 0), (235, 255), (126, 128)])
def test_video_range_becomes_the_full_range_of_pictures(luma: int, shown: int) -> None:
    frame = allocate_i420(320, 180, 1)
    fill_i420(frame, luma, 128, 128)
    picture = decoded(jpeg.encode(frame, 1 << 20))
    assert (picture.width, picture.height) == (320, 180)
    grey = picture.to_ndarray(format="rgb24")
    assert abs(int(grey.min()) - shown) <= 2
    assert abs(int(grey.max()) - shown) <= 2


def test_odd_strides_do_not_shear_the_picture() -> None:
    wide = allocate_i420(640, 90, 1)
    fill_i420(wide, 16, 128, 128)
    white = allocate_i420(320, 90, 1)
    fill_i420(white, 235, 128, 128)
    copy_plane(white.planes[0], Plane(wide.planes[0].pointer, wide.planes[0].stride), 160, 90)
    cut = VideoFrame(320, 90, "yuv420p", wide.planes, 1, wide)
    rows = decoded(jpeg.encode(cut, 1 << 20)).to_ndarray(format="gray")
    assert rows[:, :150].min() > 240
    assert rows[:, 170:].max() < 15


def test_large_noise_is_made_coarser_until_it_fits() -> None:
    picture = noise(640, 360)
    fine = len(jpeg.encode(picture, 1 << 24))
    assert len(jpeg.encode(picture, fine - 1)) < fine


def test_what_does_not_fit_is_refused() -> None:
    with pytest.raises(EncoderError, match="640x360 is larger than 1000 bytes: ask for a smaller width"):
        jpeg.encode(noise(640, 360), 1000)
