"""Distributions pass, nothing else does, and logarithms are finite."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from noisecleaner.errors import NoisecleanerError
from noisecleaner.ingest import Manifest
from noisecleaner.ingest.files.places import Place
from noisecleaner.ingest.tables.tabular import Files
from noisecleaner.ingest.vectors.columns import VectorColumn, VectorFile
from noisecleaner.ingest.vectors.orders import in_order
from noisecleaner.inputs.probabilities import LEAST, check, check_order, check_width, likeliest, logarithms
from noisecleaner.notices import Severity

CLASSES = ("ant", "bee", "cat")

WEIGHTS = arrays.arrays(np.float64, st.tuples(st.integers(1, 5), st.integers(2, 6)), elements=st.floats(0.01, 1))


def test_there_is_one_number_for_each_class() -> None:
    check_width(3, 3)
    with pytest.raises(NoisecleanerError, match="each of the 3 classes, but the rows hold 4") as error:
        check_width(4, 3)
    assert "`Columns(label_names=FILE)`" in error.value.hint


@settings(deadline=None)
@given(WEIGHTS, st.sampled_from([np.float16, np.float32, np.float64]))
def test_what_sums_to_one_passes_in_any_precision(weights: np.ndarray, precision: type) -> None:
    check((weights / weights.sum(axis=1, keepdims=True)).astype(precision))


@settings(deadline=None)
@given(WEIGHTS, st.integers(0, 4), st.floats(0.05, 1))
def test_a_row_with_another_sum_is_refused_with_it(weights: np.ndarray, row: int, off: float) -> None:
    block = weights / weights.sum(axis=1, keepdims=True)
    block[row % len(block)] *= 1 - off
    with pytest.raises(NoisecleanerError, match=f"the sum {1 - off:.3f}"):
        check(block)


@pytest.mark.parametrize("wrong", [[-0.5, 1.5], [0.5, 0.6], [1.5, -0.5], [0.0, 0.0]])
def test_numbers_outside_their_range_are_refused(wrong: list[float]) -> None:
    with pytest.raises(NoisecleanerError, match=r"lie in \[0, 1\] and sum to 1"):
        check(np.array([[0.5, 0.5], wrong]))


def test_a_row_without_a_vector_is_left_alone() -> None:
    check(np.array([[0.25, 0.75], [np.nan, np.nan]]))
    check(np.full((2, 3), np.nan))


@settings(deadline=None)
@given(WEIGHTS)
def test_logarithms_are_those_of_numpy(weights: np.ndarray) -> None:
    found = logarithms(weights)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, np.log(weights), rtol=1e-5, atol=1e-6)


def test_a_probability_of_zero_has_a_finite_logarithm_and_the_place_is_kept() -> None:
    out = np.empty((1, 2), np.float32)
    found = logarithms(np.array([[0.0, 1.0]], np.float32), out=out)
    assert np.shares_memory(found, out)
    np.testing.assert_allclose(found, [[np.log(LEAST), 0]], rtol=1e-6)


# The order of the columns


def dataset(given: np.ndarray, payload: object = None) -> Manifest:
    ids = pa.array([str(row) for row in range(len(given))])
    labels = pa.array([CLASSES[label] for label in given])
    return Manifest.of(ids, classes=CLASSES, payload=payload, given=labels)  # type: ignore[arg-type]  # not looked at


def test_columns_in_the_order_of_the_classes_pass() -> None:
    given = np.arange(90) % 3
    assert check_order(given, dataset(given)) == ()


def test_columns_in_another_order_are_refused_with_the_one_that_fits() -> None:
    given = np.arange(90) % 3
    columns = np.array([1, 2, 0])[given]  # column 0 is the class 2, …
    with pytest.raises(NoisecleanerError) as error:
        check_order(columns, dataset(given))
    assert "(ant, bee, cat)" in error.value.message
    assert "column 0 is cat, column 1 is ant, column 2 is bee" in error.value.message
    assert "90 carry that label in this order, and 0 as it is" in error.value.message
    assert "`Columns(label_names=FILE)`, most likely cat, ant, bee" in error.value.hint


def test_columns_that_bear_the_names_of_the_classes_are_odd_and_no_error(tmp_path: Path) -> None:
    given = np.arange(90) % 3
    structs = pa.array([dict.fromkeys(CLASSES, 0.25)] * 90)
    path = tmp_path / "d.parquet"
    pq.write_table(pa.table({"p": structs}), path)
    payload = VectorColumn.open(Files.open([Place.parse(path)]), "p", "probabilities")
    (notice,) = check_order(np.array([1, 2, 0])[given], dataset(given, in_order(payload, CLASSES)))
    assert (notice.code, notice.severity) == ("probabilities-in-other-order", Severity.WARNING)
    assert "column 0 is cat" in notice.message


def test_columns_are_counted_as_they_were_brought(tmp_path: Path) -> None:
    given = np.arange(90) % 3
    np.save(tmp_path / "p.npy", np.full((90, 3), 1 / 3))
    payload = in_order(VectorFile.open(str(tmp_path / "p.npy"), "probabilities"), CLASSES, ("bee", "cat", "ant"))
    with pytest.raises(NoisecleanerError) as error:
        check_order(np.array([1, 0, 2])[given], dataset(given, payload))  # ant and bee have been swapped
    assert "column 0 is ant, column 2 is bee." in error.value.message
    assert "most likely ant, cat, bee" in error.value.hint


def test_the_likeliest_column_is_that_of_the_greatest_probability() -> None:
    block = np.array([[0.1, 0.7, 0.2], [np.nan] * 3, [0.5, 0.5, 0.0]], np.float32)
    assert likeliest(block).tolist() == [1, -1, 0]
