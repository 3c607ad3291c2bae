"""Signals: what rows keep of logits, and that they come back from tables and parts as they were."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Annotated

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.simulated import any_signals, assert_same

from noisecleaner.arrays import Array, FloatArray, IntArray
from noisecleaner.quality._rowwise import Signal
from noisecleaner.quality.signals import CANDIDATES, Dynamics, Predictions, Signals, unfitted_predictions

ROWS = st.integers(0, 30)
SEEDS = st.integers(0, 2**32 - 1)


@settings(deadline=None)
@given(ROWS, SEEDS, st.data())
def test_taking_rows_of_rows_is_taking_them_at_once(rows: int, seed: int, data: st.DataObject) -> None:
    signals = any_signals(rows, seed=seed)
    some = np.array(data.draw(st.lists(st.integers(0, rows - 1), max_size=20) if rows else st.just([])), dtype=np.int64)
    places = np.arange(len(some))[::-1]
    assert len(signals.take(some)) == len(some)
    assert_same(signals.take(some).take(places).predictions, signals.predictions.take(some[places]))
    assert_same(signals.take(some).take(places).dynamics, signals.dynamics.take(some[places]))
    assert_same(signals.take(np.arange(rows)).predictions, signals.predictions)


@settings(deadline=None)
@given(st.integers(1, 30), SEEDS, st.data())
def test_parts_put_together_or_spread_are_the_whole(rows: int, seed: int, data: st.DataObject) -> None:
    signals = any_signals(rows, seed=seed)
    cut = data.draw(st.integers(0, rows))
    order = np.random.default_rng(seed).permutation(rows)
    for whole in (signals.predictions, signals.dynamics):
        parts = [whole.take(np.arange(cut)), whole.take(np.arange(cut, rows))]
        assert_same(type(whole).concat(parts), whole)
        places = [order[:cut], order[cut:]]
        assert_same(type(whole).spread([(where, whole.take(where)) for where in places], rows), whole)


def test_rows_that_no_part_holds_are_unknown() -> None:
    part = any_signals(2, classes=3, known=1.1).predictions
    spread = Predictions.spread([(np.array([4, 1]), part), (np.array([], dtype=np.int64), Predictions.none())], 5)
    assert_same(spread.take(np.array([4, 1])), part)
    for row in (0, 2, 3):
        assert spread.given[row] == -1
        assert np.isnan([spread.margin[row], spread.log_probability[row]]).all()
        assert (spread.candidates[row] == -1).all()
        assert np.isnan(spread.candidate_log_probabilities[row]).all()
    nobody = Predictions.spread([(np.array([], dtype=np.int64), Predictions.none())], 5)
    assert not nobody.known.any()
    assert (nobody.candidates[:, 0] == -1).all()


@settings(deadline=None)
@given(ROWS, st.integers(2, 9), SEEDS, st.floats(0, 1.1))
def test_a_table_brings_back_what_was_put_in(rows: int, classes: int, seed: int, known: float) -> None:
    signals = any_signals(rows, classes, seed, known)
    table = signals.to_table()
    chunked = pa.concat_tables([table.slice(0, rows // 2), table.slice(rows // 2)])
    again = Signals.from_table(chunked, given=signals.predictions.given)
    assert_same(again.dynamics, signals.dynamics)
    if not (signals.predictions.candidates[:, 0] >= 0).any():  # no row tells how long a list is
        assert again.predictions.candidates.shape == (rows, 1)
        assert (again.predictions.candidates == -1).all()
    else:
        assert_same(again.predictions, signals.predictions)


@settings(deadline=None)
@given(ROWS, SEEDS)
def test_so_do_the_arrays_of_a_file(rows: int, seed: int) -> None:
    predictions = any_signals(rows, seed=seed).predictions
    arrays = dict(predictions.stored())
    assert {values.dtype.itemsize for values in arrays.values()} == {4}
    assert_same(Predictions.loaded(arrays.__getitem__, given=predictions.given), predictions)


def test_what_is_unknown_is_null() -> None:
    table = any_signals(40, known=0.5).to_table()
    unknown = np.asarray(table["candidates"].is_null())
    assert 0 < unknown.sum() < 40
    for name in ("alpha", "beta", "alignment", "margin", "candidate_log_probabilities"):
        np.testing.assert_array_equal(table[name].is_null(), unknown)
    assert (np.asarray(table["predicted_margin"].is_null()) >= unknown).all()  # nor has a row without a label one
    for name in table.column_names:
        values = table[name].combine_chunks().drop_null()
        numbers = values.flatten() if pa.types.is_list(values.type) else values
        assert np.isfinite(numbers.to_numpy(zero_copy_only=False)).all()


def test_the_schema_is_that_of_the_table() -> None:
    assert any_signals(3).to_table().schema == pa.schema(Signals.schema())


def test_long_tailed_weights_are_drawn_in_for_calibrators_and_other_numbers_are_not() -> None:
    signals = any_signals(20, known=1.1)
    features = signals.dynamics.features()
    assert features.names == ("margin", "alpha", "beta", "alignment")
    margin, alpha, beta, alignment = features.values.T
    np.testing.assert_array_equal(margin, signals.dynamics.margin)
    np.testing.assert_array_equal(alignment, signals.dynamics.alignment)
    for drawn_in, weights in ((alpha, signals.dynamics.alpha), (beta, signals.dynamics.beta)):
        np.testing.assert_allclose(np.sign(drawn_in) * np.expm1(np.abs(drawn_in)), weights)
    predicted = signals.predictions.features()
    of_classes = ("zero_shot_margin", "zero_shot_log_probability")
    assert predicted.names == ("predicted_margin", "predicted_log_probability", *of_classes)
    np.testing.assert_array_equal(predicted.values[:, 0], signals.predictions.margin)


@dataclass(frozen=True, kw_only=True)
class WithOneMore(Dynamics):
    """A new signal is one field."""

    visits: Annotated[FloatArray, Signal("visits", feature=5)]


def test_a_new_signal_is_one_field() -> None:
    before = any_signals(9, known=1.1).dynamics
    rows = WithOneMore(**vars(before), visits=np.arange(9.0))
    assert rows.take(np.array([3])).visits.tolist() == [3]
    assert rows.to_table().column_names == [*before.to_table().column_names, "visits"]
    assert rows.features().names == (*before.features().names, "visits")
    assert_same(WithOneMore.from_table(rows.to_table()), rows)


def softmax(logits: Array) -> Array:
    powers = np.exp(logits.astype(np.float64) - logits.max(axis=1, keepdims=True))
    return np.asarray(powers / powers.sum(axis=1, keepdims=True))


@pytest.mark.parametrize("classes", [2, 4, 60])
def test_predictions_are_what_a_softmax_says(classes: int) -> None:
    rng = np.random.default_rng(classes)
    logits, labels = 5 * rng.normal(size=(200, classes)).astype(np.float32), rng.integers(-1, classes, 200)
    predictions = Predictions.from_logits(logits.copy(), given=labels)
    labelled, rows = labels >= 0, np.arange(200)
    logs = np.log(softmax(logits))
    own = np.where(labelled, logs[rows, labels], np.nan)
    logs[rows[labelled], labels[labelled]] = -np.inf
    order = np.argsort(-logs, axis=1)[:, : min(CANDIDATES, classes - 1)]
    np.testing.assert_allclose(predictions.log_probability, own, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(predictions.margin, own - logs.max(axis=1), rtol=1e-4, atol=1e-4)
    np.testing.assert_array_equal(predictions.candidates, order)
    np.testing.assert_allclose(
        predictions.candidate_log_probabilities, np.take_along_axis(logs, order, axis=1), rtol=1e-5, atol=1e-5
    )
    np.testing.assert_array_equal(predictions.known, labelled)
    np.testing.assert_array_equal(predictions.given, labels)


def test_predictions_do_not_depend_on_the_rows_beside_nor_on_the_memory_lent() -> None:
    rng = np.random.default_rng(1)
    logits, labels = rng.normal(size=(90, 33)).astype(np.float32), rng.integers(-1, 33, 90)
    whole, parts = Predictions.from_logits(logits.copy(), given=labels), []
    for first in range(0, 90, 7):
        part, lent = logits[first : first + 7].copy(), np.full_like(logits[first : first + 7], np.nan)
        parts.append(Predictions.from_logits(part, given=labels[first : first + 7], scratch=lent))
    assert_same(Predictions.concat(parts), whole)


@settings(deadline=None)
@given(st.integers(2, 12), SEEDS)
def test_all_classes_together_are_certain(classes: int, seed: int) -> None:
    """Given label, candidates and the rest; where every class is listed no crumbs are left of it."""
    rng = np.random.default_rng(seed)
    logits = (10 * rng.normal(size=(20, classes))).astype(np.float32)
    predictions = Predictions.from_logits(logits.copy(), given=rng.integers(0, classes, 20))
    listed = np.exp(predictions.log_probability) + np.exp(predictions.candidate_log_probabilities).sum(axis=1)
    np.testing.assert_allclose(listed + predictions.rest(), 1, atol=1e-5)
    if classes <= CANDIDATES + 1:
        assert (predictions.rest() <= 1e-5).all()


def test_large_logits_do_not_overflow() -> None:
    predictions = Predictions.from_logits(np.array([[1e38, -1e38]], np.float32), given=np.array([0]))
    assert predictions.log_probability.tolist() == [0]
    assert np.isfinite(predictions.candidates).all()


def relabelled(seed: int, *, given: IntArray) -> Predictions:
    """What another network says of 50 rows."""
    return replace(any_signals(50, seed=seed, known=1.0).predictions, given=given)


@pytest.mark.parametrize("first", [False, True])
@pytest.mark.parametrize("voted", [False, True])
def test_other_predictions_are_kept_where_there_were_any(first: bool, voted: bool) -> None:
    one = any_signals(50)
    labels = one.predictions.given
    signals = replace(
        one,
        first=relabelled(1, given=labels) if first else None,
        voted=relabelled(2, given=labels) if voted else None,
    )
    table = signals.to_table()
    assert table.schema.equals(pa.schema(Signals.schema()))
    again = Signals.from_table(table, given=labels)
    assert (again.first is not None, again.voted is not None) == (first, voted)
    assert_same(again.unfitted, unfitted_predictions(table, given=labels))
    for mine, kept in ((signals.first, again.first), (signals.voted, again.voted)):
        if mine is not None and kept is not None:
            assert_same(kept, Predictions.from_table(mine.to_table(), given=labels))
    some = again.take(np.arange(7))
    assert len(some.unfitted) == len(some.best) == 7


def test_with_votes_a_row_keeps_what_vectors_of_the_classes_say() -> None:
    one = any_signals(50)
    says = np.arange(50.0)
    own = replace(one.predictions, zero_shot_margin=says, zero_shot_log_probability=-says)
    best = replace(one, predictions=own, voted=relabelled(2, given=own.given)).best
    np.testing.assert_array_equal(best.zero_shot_margin, own.zero_shot_margin)
    np.testing.assert_array_equal(best.zero_shot_log_probability, own.zero_shot_log_probability)
    assert (best.margin != own.margin).any()
