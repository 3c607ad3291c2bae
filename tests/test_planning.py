"""Which rows to verify next: the draw, and what is estimated from it."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.simulated import Array, drawn, even, scores

from noisecleaner.errors import NoisecleanerError
from noisecleaner.noise.design import probabilities, systematic
from noisecleaner.noise.estimate import Audit, wilson
from noisecleaner.planning import plan
from noisecleaner.tables import DESIGN, PLAN, SCORES, write_table

ROWS = 2000


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(1, 200), st.data())
def test_probabilities_sum_to_the_rows_that_are_asked_for(seed: int, rows: int, data: st.DataObject) -> None:
    rng = np.random.default_rng(seed)
    quality = np.round(rng.beta(0.3, 0.3, rows), data.draw(st.integers(1, 6)))
    doubt = np.sqrt(quality * (1 - quality))
    open_rows = rng.random(rows) < 0.8
    open_rows[0] = True
    before = np.full(rows, data.draw(st.sampled_from([0.0, 0.05, 0.3])))
    count = data.draw(st.integers(1, int(open_rows.sum())))
    found = probabilities(doubt, before, open_rows, count)
    assert found[open_rows].sum() == pytest.approx(count, abs=1e-6)
    assert (found >= 0).all()
    assert (found <= 1).all()
    # a fifth is drawn evenly, so that no row is out of reach
    assert (found >= 0.2 * count / open_rows.sum() - 1e-9).all()


def test_rows_in_doubt_are_drawn_more_often_in_proportion_to_the_doubt() -> None:
    doubt = np.array([0.0, 0.1, 0.2, 0.4] * 100)
    found = probabilities(doubt, np.zeros(400), np.ones(400, dtype=bool), 40)
    least = 0.2 * 40 / 400
    np.testing.assert_allclose((found[1:4] - least) / doubt[1:4], (found[3] - least) / 0.4)
    assert found[0] == pytest.approx(least)


def test_what_an_earlier_draw_has_done_is_not_done_again() -> None:
    """A row that the first draw would have taken as often as asked for is left to the even part."""
    doubt, before = np.full(200, 0.3), np.zeros(200)
    before[:100] = 0.5
    found = probabilities(doubt, before, np.ones(200, dtype=bool), 20)
    assert found[:100] == pytest.approx(0.02)
    assert found[100:] == pytest.approx(0.18)


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(1, 100), st.data())
def test_a_systematic_draw_takes_as_many_distinct_rows_as_are_asked_for(
    seed: int, rows: int, data: st.DataObject
) -> None:
    rng = np.random.default_rng(seed)
    count = data.draw(st.integers(1, rows))
    probability = probabilities(rng.random(rows), np.zeros(rows), np.ones(rows, dtype=bool), count)
    taken = systematic(probability, rng)
    assert len(taken) == len(np.unique(taken)) == count
    assert ((taken >= 0) & (taken < rows)).all()
    assert np.isin(np.flatnonzero(probability == 1), taken).all()


def test_a_systematic_draw_takes_each_row_with_its_probability() -> None:
    rng = np.random.default_rng(0)
    probability = np.array([0.05, 0.9, 0.3, 0.6, 0.15, 1.0, 0.5, 0.5])
    hits = np.zeros(8)
    for _ in range(8000):
        hits[systematic(probability, rng)] += 1
    np.testing.assert_allclose(hits / 8000, probability, atol=0.02)


def test_planned_rows_give_a_shorter_interval_than_random_ones_and_are_unbiased() -> None:
    rng = np.random.default_rng(0)
    expected, wrong = scores(10_000, rng)
    doubt, everyone = np.sqrt(expected * (1 - expected)), np.ones(10_000, dtype=bool)
    probability = probabilities(doubt, np.zeros(10_000), everyone, 300)
    order = np.argsort(expected)
    planned, plain = [], []
    for _ in range(400):
        rows = order[systematic(probability[order], rng)]
        planned.append(drawn(wrong, expected, probability, rows).rate(float(expected.mean())))
        plain.append(even(wrong, expected, 300, rng).rate(float(expected.mean())))
    lengths = [np.mean([(r.high or 0) - (r.low or 0) for r in rates]) for rates in (planned, plain)]
    assert lengths[0] < 0.85 * lengths[1]
    assert lengths[1] < 0.75 * np.diff(wilson(wrong.mean(), 300))[0]
    values = np.array([rate.value for rate in planned])
    assert abs(values.mean() - wrong.mean()) < 3.5 * values.std() / 20
    assert np.mean([r.low <= wrong.mean() <= r.high for r in planned]) >= 0.93


# `plan` itself, on scores that are made up


class Dataset:
    """Rows with a made-up label quality, in a directory as `score` leaves it."""

    def __init__(self, folder: Path, seed: int = 0, rows: int = ROWS) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder, self.rows = folder, rows
        self.expected, self.wrong = scores(rows, np.random.default_rng(seed))
        self.expected = self.expected.astype(np.float32).astype(np.float64)
        self.ids = [f"r{row:05d}" for row in range(rows)]
        self.truth = np.where(self.wrong, "b", "a")

    def write(self, verified: Array, weighted: bool = False, **columns: Any) -> None:
        """Write scores.parquet, some rows verified."""
        values = {name: pa.nulls(self.rows, SCORES.field(name).type) for name in SCORES.names}
        values |= {"sample_id": self.ids, "given_label": ["a"] * self.rows}
        values["trusted_label"] = pa.array(self.truth, mask=~np.isin(np.arange(self.rows), verified))
        values["label_quality"] = pa.array(1 - self.expected, pa.float32())
        table = pa.table({name: (values | columns)[name] for name in SCORES.names}, schema=SCORES)
        write_table(
            self.folder / "scores.parquet",
            [table],
            SCORES,
            {"weighted": weighted, "run": "run", "source": {"data": "new.parquet"}},
        )

    def plan(self, name: str, count: int, seed: int = 0) -> tuple[Array, Array]:
        """Plan; return the rows of the table and their probabilities."""
        out = self.folder / f"{name}.parquet"
        plan(self.folder, out, count=count, seed=seed)
        table = pq.read_table(out)
        rows = np.array([int(name[1:]) for name in table["sample_id"].to_pylist()])
        return rows, table["sample_probability"].to_numpy()

    def audit(self, rows: Array, probability: Array) -> Audit:
        return Audit(self.wrong[rows], self.expected[rows], probability)

    def estimate(self, rows: Array, probability: Array) -> float:
        value = self.audit(rows, probability).rate(float(self.expected.mean())).value
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


def test_a_plan_of_which_no_row_was_verified_is_forgotten(tmp_path: Path) -> None:
    data = Dataset(tmp_path)
    data.write(np.arange(100))
    data.plan("first", 50)
    once = data.plan("second", 50, 1)
    data.write(np.arange(100), weighted=True)
    again = data.plan("third", 50, 1)
    np.testing.assert_array_equal(once[0], again[0])
    np.testing.assert_allclose(once[1], again[1])


def test_without_scores_there_is_no_plan(tmp_path: Path) -> None:
    with pytest.raises(NoisecleanerError):
        plan(tmp_path, tmp_path / "verify.parquet", count=10)
    assert not list(tmp_path.iterdir())
