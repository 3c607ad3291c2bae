"""Which of several plans verified rows were drawn with."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pytest

from noisecleaner.errors import NoisecleanerError
from noisecleaner.noise.design import Design, Frame
from noisecleaner.planning.designs import VerifiedRun, remember, used

ROWS = 40
IDS = pa.chunked_array([[f"r{row:02d}" for row in range(ROWS)]])
ROUND = np.linspace(0.05, 0.9, ROWS)
Array = npt.NDArray[np.float64]


def kept(run: Path, probability: Array, before: Array | float = 0.01) -> None:
    """A plan that drew every second row."""
    every = np.full(ROWS, True)
    earlier = np.broadcast_to(np.asarray(before, np.float64), ROWS)
    frame = Frame(quality=np.full(ROWS, 0.5), usable=every, verified=~every, before=earlier)
    design = Design(drawn=np.arange(ROWS) % 2 == 0, probability=probability, shrinks=1.0)
    remember(run, run / "plan.parquet", ids=IDS, frame=frame, design=design)


def verified(probability: Array, ids: pa.ChunkedArray = IDS) -> VerifiedRun:
    rows = np.arange(ROWS) % 4 == 0
    return VerifiedRun(ids=ids, rows=rows, probability=np.where(rows, probability, np.nan))


def test_each_of_several_plans_is_found(tmp_path: Path) -> None:
    plans = [ROUND, ROUND**2, ROUND / 2, np.sqrt(ROUND)]
    for plan in plans:
        kept(tmp_path, plan)
    for plan in plans:
        np.testing.assert_array_equal(used(tmp_path, verified(plan)), plan)


def test_probabilities_that_a_spreadsheet_rounded_find_the_nearest_plan(tmp_path: Path) -> None:
    for plan in (ROUND, ROUND * 1.1):
        kept(tmp_path, plan)
    found = used(tmp_path, verified(np.array([float(f"{p:.2g}") for p in ROUND])))
    np.testing.assert_array_equal(found, ROUND)


def test_the_same_probabilities_are_kept_once(tmp_path: Path) -> None:
    for plan in (ROUND, ROUND, ROUND / 2, ROUND / 2):
        kept(tmp_path, plan)
    assert len(list((tmp_path / "designs").iterdir())) == 1


def test_what_was_before_the_only_plan_that_an_earlier_version_kept_is_found(tmp_path: Path) -> None:
    kept(tmp_path, ROUND, before=ROUND**2)
    np.testing.assert_array_equal(used(tmp_path, verified(ROUND**2)), ROUND**2)


@pytest.mark.parametrize(("said", "found"), [(True, ROUND), (False, np.full(ROWS, 0.01))])
def test_scores_of_an_earlier_version_mean_the_last_plan_where_a_row_of_it_is_verified(
    tmp_path: Path, said: bool, found: Array
) -> None:
    kept(tmp_path, ROUND)
    rows = np.arange(ROWS) % 2 == (0 if said else 1)
    told = VerifiedRun(ids=IDS, rows=rows, probability=np.full(ROWS, np.nan))
    np.testing.assert_array_equal(used(tmp_path, told), found)


def test_rows_that_were_drawn_evenly_are_a_plain_sample(tmp_path: Path) -> None:
    kept(tmp_path, ROUND)
    assert used(tmp_path, verified(np.full(ROWS, 0.3))) is None


def test_where_nobody_has_verified_a_row_there_is_nothing_to_find(tmp_path: Path) -> None:
    nothing = VerifiedRun(ids=IDS, rows=np.zeros(ROWS, bool), probability=np.full(ROWS, np.nan))
    assert used(tmp_path, nothing) is None


@pytest.mark.parametrize("probability", [ROUND[::-1], ROUND * 1.06])
def test_other_probabilities_are_refused(tmp_path: Path, probability: Array) -> None:
    kept(tmp_path, ROUND)
    with pytest.raises(NoisecleanerError, match="no plan of"):
        used(tmp_path, verified(probability))


def test_a_plan_of_other_rows_is_none_of_these(tmp_path: Path) -> None:
    kept(tmp_path, ROUND)
    others = pa.chunked_array([[f"s{row:02d}" for row in range(ROWS)]])
    with pytest.raises(NoisecleanerError, match=r"holds no design\.parquet"):
        used(tmp_path, verified(ROUND, others))


def test_the_last_plan_of_a_fit_on_fewer_rows_is_none_of_these(tmp_path: Path) -> None:
    """It stays where another fit takes the place of that one; an earlier version wrote no probabilities."""
    kept(tmp_path, ROUND)
    rows = np.arange(ROWS - 1) % 4 == 0
    unsaid = VerifiedRun(ids=IDS[:-1], rows=rows, probability=np.full(ROWS - 1, np.nan))
    with pytest.raises(NoisecleanerError, match=r"holds no design\.parquet of its rows"):
        used(tmp_path, unsaid)
