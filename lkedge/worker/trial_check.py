"""Is what an encoder made a stream that shows the pictures that went in?"""

from __future__ import annotations

import ctypes
from collections.abc import Sequence
from typing import Any

from lkedge.media.frame import EncodedFrame
from lkedge.terms import Codec
from lkedge.worker.trial_picture import Clip, index_of

MUST_COME = 0.5
"""Of the pictures: an encoder may keep some inside, and drop some for its bitrate after a key frame."""

TOLERATED_DIFFERENCE = 24
"""Mean difference of luma between what went in and what came out; noise or grey have over 30."""

H264_IDR, H264_SPS, H264_PPS = 5, 7, 8


def fault(frames: Sequence[EncodedFrame], clip: Clip, *, pictures: int, key_frame_at: int, framerate: float) -> str:
    """Why these frames are of no use; "" when they are good.

    pictures: how many went in. key_frame_at: the picture for which a key frame was asked for.
    """
    return (
        _stream_fault(frames, pictures)
        or _key_frame_fault(frames, key_frame_at, framerate)
        or _picture_fault(frames, clip, framerate)
    )


def _stream_fault(frames: Sequence[EncodedFrame], pictures: int) -> str:
    if len(frames) < MUST_COME * pictures:
        return f"only {len(frames)} of {pictures} pictures came out"
    if not frames[0].is_key:
        return "its stream does not begin with a key frame"
    return ""


def _key_frame_fault(frames: Sequence[EncodedFrame], key_frame_at: int, framerate: float) -> str:
    """What it says of key frames has to be true, and it must make them on demand."""
    if any(frame.is_key != _bits_say_key(frame) for frame in frames):
        return "what it says of key frames is not true: some lack what a decoder needs, or others are some"
    if not any(frame.is_key and index_of(frame.captured_ns, framerate) >= key_frame_at for frame in frames):
        return "it makes no key frame when asked for one"
    return ""


def _bits_say_key(frame: EncodedFrame) -> bool:
    """RFC 6386, section 9.1; H.264, 7.4.1: SPS and PPS belong before every IDR picture."""
    if frame.codec is Codec.VP8:
        return bool(frame.data) and frame.data[0] & 1 == 0
    types = {part[0] & 31 for part in frame.data.split(b"\x00\x00\x01")[1:] if part}
    return {H264_SPS, H264_PPS, H264_IDR} <= types


def _picture_fault(frames: Sequence[EncodedFrame], clip: Clip, framerate: float) -> str:
    """Decode them all, and compare the last one."""
    try:
        import av
    except ImportError:
        return ""
    decoder: Any = av.CodecContext.create(frames[0].codec.value, "r")
    decoder.thread_count = 1
    try:
        pictures = [picture for frame in frames for picture in decoder.decode(av.Packet(frame.data))]
        pictures += decoder.decode(None)
    except av.FFmpegError as error:
        return f"what it makes cannot be decoded: {error}"
    if len(pictures) != len(frames):
        return f"its {len(frames)} frames decode to {len(pictures)} pictures"
    return _difference_fault(pictures[-1], clip, index_of(frames[-1].captured_ns, framerate))


def _difference_fault(picture: Any, clip: Clip, index: int) -> str:
    if (picture.width, picture.height) != (clip.width, clip.height):
        return f"its pictures are {picture.width}x{picture.height} instead of {clip.width}x{clip.height}"
    plane, middle = picture.planes[0], clip.height // 2
    shown = ctypes.string_at(plane.buffer_ptr + middle * plane.line_size, clip.width)
    wanted = clip.row(index, middle)
    difference = sum(abs(one - other) for one, other in zip(shown, wanted, strict=True)) / clip.width
    return (
        f"its pictures differ by {difference:.0f} of 255 from what went in" if difference > TOLERATED_DIFFERENCE else ""
    )
