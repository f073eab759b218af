from __future__ import annotations

import pytest

from lkedge.errors import PluginError
from lkedge.plugin.registry import Registry
from lkedge.terms import Codec
from lkedge.testing.fakes import FlakySource
from lkedge.worker.factories import audio_source, encoder_candidates, load_registry, make_scaler, video_source
from lkedge.worker.spec import AudioWorkerSpec, VideoWorkerSpec


@pytest.fixture(scope="module")
def registry() -> Registry:
    return load_registry(("lkedge.testing.fakes_plugin",))


def test_source_is_made_with_its_options(registry: Registry) -> None:
    make = video_source(registry, VideoWorkerSpec("front", "flaky", {"fault": "ends", "after": 3}))
    assert isinstance(make(), FlakySource)
    assert make() is not make()


def test_settings_that_do_not_fit_are_refused(registry: Registry) -> None:
    with pytest.raises(PluginError, match="speed"):
        video_source(registry, VideoWorkerSpec("front", "flaky", {"speed": 3}))()


def test_source_of_the_wrong_kind_is_refused(registry: Registry) -> None:
    with pytest.raises(PluginError, match="tone: this source has no video, which track front needs"):
        video_source(registry, VideoWorkerSpec("front", "tone"))()
    with pytest.raises(PluginError, match="testsrc: this source has no audio, which track mic needs"):
        audio_source(registry, AudioWorkerSpec("mic", "testsrc"))()


def test_encoders_come_by_rank_and_a_named_one_first(registry: Registry) -> None:
    by_rank = [entry.name for entry in encoder_candidates(registry, Codec.VP8, "")]
    assert by_rank[-2:] == ["fake-vp8", "broken-vp8"]
    named = [entry.name for entry in encoder_candidates(registry, Codec.VP8, "broken-vp8")]
    assert named == ["broken-vp8", *by_rank[:-1]]


def test_scaler_is_found() -> None:
    assert callable(make_scaler().scale)
