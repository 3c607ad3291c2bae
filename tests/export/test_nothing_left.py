"""A copy of no row is refused in every format, with what to change, and nothing is written."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.datasets import Command
from support.exports import Row, by_hand, names, with_files
from support.outcomes import refused

from noisecleaner.errors import NoisecleanerError
from noisecleaner.export.decisions import LeftOut
from noisecleaner.export.formats import Format
from noisecleaner.export.nothing_left import refuse_nothing

ALL_FLAGGED = [Row("1", "a", quality=0.1, flagged=True), Row("2", "b", "a", 0.1, 0.3, flagged=True)]


@pytest.mark.parametrize("format", Format)
@pytest.mark.parametrize("more", [(), ("--dry-run",)])
def test_a_copy_of_no_row_is_refused(tmp_path: Path, command: Command, format: str, more: tuple[str, ...]) -> None:
    scored = with_files(tmp_path, rows=4)
    words = ("export-clean", scored.run, "--out", tmp_path / "out", "--format", format, "--threshold", "1", *more)
    outcome = command(*words)
    refused(outcome, "A copy needs rows, but of 4 rows of")
    assert "none would be left: 4 flagged." in outcome.err
    assert "--threshold NUMBER, or write --on-flag keep" in outcome.err
    assert names(tmp_path) == ["data", "run"]


def test_each_reason_is_told_the_most_frequent_first(tmp_path: Path, command: Command) -> None:
    rows = [*ALL_FLAGGED, Row("3", "a", trusted="none"), Row("4", "a", None, None, None, None, skip="unreadable")]
    scored = by_hand(tmp_path, rows)
    words = ("--out", tmp_path / "out", "--on-flag", "relabel", "--min-confidence", "0.9")
    outcome = command("export-clean", scored.run, *words)
    refused(outcome, "2 flagged, with a suggestion that is less certain than asked for")
    assert "1 verified to be of no class" in outcome.err
    assert "1 without a score (unreadable)." in outcome.err
    assert "Lower --min-confidence" in outcome.err


@pytest.mark.parametrize("why", [*LeftOut, "unreadable"])
def test_every_reason_has_words_and_a_hint(why: str) -> None:
    with pytest.raises(NoisecleanerError) as error:
        refuse_nothing({why: 3}, rows=3, data="d.csv")
    assert "of 3 rows of d.csv none would be left: 3 " in str(error.value)
    assert error.value.hint
    refuse_nothing({why: 2}, rows=3, data="d.csv")
