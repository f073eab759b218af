"""How replies are printed."""

from __future__ import annotations

import argparse

import pytest

from lkedge.ctl.errors import BadReply
from lkedge.ctl.output import done, show
from lkedge.ctl.tables import status_lines

Output = pytest.CaptureFixture[str]
PLAIN, JSON = argparse.Namespace(), argparse.Namespace(json=True)


def test_words_or_json(capsys: Output) -> None:
    assert done(PLAIN, {"a": "ü"}, "done it") == 0
    assert done(JSON, {"a": "ü"}, "done it") == 0
    assert capsys.readouterr().out == 'done it\n{\n  "a": "ü"\n}\n'


def test_a_reply_of_another_version_is_no_traceback(capsys: Output) -> None:
    with pytest.raises(BadReply, match="another version"):
        show(PLAIN, {"version": "9"}, status_lines)
    assert show(JSON, {"version": "9"}, status_lines) == 0
