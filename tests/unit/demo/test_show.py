import io

from lkedge.demo.show import LiveTable, PlainLines, display_for
from lkedge.publish.state import TrackState
from tests.unit.demo.statuses import status, track


def test_live_table_goes_back_up_over_what_it_drew() -> None:
    stream = io.StringIO()
    live = LiveTable(stream)

    live.show(status(track()), 0.0)
    first = stream.getvalue()
    live.show(status(track()), 1.0)

    assert first.count("\n") == 3
    assert stream.getvalue()[len(first) :].startswith("\033[3A\r")


def test_plain_lines_come_on_a_change_of_state_and_every_few_seconds() -> None:
    stream = io.StringIO()
    plain = PlainLines(stream)

    for elapsed_s in (0.0, 1.0, 2.0):
        plain.show(status(track(TrackState.STARTING)), elapsed_s)
    plain.show(status(track()), 2.5)
    for elapsed_s in (3.0, 7.4, 7.5):
        plain.show(status(track()), elapsed_s)

    assert [line.split()[0] for line in stream.getvalue().splitlines()] == ["0", "2", "8"]


def test_output_that_is_no_terminal_gets_plain_lines() -> None:
    assert isinstance(display_for(io.StringIO()), PlainLines)
