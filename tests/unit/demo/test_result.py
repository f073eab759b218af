import json

from lkedge.demo.result import Observer, is_published
from lkedge.publish.state import ConnectionState, TrackState
from tests.unit.demo.statuses import layer, status, track


def test_result_remembers_the_peaks_of_layers_that_dynacast_has_stopped() -> None:
    observer = Observer()
    observer.see(status(track(TrackState.STARTING), state=ConnectionState.CONNECTING), 0.1)
    observer.see(status(track(TrackState.READY)), 0.2)
    observer.see(status(track(TrackState.PUBLISHED, layer("q", bitrate=150_000, framerate=20.0))), 0.5)
    last = status(track(TrackState.PUBLISHED, layer("q", active=False, reason="not subscribed")))
    observer.see(last, 14.0)

    result = json.loads(json.dumps(observer.result(last, 14.04)))

    assert result["published"] is True
    assert (result["joined_after_s"], result["published_after_s"], result["seconds"]) == (0.2, 0.5, 14.0)
    [stopped] = result["tracks"][0]["layers"]
    assert stopped["peak"] == {"bitrate": 150_000, "framerate": 20.0}
    assert (stopped["active"], stopped["reason"]) == (False, "not subscribed")


def test_nothing_is_published_without_tracks_or_with_a_failed_one() -> None:
    assert not is_published(status())
    assert not is_published(status(track(), track(TrackState.FAILED)))
    assert is_published(status(track(), track()))


def test_result_of_a_demo_that_never_joined() -> None:
    waiting = status(track(TrackState.READY), state=ConnectionState.WAITING)
    observer = Observer()
    observer.see(waiting, 0.0)

    result = observer.result(waiting, 5.0)

    assert (result["published"], result["joined_after_s"], result["published_after_s"]) == (False, None, None)
