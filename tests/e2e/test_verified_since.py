"""plan -> verify -> score --trusted, through the real command line, on a run whose scores leave doubts."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
from pyarrow import csv
from support.datasets import CLASSES, Command, embeddings, write_trusted

from noisecleaner.cli import main
from noisecleaner.tables import PLAN, write_table

RESULTS = ("scores.parquet", "report.parquet", "noise.json", "scores-manifest.json")


@pytest.fixture(scope="module")
def doubtful(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with data, truth and a run with 120 verified rows; its clusters overlap."""
    folder = tmp_path_factory.mktemp("doubtful")
    truth = embeddings(folder / "data.parquet", rows=1200, width=3)
    (folder / "truth.json").write_text(json.dumps(truth))
    write_trusted(folder / "trusted.parquet", truth, every=10)
    words = ["fit", str(folder / "data.parquet"), "--trusted", str(folder / "trusted.parquet")]
    words += ["--embedding-column", "embedding", "--folds", "3", "--epochs", "8"]
    with pytest.raises(SystemExit) as stop:
        main([*words, "--out", str(folder / "run")])
    assert stop.value.code == 0
    return folder


@pytest.fixture
def run(doubtful: Path, tmp_path: Path, command: Command) -> Path:
    """A copy of that run, scored."""
    shutil.copytree(doubtful / "run", tmp_path / "run")
    assert command("score", tmp_path / "run").code == 0
    return tmp_path / "run"


@pytest.fixture
def truth(doubtful: Path) -> dict[str, str]:
    return dict(json.loads((doubtful / "truth.json").read_text()))


def fill_in(path: Path, truth: dict[str, str], rows: Callable[[int], bool] = lambda _: True) -> None:
    """Write the true class of new rows into a table of `plan`, of some of them."""
    table = pq.read_table(path)
    known = table["trusted_label"].to_pylist()
    filled = [
        label or (truth[name] if rows(row) else None)
        for row, (name, label) in enumerate(zip(table["sample_id"].to_pylist(), known, strict=True))
    ]
    replaced(path, trusted_label=pa.array(filled, pa.string()))


def replaced(path: Path, **columns: Any) -> None:
    table = pq.read_table(path)
    for name, values in columns.items():
        table = table.set_column(table.schema.get_field_index(name), name, values)
    pq.write_table(table, path)


def noise(run: Path) -> dict[str, Any]:
    return dict(json.loads((run / "noise.json").read_text()))


def share_wrong(run: Path, truth: dict[str, str]) -> float:
    rows = pq.read_table(run / "scores.parquet", columns=["sample_id", "given_label"]).to_pylist()
    return float(np.mean([row["given_label"] != truth[row["sample_id"]] for row in rows]))


def length(rate: dict[str, float]) -> float:
    return rate["high"] - rate["low"]


def test_planned_rows_make_the_noise_rate_sharper(run: Path, truth: dict[str, str], command: Command) -> None:
    before = noise(run)["overall"]
    verify = run.parent / "verify.parquet"
    planned = command("plan", run, "--n", "150", "--out", verify)
    assert planned.code == 0, planned.err
    assert "150 rows to verify and 120 that are verified already" in planned.out
    assert f"Then: noisecleaner score {run} --trusted {verify}" in planned.out
    fill_in(verify, truth)
    scored = command("score", run, "--trusted", verify)
    assert scored.code == 0, scored.err
    after = noise(run)
    assert after["overall"]["audited"] == 270
    assert np.sum(after["confusion"]["audited_true_by_given"]) == 270
    assert (after["method"], after["quality"]) == ("prediction-powered", "audited")
    assert after["overall"]["low"] < share_wrong(run, truth) < after["overall"]["high"]
    # as many random rows would give sqrt(120 / 270) = 0.67 of it
    assert length(after["overall"]) < 0.67 * length(before)


def test_after_a_first_plan_comes_a_second(run: Path, truth: dict[str, str], command: Command) -> None:
    lengths = []
    for name, count in (("first", 60), ("second", 90)):
        verify = run.parent / f"{name}.parquet"
        planned = command("plan", run, "--n", count, "--out", verify)
        assert planned.code == 0, planned.err
        fill_in(verify, truth)
        assert command("score", run, "--trusted", verify).code == 0
        lengths.append(length(noise(run)["overall"]))
    assert noise(run)["overall"]["audited"] == 270
    assert lengths[1] < lengths[0]
    # one draw of verified rows, of which one in twenty may lie a little outside of its interval
    assert abs(noise(run)["overall"]["rate"] - share_wrong(run, truth)) < lengths[1]


def test_newly_verified_rows_join_and_label_quality_is_fitted_again(
    run: Path, truth: dict[str, str], command: Command
) -> None:
    """A plain table: every row that is verified now counts, like those of the fit."""
    before = pq.read_table(run / "scores.parquet")
    more = write_trusted(run.parent / "more.parquet", dict(list(truth.items())[5:]), every=10)
    scored = command("score", run, "--trusted", more)
    assert scored.code == 0, scored.err
    after = pq.read_table(run / "scores.parquet")
    assert after.num_rows - after["trusted_label"].null_count == 240
    assert noise(run)["overall"]["audited"] == 240
    assert after["sample_id"] == before["sample_id"]
    assert not np.allclose(after["label_quality"].to_numpy(), before["label_quality"].to_numpy(), atol=1e-3)
    np.testing.assert_array_equal(after["alpha"].to_numpy(), before["alpha"].to_numpy())
    assert "(95 % interval; 240 audited rows, " in scored.out


def test_a_label_that_is_verified_anew_replaces_the_old_one(run: Path, truth: dict[str, str], command: Command) -> None:
    first = next(iter(truth))
    other = next(name for name in CLASSES if name != truth[first])
    corrected = write_trusted(run.parent / "more.parquet", {first: other})
    assert command("score", run, "--trusted", corrected).code == 0
    scored = pq.read_table(run / "scores.parquet")
    assert scored["trusted_label"][0].as_py() == other
    assert noise(run)["overall"]["audited"] == 120


def test_rows_of_a_plan_that_was_made_before_any_fit_join_a_plain_sample(
    run: Path, doubtful: Path, truth: dict[str, str], command: Command
) -> None:
    """Two samples that were drawn evenly: their union is one, and has no probabilities that differ."""
    even = run.parent / "even.csv"
    planned = command("plan", doubtful / "data.parquet", "--n", 200, "--embedding-column", "embedding", "--out", even)
    assert planned.code == 0, planned.err
    table = csv.read_csv(even)
    filled = pa.array([truth[name] for name in table["sample_id"].to_pylist()])
    csv.write_csv(table.set_column(table.column_names.index("trusted_label"), "trusted_label", filled), even)
    assert command("score", run, "--trusted", even).code == 0
    after = pq.read_table(run / "scores.parquet")
    audited = after.num_rows - after["trusted_label"].null_count
    assert 280 < audited < 320
    assert noise(run)["overall"]["audited"] == audited
    assert after["sample_probability"].null_count == after.num_rows
    assert noise(run)["overall"]["low"] < share_wrong(run, truth) < noise(run)["overall"]["high"]
    assert command("plan", run, "--n", "30", "--out", run.parent / "next.parquet").code == 0


def test_the_run_is_as_before_when_it_is_scored_without_them_again(
    run: Path, truth: dict[str, str], command: Command
) -> None:
    before = {p.relative_to(run): p.read_bytes() for p in run.rglob("*") if p.is_file()}
    more = write_trusted(run.parent / "more.parquet", truth, every=3)
    assert command("score", run, "--trusted", more).code == 0
    changed = {name for name, content in before.items() if (run / name).read_bytes() != content}
    assert {str(name) for name in changed} == set(RESULTS)
    assert command("score", run).code == 0
    assert {p.relative_to(run): p.read_bytes() for p in run.rglob("*") if p.is_file()} == before


def test_the_probabilities_of_a_plan_survive_a_new_fit(
    run: Path, doubtful: Path, truth: dict[str, str], command: Command
) -> None:
    """Its noise is estimated with them; where the next rows would have to come from, it cannot know."""
    verify = run.parent / "verify.parquet"
    assert command("plan", run, "--n", "100", "--out", verify).code == 0
    fill_in(verify, truth)
    again = run.parent / "again"
    words = ["fit", doubtful / "data.parquet", "--trusted", verify, "--out", again, "--embedding-column", "embedding"]
    fitted = command(*words, "--folds", "3", "--epochs", "2")
    assert fitted.code == 0, fitted.err
    assert "cannot be a random sample" not in fitted.err
    assert command("score", again).code == 0
    trace = pq.read_table(again / "trace.parquet")
    planned = {row["sample_id"]: row["sample_probability"] for row in pq.read_table(verify).to_pylist()}
    kept = {row["sample_id"]: row["sample_probability"] for row in trace.to_pylist()}
    assert {name: p for name, p in kept.items() if p is not None} == planned
    refused = command("plan", again, "--n", "10", "--out", run.parent / "next.parquet")
    assert refused.code == 2
    assert "holds no design.parquet" in refused.err


def test_a_plan_that_nobody_filled_in_is_refused(run: Path, command: Command) -> None:
    """Its probabilities are those of a sample that was verified to the end."""
    before, verify = noise(run), run.parent / "verify.parquet"
    assert command("plan", run, "--n", "300", "--out", verify).code == 0
    outcome = command("score", run, "--trusted", verify)
    assert outcome.code == 2
    assert "300 of 420 rows" in outcome.err
    assert noise(run) == before


def test_what_plan_says_comes_next_can_be_typed(
    run: Path, doubtful: Path, truth: dict[str, str], command: Command
) -> None:
    out, verify = run.parent / "new", run.parent / "verify.parquet"
    data = ["--data", doubtful / "data.parquet", "--embedding-column", "embedding", "--out", out]
    assert command("score", run, *data).code == 0
    planned = command("plan", out, "--n", "30", "--out", verify)
    fill_in(verify, truth)
    words = planned.out.split("Then: noisecleaner ")[1].split()
    assert command(*words).code == 0


def test_a_plan_that_cannot_be_written_leaves_the_run_alone(run: Path, command: Command) -> None:
    before = {p: p.read_bytes() for p in run.rglob("*") if p.is_file()}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("noisecleaner.planning.form.write_table", _refusing_plans)
        assert command("plan", run, "--n", "30", "--out", run.parent / "verify.parquet").code == 2
    assert {p: p.read_bytes() for p in run.rglob("*") if p.is_file()} == before


def _refusing_plans(path: Path, batches: Any, schema: pa.Schema, meta: Any) -> None:
    """A full disk: small files fit, the table does not."""
    if schema is PLAN:
        raise OSError(28, "No space left on device")
    write_table(path, batches, schema, meta)


def test_a_plan_that_could_not_be_read_back_is_refused(run: Path, command: Command) -> None:
    assert command("plan", run, "--n", "30", "--out", run.parent / "verify.xls").code == 2


# what is refused


@pytest.fixture
def verify(run: Path, truth: dict[str, str], command: Command) -> Path:
    """A plan of 40 rows, filled in."""
    out = run.parent / "verify.parquet"
    assert command("plan", run, "--n", "40", "--out", out).code == 0
    fill_in(out, truth)
    return out


@pytest.fixture
def refused(run: Path, command: Command) -> Callable[..., None]:
    """`score --trusted` must end with 2 and leave the run alone."""

    def check(trusted: Path, says: str) -> None:
        before = {p: p.read_bytes() for p in run.rglob("*") if p.is_file()}
        outcome = command("score", run, "--trusted", trusted)
        assert outcome.code == 2, outcome.err
        assert says in outcome.err
        assert "Traceback" not in outcome.err
        assert {p: p.read_bytes() for p in run.rglob("*") if p.is_file()} == before

    return check


@pytest.mark.parametrize("empty", [None, ""])
@pytest.mark.parametrize("ending", ["parquet", "csv"])
def test_a_table_that_is_filled_in_in_part_verifies_that_part(
    verify: Path, run: Path, command: Command, empty: str | None, ending: str
) -> None:
    """Of the new rows; those that were verified before are in the table already."""
    table = pq.read_table(verify)
    before = pq.read_table(run / "scores.parquet")
    known = set(before.filter(pc.is_valid(before["trusted_label"]))["sample_id"].to_pylist())
    labels = [
        row["trusted_label"] if row["sample_id"] in known or place % 3 else empty
        for place, row in enumerate(table.to_pylist())
    ]
    replaced(verify, trusted_label=pa.array(labels, pa.string()))
    # one with probabilities must be verified to the end
    pq.write_table(pq.read_table(verify).drop_columns(["sample_probability"]), verify)
    path = verify.with_suffix(f".{ending}")
    if ending == "csv":
        csv.write_csv(pq.read_table(verify), path)
    outcome = command("score", run, "--trusted", path)
    assert outcome.code == 0, outcome.err
    rows = pq.read_table(run / "scores.parquet").to_pylist()
    filled = {name for name, label in zip(table["sample_id"].to_pylist(), labels, strict=True) if label}
    assert 120 < len(filled) < 160
    assert {row["sample_id"] for row in rows if row["trusted_label"] is not None} == known
    # without them it is seen that the plan picked its rows
    assert {row["sample_id"] for row in rows if row["corrected_label"] is not None} == filled - known
    assert "" not in {row["trusted_label"] for row in rows}


@pytest.mark.parametrize("probability", [0.0, -0.1, 1.01, float("nan"), None])
def test_impossible_probabilities_are_refused(
    verify: Path, refused: Callable[..., None], probability: float | None
) -> None:
    values = pq.read_table(verify)["sample_probability"].to_pylist()
    replaced(verify, sample_probability=pa.array([*values[:-1], probability], pa.float64()))
    refused(verify, "above 0 and at most 1, but 1 in")


def test_probabilities_that_are_no_numbers_are_refused(verify: Path, refused: Callable[..., None]) -> None:
    replaced(verify, sample_probability=pa.array(["often"] * 160))
    refused(verify, "Sampling probabilities must be numbers")


def test_either_all_verified_rows_have_a_probability_or_none(verify: Path, refused: Callable[..., None]) -> None:
    """The rows that were verified before the plan are missing: theirs would not be known."""
    table = pq.read_table(verify)
    pq.write_table(table.filter(pa.array(np.arange(160) % 2 == 0)), verify)
    refused(verify, "have none, so that no rate could be estimated")


def test_rows_that_were_not_fitted_are_refused(verify: Path, refused: Callable[..., None]) -> None:
    ids = pq.read_table(verify)["sample_id"].to_pylist()
    replaced(verify, sample_id=pa.array(["elsewhere", *ids[1:]]))
    refused(verify, "1 of 160 labelled rows of")


def test_an_empty_table_is_refused(verify: Path, refused: Callable[..., None]) -> None:
    replaced(verify, trusted_label=pa.nulls(160, pa.string()))
    refused(verify, "160 of 160 rows")


def test_labels_that_are_no_class_are_refused(verify: Path, refused: Callable[..., None]) -> None:
    replaced(verify, trusted_label=pa.array(["mauve"] * 160))
    refused(verify, "mauve")


def test_a_table_without_labels_is_refused(verify: Path, refused: Callable[..., None]) -> None:
    pq.write_table(pq.read_table(verify).drop_columns(["trusted_label"]), verify)
    refused(verify, "trusted_label")


def test_plans_are_not_overwritten_and_not_longer_than_the_dataset(verify: Path, run: Path, command: Command) -> None:
    before, design = verify.read_bytes(), (run / "design.parquet").read_bytes()
    again = command("plan", run, "--n", "40", "--out", verify)
    assert again.code == 2
    many = command("plan", run, "--n", "1081", "--out", run.parent / "many.parquet")
    assert many.code == 2
    assert "of which there are 1,080" in many.err
    assert verify.read_bytes() == before
    assert (run / "design.parquet").read_bytes() == design
    assert not (run.parent / "many.parquet").exists()


def test_a_run_without_scores_has_no_plan(doubtful: Path, tmp_path: Path, command: Command) -> None:
    outcome = command("plan", doubtful / "run", "--n", "10", "--out", tmp_path / "verify.parquet")
    assert outcome.code == 2
    assert "score" in outcome.err
    assert not (tmp_path / "verify.parquet").exists()


def test_a_csv_table_will_do(verify: Path, run: Path, command: Command) -> None:
    path = verify.with_suffix(".csv")
    table = pq.read_table(verify).select(["sample_id", "trusted_label", "sample_probability"])
    csv.write_csv(table.take(np.random.default_rng(0).permutation(len(table))), path)  # in any order
    assert command("score", run, "--trusted", verify).code == 0
    expected = noise(run)
    outcome = command("score", run, "--trusted", path)
    assert outcome.code == 0, outcome.err
    assert noise(run)["overall"] == pytest.approx(expected["overall"])


def given_and_quality(run: Path) -> dict[str, float]:
    rows = pq.read_table(run / "scores.parquet", columns=["sample_id", "label_quality"]).to_pylist()
    return {row["sample_id"]: row["label_quality"] for row in rows}


@pytest.mark.parametrize("cells", ["left out", "left empty"])
def test_a_verifier_who_skips_rows_in_doubt_is_noticed(
    run: Path, truth: dict[str, str], command: Command, cells: str
) -> None:
    quality = given_and_quality(run)
    asked = list(truth)[3::4]
    sure = {name for name in asked if not 0.15 < quality[name] < 0.85}
    assert len(sure) < 0.95 * len(asked)
    names = [name for name in asked if name in sure or cells == "left empty"]
    labels = [truth[name] if name in sure else None for name in names]
    pq.write_table(pa.table({"sample_id": names, "trusted_label": labels}), run.parent / "more.parquet")
    scored = command("score", run, "--trusted", run.parent / "more.parquet")
    assert scored.code == 0, scored.err
    (notice,) = [n for n in noise(run)["notices"] if "Rows in doubt were skipped" in n["message"]]
    assert notice["severity"] in ("warning", "void")
    added = "" if cells == "left empty" else ", or surer ones added"
    assert f"Rows in doubt were skipped{added}: of the " in " ".join(scored.out.splitlines()[:4])


def test_a_verifier_who_fills_in_every_row_is_let_alone(run: Path, truth: dict[str, str], command: Command) -> None:
    more = write_trusted(run.parent / "more.parquet", dict(list(truth.items())[1:]), every=4)
    assert command("score", run, "--trusted", more).code == 0
    assert not [n for n in noise(run)["notices"] if "in doubt" in n["message"] or n["severity"] == "void"]


def test_a_goal_out_of_reach_loses_no_label_and_names_the_next_plan(
    run: Path, truth: dict[str, str], command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(run.parent)
    assert command("plan", "run", "--n", "40", "--out", "verify.parquet").code == 0
    fill_in(Path("verify.parquet"), truth)
    missed = command("score", "run", "--trusted", "verify.parquet", "--target-noise", "0.001")
    assert missed.code == 3
    assert "The scores were written to run all the same, with --threshold 0.5 in its place." in missed.err
    assert "audited rows, sharpened by the scores" in missed.out
    verified = pq.read_table("run/scores.parquet")["trusted_label"]
    assert len(verified) - verified.null_count == 160
    again = command("plan", "run", "--n", "40", "--out", "verify-2.parquet")
    assert "40 rows to verify and 160 that are verified already" in again.out
    before = Path("run/scores.parquet").read_bytes()
    assert command("score", "run", "--target-noise", "0.001").code == 3  # which brought no label, and writes nothing
    assert Path("run/scores.parquet").read_bytes() == before
    forgetful = command("score", "run")
    assert "40 rows verified after the fit are in the last scores and not in these" in forgetful.err
    assert "--trusted FILE takes them in again" in forgetful.err
    assert "verified after the fit" not in command("score", "run").err
