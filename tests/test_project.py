"""noisecleaner.toml: its tables, and what is refused."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from noisecleaner.errors import NoisecleanerError
from noisecleaner.project import check_keys, read_table, read_tables


def test_tables_are_read_by_name(tmp_path: Path) -> None:
    file = tmp_path / "noisecleaner.toml"
    file.write_text("[fit]\nepochs = 3\n[gate]\n")
    assert read_tables(file) == {"fit": {"epochs": 3}, "gate": {}}
    assert read_table(file, "fit") == {"epochs": 3}
    with pytest.raises(NoisecleanerError, match=r"needs a table \[score\], but it has none. Write \[score\]"):
        read_table(file, "score")


@pytest.mark.parametrize(
    ("key", "hint"),
    [
        ("max-nois", "Did you mean max-noise?"),
        ("max_noise", "Did you mean max-noise?"),
        ("MAX-NOISE", "Did you mean max-noise?"),
        ("colour", "Correct the spelling, or leave it out."),
    ],
)
def test_an_unknown_key_is_told_with_the_near_one(key: str, hint: str) -> None:
    with pytest.raises(NoisecleanerError) as refused:
        check_keys({"max-noise": 1, key: 2}, ["max-noise", "min-audited"], "[gate] in x.toml")
    assert refused.value.message == f"[gate] in x.toml may hold max-noise, min-audited, but it also holds {key!r}."
    assert refused.value.hint == hint


def test_known_keys_are_fine() -> None:
    check_keys({"a": 1}, ["a", "b"], "x")


@pytest.mark.parametrize(
    "content",
    [
        "[gate]\n" + ".".join("a" * 20_000) + " = 1\n",
        "[" + " . ".join(['"a"'] * 200_000) + "]\n",
        "[gate]\nx = { " + ".".join("a" * 2_000) + " = 1 }\n",
        "[gate]\n" + "x" * 300_000 + " = 1\n",
        "[gate]\nx = " + "[" * 100_000,
    ],
    ids=["dotted", "header", "inline", "large", "brackets"],
)
def test_a_file_that_would_take_for_ever_is_refused_at_once(tmp_path: Path, content: str) -> None:
    file = tmp_path / "noisecleaner.toml"
    file.write_text(content)
    started = time.monotonic()
    with pytest.raises(NoisecleanerError, match=r"must be a TOML file with tables such as \[gate\], but it cannot be"):
        read_tables(file)
    assert time.monotonic() - started < 2


def test_values_with_many_dots_are_no_deep_names(tmp_path: Path) -> None:
    """Lines of dots in a comment, versions and long paths mean nothing here."""
    file = tmp_path / "noisecleaner.toml"
    file.write_text(f"# {'.' * 200}\n[fit]\nout = 'runs/{'1.' * 20}0/x'\noption = {['1.0', 'a.b.c'] * 40}\n")
    assert read_table(file, "fit")["option"][1] == "a.b.c"
