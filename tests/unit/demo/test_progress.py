import io

import pytest

from lkedge.demo.progress import Progress


def test_progress_says_what_began_and_how_it_ended() -> None:
    stream = io.StringIO()

    with Progress("building", stream) as progress:
        progress.step("fmt")
        progress.step("os")

    assert stream.getvalue() == "building ...\n  done after 0 s, 2 steps\n"


def test_progress_says_that_it_failed() -> None:
    stream = io.StringIO()

    with pytest.raises(RuntimeError), Progress("building", stream):
        raise RuntimeError

    assert "failed after 0 s" in stream.getvalue()
