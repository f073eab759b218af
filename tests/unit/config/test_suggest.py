from __future__ import annotations

import tomllib

import pytest

from lkedge.config.suggest import did_you_mean, listed, shown, toml


def test_suggests_the_nearest_word_in_any_case() -> None:
    assert did_you_mean("VP9", ["vp8", "h264"]) == '; did you mean "vp8"?'
    assert did_you_mean("zzz", ["vp8", "h264"]) == ""
    assert did_you_mean(3, ["vp8"]) == ""


@pytest.mark.parametrize(("names", "text"), [([], "nothing"), (["a"], '"a"'), (["a", "b", "c"], '"a", "b" or "c"')])
def test_lists_names(names: list[str], text: str) -> None:
    assert listed(names) == text


@pytest.mark.parametrize("value", [True, 3, 2.5, 'a "b" ü', [1, [2]], {"a b": 1, "c": {"d": "e"}}])
def test_toml_reads_back(value: object) -> None:
    assert tomllib.loads(f"x = {toml(value)}")["x"] == value


def test_secrets_are_never_shown() -> None:
    assert shown("abc", "api_secret") == '"(secret)"'
    assert "abc" not in shown([{"urls": "turn:x", "credential": "abc"}], "servers")


def test_long_values_are_cut() -> None:
    assert len(shown("x" * 200)) == 60
