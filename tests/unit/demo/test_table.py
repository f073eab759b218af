from lkedge.demo.table import plain_line, rate, table
from lkedge.publish.state import ConnectionState, TrackState
from tests.unit.demo.statuses import layer, status, track

RUNNING = status(
    track(
        TrackState.PUBLISHED,
        layer("q", bitrate=158_000, framerate=20.0),
        layer("f", active=False, reason="not subscribed"),
    )
)


def test_table_lists_layers_from_the_top_with_why_they_are_off() -> None:
    lines = table(RUNNING, 12.0)

    assert lines[0] == "   12 s  connected, room lkedge-demo, livekit-server 1.13.5"
    assert lines[2] == "picture (camera): published, vp8, vp8, TR_1, source open"
    assert lines[4].split() == ["f", "off", "1280x720", "-", "1.70", "Mbit/s", "-", "not", "subscribed"]
    assert lines[5].split() == ["q", "on", "320x180", "158", "kbit/s", "1.70", "Mbit/s", "20.0"]


def test_table_fits_80_columns() -> None:
    assert max(len(line) for line in table(RUNNING, 12.0)) <= 80


def test_plain_line_says_it_all_in_one_line() -> None:
    assert plain_line(RUNNING, 3.0) == (
        "    3 s  connected, room lkedge-demo, livekit-server 1.13.5; "
        "picture published, f off (not subscribed), q 320x180 158 kbit/s 20 fps"
    )


def test_a_failed_track_and_a_lost_connection_name_their_reasons() -> None:
    failed = status(
        track(TrackState.FAILED, reason="no camera"), state=ConnectionState.WAITING, reason="the server is gone"
    )

    assert plain_line(failed, 1.0).endswith("the server is gone; picture failed (no camera)")
    assert "no camera" in "\n".join(table(failed, 1.0))


def test_rate_is_readable() -> None:
    assert [rate(0), rate(999_499), rate(1_700_000)] == ["-", "999 kbit/s", "1.70 Mbit/s"]
