from __future__ import annotations

import sys
from types import ModuleType, SimpleNamespace

import pytest
from lkedge_alsa import library

from lkedge.errors import SourceUnavailable


def test_a_missing_module_is_told_with_the_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "alsaaudio", None)
    with pytest.raises(SourceUnavailable) as caught:
        library.load()
    assert "apt install libasound2-dev" in str(caught.value)
    assert "pip install 'lkedge-alsa[alsa]'" in str(caught.value)


def test_an_old_module_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    old = ModuleType("alsaaudio")
    old.PCM = SimpleNamespace(htimestamp=None)  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "alsaaudio", old)
    with pytest.raises(SourceUnavailable, match=r"too old, 0\.11 is needed"):
        library.load()
