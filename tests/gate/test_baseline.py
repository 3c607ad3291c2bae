"""What a run is compared with: another task, other rows, or rows that were not seen make it doubtful."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from support.datasets import Command, Outcome
from support.gates import only_finding
from support.scored import make_run, scores_table

from noisecleaner.gate.baseline import Baseline
from noisecleaner.notices import Notice, Severity
from noisecleaner.runs.scored_run import ScoredRun
from noisecleaner.tables import SCORES, write_table

PICKED = Notice(code="not-random", message="They were picked. Draw rows at random.", severity=Severity.VOID)


def renamed(run: Path, ids: list[str] | None = None) -> Path:
    """The same scores under other sample ids."""
    scored = ScoredRun(run)
    rows = scored.scores().to_pydict()
    table = scores_table(**{**rows, "sample_id": ids or [f"other {name}" for name in rows["sample_id"]]})
    write_table(run / "scores.parquet", [table], SCORES, scored.metadata.to_json())
    return run


def compared(command: Command, run: Path, baseline: Path, limit: float = 0.5) -> Outcome:
    return command("gate", run, "--baseline", baseline, "--max-noise-increase", limit, "--format", "json")


def codes(outcome: Outcome) -> dict[str, str]:
    return {notice["code"]: notice["severity"] for notice in json.loads(outcome.out)["notices"]}


def test_a_baseline_of_the_same_rows_and_classes_needs_no_word(command: Command, run: Path, tmp_path: Path) -> None:
    outcome = compared(command, run, make_run(tmp_path / "same"))
    assert (outcome.code, codes(outcome)) == (0, {})


def test_a_baseline_without_a_common_class_makes_the_rule_inconclusive(
    command: Command, run: Path, tmp_path: Path
) -> None:
    other = make_run(tmp_path / "other", rows={"emu": (400, 0), "gnu": (300, 0)}, audited={"emu": (3, 300)})
    outcome = compared(command, run, other)
    assert outcome.code == 3
    finding = only_finding(command, run, "--baseline", other, "--max-noise-increase", "0.5")
    assert (finding["outcome"], finding["value"]) == ("inconclusive", None)
    assert finding["message"] == (
        f"The noise cannot be compared with that of the baseline '{other}', which has other classes: 'cat'; "
        "'dog' only here and 'emu'; 'gnu' only there; it may rise by at most 50 points."
    )
    assert codes(outcome) == {"baseline-of-other-classes": "warning"}


def test_a_baseline_of_other_classes_and_rows_makes_the_rule_inconclusive(
    command: Command, run: Path, tmp_path: Path
) -> None:
    """What is left of the classes says nothing where the rows are others, too."""
    wider = make_run(tmp_path / "wider", rows={"cat": (500, 0), "emu": (400, 0)}, audited={"cat": (30, 300)})
    assert compared(command, run, renamed(wider)).code == 0  # one fit: new rows against its own
    other = make_run(tmp_path / "o", rows={"cat": (500, 0), "emu": (400, 0)}, audited={"cat": (30, 300)}, run=Path("f"))
    outcome = compared(command, run, renamed(other))
    assert outcome.code == 3
    (finding,) = json.loads(outcome.out)["findings"]
    assert "which has other classes and none of these rows: 'dog' only here and 'emu' only there;" in finding["message"]
    assert codes(outcome) == {"baseline-of-other-classes": "warning", "baseline-of-other-rows": "warning"}


def test_classes_that_differ_are_named_beside_the_verdict(command: Command, run: Path, tmp_path: Path) -> None:
    wider = make_run(tmp_path / "wider", rows={"cat": (500, 0), "emu": (400, 0)}, audited={"cat": (30, 300)})
    outcome = compared(command, run, wider)
    assert outcome.code == 0
    (notice,) = json.loads(outcome.out)["notices"]
    assert notice["message"] == (
        f"Classes of this run and of the baseline '{wider}' differ: 'dog' only here and 'emu' only there. Compare "
        "runs of one task."
    )
    text = command("gate", run, "--baseline", wider, "--max-noise-increase", "0.5").out
    assert "warning       baseline-of-other-classes: Classes of this run" in text


def test_a_baseline_of_other_rows_is_said(command: Command, run: Path, tmp_path: Path) -> None:
    other = renamed(make_run(tmp_path / "other", run=Path("another fit")))
    outcome = compared(command, run, other)
    assert codes(outcome) == {"baseline-of-other-rows": "warning"}
    assert f"No row of this run is one of the baseline '{other}': two datasets are compared." in outcome.out
    assert "audited rows), which has none of these rows, the share of wrong labels changed by" in outcome.out


def test_new_rows_against_those_of_their_fit_are_a_note(command: Command, run: Path, tmp_path: Path) -> None:
    outcome = compared(command, run, renamed(make_run(tmp_path / "fitted")))
    assert codes(outcome) == {"baseline-of-other-rows": "note"}
    assert "which has none of these rows" in outcome.out


@pytest.mark.parametrize(("missing", "said"), [(52, False), (53, True)])
def test_a_baseline_that_has_not_seen_its_rows_is_said(
    command: Command, run: Path, tmp_path: Path, missing: int, said: bool
) -> None:
    """52 of 1,052 rows are less than 5 %."""
    partly = make_run(tmp_path / "partly", skipped=[("cat", "missing_file")] * missing)
    outcome = compared(command, run, partly)
    assert codes(outcome) == ({"baseline-skipped-rows": "warning"} if said else {})
    assert (f"scored 1,000 of {1000 + missing:,} rows ({missing} missing_file)." in outcome.out) == said


def test_doubts_of_a_baseline_are_told_once_and_its_notes_are_not(command: Command, run: Path, tmp_path: Path) -> None:
    both, own = Notice(code="both", message="Of both."), Notice(code="own", message="Of one.")
    note = Notice(code="note", message="Read.", severity=Severity.NOTE)
    judged = make_run(tmp_path / "judged", notices=(both,))
    outcome = compared(command, judged, make_run(tmp_path / "doubted", notices=(both, own, note)))
    assert codes(outcome) == {"both": "warning", "baseline-own": "warning"}
    assert f"Of the baseline '{tmp_path / 'doubted'}': Of one." in outcome.out


@pytest.mark.parametrize("side", ["run", "baseline"])
def test_verified_rows_that_measure_nothing_are_the_reason(
    command: Command, run: Path, tmp_path: Path, side: str
) -> None:
    void: Mapping[str, Any] = {"audited": {}, "notices": (PICKED,)}
    judged = make_run(tmp_path / "judged", **(void if side == "run" else {}))
    against = make_run(tmp_path / "against", **(void if side == "baseline" else {}))
    outcome = compared(command, judged, against)
    assert outcome.code == 3
    (finding,) = json.loads(outcome.out)["findings"]
    where = "this run" if side == "run" else f"the baseline '{against}'"
    assert finding["message"] == (
        f"No interval is known of the noise of {where}; it may rise by at most 50 points, which cannot be told in "
        f"{where}: They were picked."
    )
    assert "verify about" not in finding["message"]


def test_rows_are_shared_where_one_id_is(tmp_path: Path) -> None:
    one, two = ScoredRun(make_run(tmp_path / "one")), make_run(tmp_path / "two")
    ids = one.scores(["sample_id"])["sample_id"].to_pylist()
    assert Baseline(scored=one, judged=ScoredRun(two)).shares_rows
    assert not Baseline(scored=one, judged=ScoredRun(renamed(two))).shares_rows
    last = [*(f"other {name}" for name in ids[1:]), "999"]
    assert Baseline(scored=one, judged=ScoredRun(renamed(two, last))).shares_rows
