from __future__ import annotations

from typing import Any

import pytest

from lkedge.media.layers import LayerPlan, LayerState
from lkedge.plugin.api import VideoCaptureSettings, VideoFormat
from lkedge.terms import BitsPerSecond, Codec, Rid
from lkedge.worker.events import SourceOpened, SourceState, WorkerStats
from lkedge.worker.jsonable import from_json, to_json
from lkedge.worker.spec import AudioWorkerSpec, VideoWorkerSpec

VALUES = [
    VideoWorkerSpec("front", "testsrc", {"a": [1, "x"], "b": None}, VideoCaptureSettings(640, 480, 29.97, Codec.VP8)),
    AudioWorkerSpec("mic", "tone"),
    LayerPlan((LayerState(Rid("q"), True, 320, 180, BitsPerSecond(100), 15.0, ""),), False),
    SourceOpened(video=VideoFormat(640, 480, 30.0, Codec.H264)),
    WorkerStats(1, 2, {Rid("q"): 3}, {Rid("q"): 4}, 5, SourceState.OPEN),
]


@pytest.mark.parametrize("value", VALUES, ids=lambda value: type(value).__name__)
def test_value_survives_the_way_there_and_back(value: Any) -> None:
    assert from_json(type(value), to_json(value)) == value


@pytest.mark.parametrize(
    "data",
    [
        None,
        [],
        {},
        {"width": 640, "height": 480, "framerate": 30.0},
        {"width": "640", "height": 480, "framerate": 30.0, "codec": None},
        {"width": True, "height": 480, "framerate": 30.0, "codec": None},
        {"width": 640, "height": 480, "framerate": None, "codec": None},
        {"width": 640, "height": 480, "framerate": 30.0, "codec": "mpeg2"},
        {"width": 640, "height": 480, "framerate": 30.0, "codec": None, "more": 1},
    ],
)
def test_anything_of_another_shape_is_refused(data: Any) -> None:
    with pytest.raises(ValueError, match=r"is not|is not a valid"):
        from_json(VideoFormat, data)


def test_whole_number_is_taken_where_a_float_belongs() -> None:
    decoded = from_json(VideoFormat, {"width": 2, "height": 2, "framerate": 30, "codec": None})
    assert isinstance(decoded.framerate, float)
