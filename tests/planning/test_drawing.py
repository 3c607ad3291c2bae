"""`plan` on scores that are made up: the table to fill in, and what is estimated from it."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
from support.scored import metadata_of, scores_table
from support.simulated import Array, scores

from noisecleaner.errors import NoisecleanerError
from noisecleaner.noise.estimate import Audit
from noisecleaner.noise.randomness import not_random
from noisecleaner.notices import Notice
from noisecleaner.planning import drawing, plan
from noisecleaner.tables import DESIGN, PLAN, SCORES, write_table

ROWS = 2000


class Dataset:
    """Rows with a made-up label quality, in a directory as `score` leaves it."""

    def __init__(self, folder: Path, seed: int = 0, rows: int = ROWS) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder, self.rows = folder, rows
        self.expected, self.wrong = scores(rows, np.random.default_rng(seed))
        self.expected = self.expected.astype(np.float32).astype(np.float64)
        self.ids = [f"r{row:05d}" for row in range(rows)]
        self.truth = np.where(self.wrong, "b", "a")

    def write(self, verified: Array, weighted: bool = False, *notices: Notice, **columns: Any) -> None:
        """Write scores.parquet, some rows verified."""
        values = {"sample_id": self.ids, "given_label": ["a"] * self.rows}
        values["trusted_label"] = pa.array(self.truth, mask=~np.isin(np.arange(self.rows), verified))
        values["label_quality"] = pa.array(1 - self.expected, pa.float32())
        metadata = metadata_of(("a", "b"), weighted=weighted, notices=notices).to_json()
        write_table(self.folder / "scores.parquet", [scores_table(**values | columns)], SCORES, metadata)

    def plan(self, name: str, count: int, seed: int = 0) -> tuple[Array, Array]:
        """Plan; return the rows of the table and their probabilities."""
        out = self.folder / f"{name}.parquet"
        plan(self.folder, out, count=count, seed=seed)
        table = pq.read_table(out)
        rows = np.array([int(name[1:]) for name in table["sample_id"].to_pylist()])
        return rows, table["sample_probability"].to_numpy()

    def audit(self, rows: Array, probability: Array) -> Audit:
        return Audit(wrong=self.wrong[rows], expected=self.expected[rows], probability=probability)

    def estimate(self, rows: Array, probability: Array) -> float:
        value = self.audit(rows, probability).rate(float(self.expected.mean()), rows=None).value
        assert value is not None
        return value


def unbiased(values: Iterable[float], truth: float) -> bool:
    """Whether estimates spread around the truth, by their own standard error."""
    found = np.array(list(values))
    return bool(abs(found.mean() - truth) < 3.5 * found.std() / np.sqrt(len(found)))


def test_the_table_holds_new_rows_to_fill_in_and_those_that_are_known(tmp_path: Path) -> None:
    data = Dataset(tmp_path)
    known = np.arange(0, ROWS, 20)
    data.write(known)
    planned = plan(tmp_path, tmp_path / "new" / "verify.parquet", count=80, seed=3)
    table = pq.read_table(tmp_path / "new" / "verify.parquet")
    assert table.schema.equals(PLAN)
    assert (planned.new, planned.known, planned.path) == (80, 100, tmp_path / "new" / "verify.parquet")
    assert 0 < planned.shrinks < 1
    rows = {row["sample_id"]: row for row in table.to_pylist()}
    assert len(rows) == 180
    assert {name for name, row in rows.items() if row["trusted_label"] is not None} == {data.ids[r] for r in known}
    assert all(0 < row["sample_probability"] <= 1 for row in rows.values())
    assert table["sample_id"].to_pylist() == sorted(rows)  # the order of the dataset
    design = pq.read_table(tmp_path / "design.parquet")
    assert design.schema.equals(DESIGN)
    assert design["drawn"].to_numpy().sum() == 80
    assert not design["drawn"].to_numpy()[known].any()


def test_a_second_look_makes_a_row_no_less_verified(tmp_path: Path) -> None:
    """The same rows are drawn with the same probabilities, whether or not verified ones were looked at twice."""
    data, known = Dataset(tmp_path), np.arange(0, ROWS, 20)
    data.write(known)
    once = data.plan("once", 80)
    data.write(known, second_label=["b" if row < 400 else None for row in range(ROWS)])
    twice = data.plan("twice", 80)
    np.testing.assert_array_equal(once[0], twice[0])
    np.testing.assert_array_equal(once[1], twice[1])
    verified = pq.read_table(tmp_path / "twice.parquet").filter(pc.is_valid(pc.field("trusted_label")))
    assert verified["sample_id"].to_pylist() == [data.ids[row] for row in known]
    assert verified["trusted_label"].to_pylist() == data.truth[known].tolist()


def test_the_same_seed_draws_the_same_rows(tmp_path: Path) -> None:
    data = Dataset(tmp_path)
    data.write(np.arange(50))
    first, again, other = (data.plan(name, 60, seed)[0].tolist() for name, seed in (("a", 1), ("b", 1), ("c", 2)))
    assert first == again != other


def test_rows_without_a_label_or_quality_are_not_drawn(tmp_path: Path) -> None:
    data = Dataset(tmp_path, rows=100)
    quality = np.where(np.arange(100) < 40, np.nan, 0.5)
    labels = [None if row >= 70 else "a" for row in range(100)]
    data.write(np.empty(0, int), label_quality=pa.array(quality, pa.float32(), from_pandas=True), given_label=labels)
    rows, probability = data.plan("all", 30)
    assert rows.tolist() == list(range(40, 70))
    np.testing.assert_allclose(probability, 1)


def test_what_is_estimated_after_a_first_and_a_second_plan_is_unbiased_and_sharper(tmp_path: Path) -> None:
    """At first a random sample; then what two plans drew, with the probability that any of the three took the row."""
    data = Dataset(tmp_path)
    rng = np.random.default_rng(0)
    found: dict[str, list[float]] = {"random": [], "first": [], "second": [], "as many": []}
    for repeat in range(80):
        sample = np.sort(rng.choice(ROWS, 150, replace=False))
        found["random"].append(data.estimate(sample, np.full(150, 150 / ROWS)))
        data.write(sample)
        rows, probability = data.plan(f"first{repeat}", 100, repeat)
        assert len(rows) == 250
        found["first"].append(data.estimate(rows, probability))
        data.write(rows, weighted=True)
        rows, probability = data.plan(f"second{repeat}", 100, repeat + 1000)
        assert len(rows) == 350
        found["second"].append(data.estimate(rows, probability))
        more = rng.choice(ROWS, 350, replace=False)
        found["as many"].append(data.estimate(more, np.full(350, 350 / ROWS)))
    for name, values in found.items():
        assert unbiased(values, data.wrong.mean()), name
    assert np.std(found["first"]) < np.std(found["random"])
    assert np.std(found["second"]) < np.std(found["first"])
    assert np.std(found["second"]) < np.std(found["as many"])


def test_where_nothing_is_in_doubt_rows_are_drawn_evenly(tmp_path: Path) -> None:
    data = Dataset(tmp_path, rows=100)
    data.write(np.empty(0, int), label_quality=pa.array(np.ones(100), pa.float32()))
    rows, probability = data.plan("sure", 10)
    assert len(rows) == 10
    np.testing.assert_allclose(probability, 0.1)


@pytest.mark.parametrize("count", [0, -1, ROWS - 99])
def test_more_rows_than_are_open_are_refused(tmp_path: Path, count: int) -> None:
    data = Dataset(tmp_path)
    data.write(np.arange(100))
    with pytest.raises(NoisecleanerError, match=r"of which there are 1,900"):
        data.plan("many", count)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["scores.parquet"]


def test_all_rows_may_be_planned(tmp_path: Path) -> None:
    data = Dataset(tmp_path, rows=200)
    data.write(np.arange(20))
    rows, probability = data.plan("all", 180)
    assert rows.tolist() == list(range(200))
    np.testing.assert_allclose(probability, 1)


def test_a_run_whose_probabilities_are_elsewhere_cannot_plan(tmp_path: Path) -> None:
    data = Dataset(tmp_path)
    data.write(np.arange(100), weighted=True)
    with pytest.raises(NoisecleanerError, match=r"holds no design\.parquet"):
        data.plan("next", 10)


def test_rows_that_were_drawn_evenly_before_the_fit_count_as_a_random_sample(tmp_path: Path) -> None:
    data, known = Dataset(tmp_path), np.arange(0, ROWS, 20)
    data.write(known)
    random = data.plan("random", 50)
    (tmp_path / "design.parquet").unlink()
    even = np.where(np.isin(np.arange(ROWS), known), 0.05, np.nan)
    data.write(known, weighted=True, sample_probability=pa.array(even, from_pandas=True))
    planned = data.plan("planned", 50)
    np.testing.assert_array_equal(random[0], planned[0])
    np.testing.assert_array_equal(random[1], planned[1])
    (tmp_path / "design.parquet").unlink()
    even[known[0]] = 0.5
    data.write(known, weighted=True, sample_probability=pa.array(even, from_pandas=True))
    with pytest.raises(NoisecleanerError, match=r"holds no design\.parquet"):
        data.plan("next", 10)


def test_a_plan_of_which_no_row_was_verified_is_forgotten(tmp_path: Path) -> None:
    data = Dataset(tmp_path)
    data.write(np.arange(100))
    data.plan("first", 50)
    once = data.plan("second", 50, 1)
    data.write(np.arange(100), weighted=True)
    again = data.plan("third", 50, 1)
    np.testing.assert_array_equal(once[0], again[0])
    np.testing.assert_allclose(once[1], again[1])


def drawn_with(rows: Array, probability: Array, count: int = ROWS) -> pa.Array:
    """A column sample_probability: what verified rows were drawn with, null for others."""
    column = np.full(count, np.nan)
    column[rows] = probability
    return pa.array(column, from_pandas=True)


def test_a_plan_that_was_thrown_away_has_no_part_in_the_next_one(tmp_path: Path) -> None:
    """Two plans of one run, of which the first is filled in; then a third, whose estimates must be unbiased."""
    data = Dataset(tmp_path)
    rng = np.random.default_rng(0)
    estimates, stands_for = [], []
    for repeat in range(60):
        data.write(np.sort(rng.choice(ROWS, 100, replace=False)))
        rows, probability = data.plan(f"used{repeat}", 100, repeat)
        thrown, _ = data.plan(f"thrown{repeat}", 400, repeat + 1000)
        assert np.isin(thrown, rows).sum() > 100  # rows of both are no sign that the second was used
        data.write(rows, weighted=True, sample_probability=drawn_with(rows, probability))
        rows, probability = data.plan(f"third{repeat}", 100, repeat + 2000)
        estimates.append(data.estimate(rows, probability))
        stands_for.append(float((1 / probability).sum()))
    assert unbiased(estimates, data.wrong.mean())
    assert np.mean(stands_for) == pytest.approx(ROWS, rel=0.02)


def test_the_plan_that_was_filled_in_is_found_however_many_came_after_it(tmp_path: Path) -> None:
    data = Dataset(tmp_path)
    data.write(np.arange(0, ROWS, 20))
    rows, probability = data.plan("used", 100)
    filled = {"weighted": True, "sample_probability": drawn_with(rows, probability)}
    data.write(rows, **filled)
    alone = data.plan("next", 50)
    data.write(np.arange(0, ROWS, 20))
    for count in (200, 300, 400):
        data.plan(f"thrown{count}", count)
    data.write(rows, **filled)
    again = data.plan("after others", 50)
    np.testing.assert_array_equal(alone[0], again[0])
    np.testing.assert_array_equal(alone[1], again[1])


def test_rows_with_probabilities_of_no_plan_cannot_go_on(tmp_path: Path) -> None:
    data = Dataset(tmp_path)
    data.write(np.arange(0, ROWS, 20))
    rows, probability = data.plan("used", 100)
    data.write(rows, weighted=True, sample_probability=drawn_with(rows, np.clip(probability * 1.2, 0, 1)))
    before = (tmp_path / "design.parquet").read_bytes()
    with pytest.raises(NoisecleanerError, match=r"no plan of .* has their sample_probability \(such as .* of r0"):
        data.plan("next", 10)
    assert (tmp_path / "design.parquet").read_bytes() == before
    assert not (tmp_path / "next.parquet").exists()


def test_a_plan_is_there_when_its_design_is_and_not_before(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who is killed between the two, or finds a full disk, leaves no plan that the next one would not know of."""
    Dataset(tmp_path).write(np.arange(0, ROWS, 20))
    seen = []

    def full(run: Path, out: Path, **_: object) -> None:
        seen.append(out.exists())
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patch:
        patch.setattr(drawing, "remember", full)
        with pytest.raises(OSError, match="No space left"):
            plan(tmp_path, tmp_path / "verify.parquet", count=10)
    assert seen == [False]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["scores.parquet"]
    plan(tmp_path, tmp_path / "verify.parquet", count=10)
    assert (tmp_path / "design.parquet").exists()


def test_without_scores_there_is_no_plan(tmp_path: Path) -> None:
    with pytest.raises(NoisecleanerError):
        plan(tmp_path, tmp_path / "verify.parquet", count=10)
    assert not list(tmp_path.iterdir())


def test_rows_that_are_no_sample_have_no_part_in_the_next_one(tmp_path: Path) -> None:
    """Unless they are drawn: then their label is known already. Estimates from the plan alone are right."""
    data = Dataset(tmp_path)
    chosen = np.argsort(-data.expected)[:200]
    data.write(chosen, False, not_random("They were picked."))
    estimates, known = [], 0
    for seed in range(40):
        rows, probability = data.plan(f"plan-{seed}", 150, seed)
        assert len(rows) == 150
        estimates.append(data.estimate(rows, probability))
        known += int(np.isin(rows, chosen).sum())
    labels = {row["sample_id"]: row["trusted_label"] for row in pq.read_table(tmp_path / "plan-0.parquet").to_pylist()}
    assert all((label is not None) == (int(name[1:]) in chosen) for name, label in labels.items())
    assert known > 0
    assert unbiased(estimates, data.wrong.mean())


def test_rows_that_were_verified_before_a_copy_was_made_are_never_drawn(tmp_path: Path) -> None:
    data = Dataset(tmp_path)
    marked = np.arange(ROWS) % 2 == 0
    data.write(np.arange(1, 101, 2), certified=marked)
    rows, probability = data.plan("verify", 400)
    assert len(rows) == 450
    assert (rows % 2 == 1).all()
    others = np.arange(1, ROWS, 2)
    assert float((1 / probability).sum()) == pytest.approx(len(others), rel=0.2)  # they stand for the other rows alone
    with pytest.raises(NoisecleanerError, match="of which there are 950, but it is 951"):
        data.plan("more", 951)
