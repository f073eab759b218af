"""Memory of the source: taken as it is where it fits, copied where not."""

from __future__ import annotations

import errno
from dataclasses import replace

import pytest
from encoder_rig import Make, SourceMemory, i420, payload, picture
from fake_codec import checksum
from fake_m2m import FakeBlock, FakeM2mKernel
from lkedge_h264_v4l2m2m import videodev2_m2m as m2m
from lkedge_v4l2 import videodev2 as v4l2


def test_memory_of_the_source_goes_in_without_a_copy(make: Make) -> None:
    kernel = FakeM2mKernel()
    encoder = make(kernel)
    sources = [SourceMemory(index) for index in range(3)]

    frames = [encoder.encode(sources[index % 3].frame, key_frame=False) for index in range(9)]

    assert [payload(frame) for frame in frames] == [checksum(i420(index % 3)) for index in range(9)]
    assert kernel.context.kind["output"] == m2m.MEMORY_DMABUF
    assert kernel.context.memory["output"] == []
    assert kernel.context.formats["output"][3] == 192
    for source in sources:
        source.close()


@pytest.mark.parametrize(
    ("block", "source"),
    [
        (FakeBlock(can_import=False), {}),
        (FakeBlock(fail={"dmabuf": errno.EINVAL}), {}),
        (FakeBlock(stride=128), {}),
        (FakeBlock(blocks=(2, 16)), {}),
    ],
    ids=["no import", "refused when queued", "other rows", "more rows"],
)
def test_memory_that_the_driver_cannot_take_is_copied(make: Make, block: FakeBlock, source: dict[str, int]) -> None:
    kernel = FakeM2mKernel(block)
    encoder = make(kernel)
    memory = SourceMemory(4, **source)

    frames = [encoder.encode(replace(memory.frame, captured_ns=1 + index), key_frame=False) for index in range(3)]

    assert [payload(frame) for frame in frames] == [checksum(i420(4))] * 3
    assert [frame is not None and frame.is_key for frame in frames] == [True, False, False]
    assert kernel.context.kind["output"] == v4l2.MEMORY_MMAP
    memory.close()


def test_a_source_may_change_between_both(make: Make) -> None:
    encoder = make(FakeM2mKernel())
    memory = SourceMemory(1)

    frames = [
        encoder.encode(picture(0), key_frame=False),
        encoder.encode(memory.frame, key_frame=False),
        encoder.encode(picture(2), key_frame=False),
    ]

    assert [payload(frame) for frame in frames] == [checksum(i420(index)) for index in range(3)]
    memory.close()
