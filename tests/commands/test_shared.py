"""How the words behind options are read."""

from __future__ import annotations

import pytest

from noisecleaner.commands._shared import either, only_given, pair, refuse, split
from noisecleaner.errors import NoisecleanerError


@pytest.mark.parametrize(
    ("text", "value"),
    [("a=1", 1), ("a=0.5", 0.5), ("a=true", True), ("a=None", None), ("a=x=y", "x=y"), ("a=1e-3", 0.001)],
)
def test_option_values_are_read_as_what_they_look_like(text: str, value: object) -> None:
    name, read = pair(text, "--option")
    assert name == "a"
    assert read == value
    assert type(read) is type(value)


@pytest.mark.parametrize("text", ["", "a", "=1", "a=", "="])
def test_what_is_no_pair_is_refused(text: str) -> None:
    with pytest.raises(NoisecleanerError, match="--pair takes NAME=VALUE"):
        split(text, "--pair")


def test_options_that_would_do_nothing_are_named_together() -> None:
    refuse({"--one": None, "--two": False, "--three": ""}, "--four")
    with pytest.raises(NoisecleanerError) as error:
        refuse({"--one": 1, "--two": None, "--three": "x"}, "--four")
    assert str(error.value) == "--one and --three would do nothing: only for --four. Add --four, or leave that out."


def test_what_was_not_given_is_left_to_the_library() -> None:
    assert only_given(a=None, b=0, c="", d=False) == {"b": 0, "c": "", "d": False}


def test_choices_are_joined_by_or() -> None:
    assert [either(names) for names in (["a"], ["a", "b"], ["a", "b", "c"])] == ["a", "a or b", "a, b or c"]
