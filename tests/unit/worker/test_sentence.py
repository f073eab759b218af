from lkedge.errors import EncoderError, SourceLost
from lkedge.worker.sentence import describe


def test_our_errors_are_sentences_already() -> None:
    assert describe("cam", SourceLost("cam: it is gone")) == "cam: it is gone"


def test_the_thing_is_named_when_the_error_does_not() -> None:
    assert describe("cam", EncoderError("no memory")) == "cam: no memory"


def test_foreign_errors_tell_their_type() -> None:
    assert describe("cam", KeyError("x")) == "cam: KeyError: 'x'"
    assert describe("cam", RuntimeError()) == "cam: RuntimeError"


def test_many_lines_become_one() -> None:
    assert describe("cam", ValueError("a\n  b")) == "cam: ValueError: a b"
