"""Noise rates and what noise.json says of them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest
from support.simulated import Array, scores

from noisecleaner.arrays import NO_CLASS, UNVERIFIED
from noisecleaner.noise.estimate import MIN_EVENTS
from noisecleaner.noise.rates import Noise, Rows, measure


def rows_of(given: Array, trusted: Array, expected: Array | None = None, judging: Array | None = None) -> Rows:
    size = len(given)
    audited = (given >= 0) & (trusted != UNVERIFIED)
    unknown = np.full(size, np.nan)
    return Rows(
        given=given,
        trusted=trusted,
        expected=unknown if expected is None else expected,
        judging=audited if judging is None else judging,
        probability=unknown,
    )


def simulated(verified: int = 800, size: int = 8000) -> Rows:
    """Three classes; of the first a wrong label is mostly the second."""
    rng = np.random.default_rng(0)
    expected, wrong = scores(size, rng)
    given = rng.integers(0, 3, size)
    true = np.where(wrong, np.where((given == 0) & (rng.random(size) < 0.8), 1, (given + 2) % 3), given)
    trusted = np.full(size, -1)
    some = rng.choice(size, verified, replace=False)
    trusted[some] = true[some]
    return rows_of(given, trusted, expected)


def test_noise_is_measured_on_audited_rows_and_by_class() -> None:
    labels = np.array([0, 0, 0, 1, 1, 2, -1])
    verified = np.array([0, 1, -1, 1, 2, -1, -1])
    noise = measure(rows_of(labels, verified), ("a", "b", "c"), "audited")
    assert noise.method == "wilson"
    assert (noise.overall.events, noise.overall.sample_size, noise.overall.value) == (2, 4, 0.5)
    assert {name: (r.events, r.sample_size) for name, r in noise.per_class.items()} == {
        "a": (1, 2),
        "b": (1, 2),
        "c": (0, 0),
    }
    assert noise.per_class["c"].method == "none"
    assert noise.confusion == ((1, 0, 0), (1, 1, 0), (0, 1, 0))
    assert {pair: (r.events, r.sample_size, r.value) for pair, r in noise.pairs.items()} == {
        ("a", "a"): (1, 2, 0.5),
        ("a", "b"): (1, 2, 0.5),
        ("b", "b"): (1, 2, 0.5),
        ("b", "c"): (1, 2, 0.5),
    }


def test_a_class_is_counted_only_where_all_its_rows_were_verified() -> None:
    """A plan was sure to draw three of the rows of one class, and drew no other; of the other class it drew all."""
    given = np.repeat([0, 1], [40, 4])
    trusted = np.where(np.isin(np.arange(44), [0, 1, 2, 40, 41, 42, 43]), 0, UNVERIFIED)
    noise = measure(replace(rows_of(given, trusted), probability=np.ones(44)), ("a", "b"), "audited")
    assert [rate.method for rate in noise.per_class.values()] == ["wilson", "count"]
    assert (noise.per_class["a"].value, noise.per_class["b"].value) == (0, 1)
    assert noise.per_class["a"].high > 0.4
    assert {pair: rate.method for pair, rate in noise.pairs.items()} == {("a", "a"): "wilson", ("b", "a"): "count"}


def test_each_rate_says_how_it_was_made() -> None:
    """Many audited rows of a class sharpen its rate; a class with few errors leans on the scores."""
    rows = simulated()
    few = rows.trusted.copy()
    few[np.flatnonzero((rows.given == 2) & rows.wrong)[MIN_EVENTS - 1 :]] = -1
    noise = measure(rows_of(rows.given, few, rows.expected), ("a", "b", "c"), "audited")
    assert noise.overall.method == noise.method == "prediction-powered"
    assert [rate.method for rate in noise.per_class.values()] == [
        "prediction-powered",
        "prediction-powered",
        "small-area",
    ]


def test_sharpened_rates_hold_the_truth_and_rest_on_what_was_counted() -> None:
    rows = simulated()
    noise = measure(rows, ("a", "b", "c"), "audited")
    assert (noise.overall.events, noise.overall.sample_size) == (int(rows.wrong.sum()), 800)
    assert noise.overall.low < rows.expected.mean() < noise.overall.high
    assert sum(rate.sample_size for rate in noise.per_class.values()) == 800


def test_the_pairs_of_a_given_class_sum_to_one_and_begin_with_the_most_frequent() -> None:
    noise = measure(simulated(), ("a", "b", "c"), "audited")
    for name in ("a", "b", "c"):
        own = [rate for (given, _), rate in noise.pairs.items() if given == name]
        assert sum(rate.value for rate in own) == pytest.approx(1)
        assert [rate.events for rate in own] == sorted((rate.events for rate in own), reverse=True)
        wrong = noise.per_class[name]
        assert noise.pairs[name, name].value == pytest.approx(1 - wrong.events / wrong.sample_size)
    assert noise.pairs["a", "b"].value > noise.pairs["a", "c"].value


def test_rows_without_a_label_have_no_part_in_the_rate() -> None:
    rows = simulated()
    given = np.where(np.arange(len(rows.given)) % 2, rows.given, -1)
    half = rows_of(given, np.where(given >= 0, rows.trusted, -1), rows.expected)
    ignored = rows_of(given, rows.trusted, np.where(given >= 0, rows.expected, 0.9))
    assert measure(half, ("a", "b", "c"), "audited").overall == measure(ignored, ("a", "b", "c"), "audited").overall


def test_without_audited_rows_no_interval_is_shown() -> None:
    nobody = np.full(4, -1)
    rows = rows_of(np.array([0, 1, 0, 1]), nobody, 1 - np.array([1, 0.5, 0.5, np.nan]))
    noise = measure(rows, ("a", "b"), "planted")
    assert noise.method == "planted"
    assert noise.overall.value == pytest.approx(1 / 3)
    assert (noise.overall.low, noise.overall.high) == (None, None)
    assert noise.per_class["b"].value == 0.5
    assert measure(rows, ("a", "b"), "audited").method == "model"
    assert noise.pairs == {}


@pytest.mark.parametrize("model", ["uncalibrated", "transfer"])
def test_without_a_calibration_no_rate_is_claimed(model: str) -> None:
    noise = measure(rows_of(np.array([0, 1]), np.full(2, -1), np.array([0.9, 0.8])), ("a", "b"), model)
    assert noise.method == "none"
    assert noise.overall.value is None
    assert {rate.value for rate in noise.per_class.values()} == {None}


def test_the_file_holds_rates_by_class_pairs_and_counts() -> None:
    found = json.loads(json.dumps(measure(simulated(), ("a", "b", "c"), "audited").to_json()))
    assert set(found) == {"method", "confidence", "overall", "per_given_class", "matrix", "confusion"}
    assert found["confidence"] == 0.95
    keys = {"rate", "low", "high", "audited", "errors", "method"}
    assert set(found["overall"]) == keys
    assert {name: set(rate) for name, rate in found["per_given_class"].items()} == dict.fromkeys("abc", keys)
    assert all(set(pair) == {"given", "true", "count", *keys} for pair in found["matrix"])
    assert {pair["method"] for pair in found["matrix"]} == {"wilson"}
    assert found["confusion"]["classes"] == ["a", "b", "c"]
    for pair in found["matrix"]:
        column, row = "abc".index(pair["given"]), "abc".index(pair["true"])
        assert found["confusion"]["audited_true_by_given"][row][column] == pair["count"]
        assert pair["errors"] == (0 if pair["given"] == pair["true"] else pair["count"])


def test_rows_that_steered_measure_without_their_score() -> None:
    """A row that is audited but does not judge has no honest score: it counts in the plain sample."""
    rows = simulated()
    steered = rows_of(rows.given, rows.trusted, rows.expected, np.zeros(len(rows.given), dtype=bool))
    noise = measure(steered, ("a", "b", "c"), "audited")
    assert noise.method == "wilson"
    assert noise.overall.value == pytest.approx(rows.wrong.sum() / 800)


def test_noise_comes_back_from_json() -> None:
    for noise in (
        measure(simulated(), ("a", "b", "c"), "audited"),
        measure(simulated(verified=0), ("a", "b", "c"), "planted"),
        measure(simulated(verified=0), ("a", "b", "c"), "uncalibrated"),
        measure(rows_of(np.empty(0, np.int64), np.empty(0, np.int64)), (), "audited"),
    ):
        assert Noise.from_json(json.loads(json.dumps(noise.to_json(), allow_nan=False))) == noise


GOOD = measure(simulated(), ("a", "b", "c"), "audited").to_json()
RATE = GOOD["overall"]


@pytest.mark.parametrize(
    "content",
    [
        None,
        [],
        *({name: part for name, part in GOOD.items() if name != missing} for missing in list(GOOD)[2:]),
        {**GOOD, "overall": {**RATE, "rate": 2}},
        {**GOOD, "per_given_class": [RATE]},
        {**GOOD, "per_given_class": {"a": RATE, "b": RATE}},
        {**GOOD, "per_given_class": {"a": RATE, "b": RATE, "d": RATE}},
        {**GOOD, "per_given_class": {"a": RATE, "b": RATE, "c": {**RATE, "low": None}}},
        {**GOOD, "matrix": [{"given": "a", **RATE}]},
        {**GOOD, "matrix": {"a": RATE}},
        {**GOOD, "confusion": {**GOOD["confusion"], "classes": ["a", "b"]}},
        {**GOOD, "confusion": {**GOOD["confusion"], "audited_true_by_given": [[1, 2, 3], [1, 2, 3]]}},
        {**GOOD, "confusion": {**GOOD["confusion"], "audited_true_by_given": [[1, 2]] * 3}},
        {**GOOD, "confusion": {**GOOD["confusion"], "audited_true_by_given": [[1, 2, -3]] * 3}},
        {**GOOD, "confusion": {**GOOD["confusion"], "audited_true_by_given": 3}},
        {**GOOD, "confusion": {**GOOD["confusion"], "audited_no_class_by_given": [1, 2]}},
        {**GOOD, "confusion": {**GOOD["confusion"], "audited_no_class_by_given": [1, 2, -1]}},
        {**GOOD, "overall": {**RATE, "audited": RATE["audited"] + 1}},
        {**GOOD, "overall": {**RATE, "errors": RATE["errors"] - 1}},
        {**GOOD, "per_given_class": {"a": RATE, "b": RATE, "c": RATE}},
        {**GOOD, "confusion": {**GOOD["confusion"], "audited_no_class_by_given": [1, 0, 0]}},
    ],
)
def test_damaged_noise_is_refused(content: object) -> None:
    assert Noise.from_json(GOOD).overall.sample_size == 800
    with pytest.raises(ValueError, match=r"."):
        Noise.from_json(content)


def test_a_row_of_no_class_is_an_error_with_a_place_of_its_own() -> None:
    labels = np.array([0, 0, 0, 1, 1])
    verified = np.array([0, NO_CLASS, NO_CLASS, 0, UNVERIFIED])
    noise = measure(rows_of(labels, verified), ("a", "b"), "audited")
    assert (noise.overall.events, noise.overall.sample_size) == (3, 4)
    assert (noise.per_class["a"].events, noise.per_class["b"].events) == (2, 1)
    assert noise.confusion == ((1, 1), (0, 0))
    assert noise.no_class == (2, 0)
    assert list(noise.pairs) == [("a", None), ("a", "a"), ("b", "a")]
    assert (noise.pairs["a", None].events, noise.pairs["a", None].sample_size) == (2, 3)
    content = json.loads(json.dumps(noise.to_json()))
    assert content["confusion"]["audited_no_class_by_given"] == [2, 0]
    assert content["matrix"][0]["true"] is None
    assert Noise.from_json(content) == noise


def test_files_of_earlier_versions_knew_no_rows_of_no_class() -> None:
    older = {name: part for name, part in GOOD["confusion"].items() if name != "audited_no_class_by_given"}
    assert Noise.from_json({**GOOD, "confusion": older}) == Noise.from_json(GOOD)


def test_a_matrix_of_an_earlier_version_called_right_labels_errors() -> None:
    old = [
        {**{name: part for name, part in cell.items() if name != "count"}, "errors": cell["count"]}
        for cell in GOOD["matrix"]
    ]
    assert old != GOOD["matrix"]
    assert Noise.from_json({**GOOD, "matrix": old}) == Noise.from_json(GOOD)


@pytest.mark.parametrize(("low", "value", "high"), [(0, 0, 0.01), (0.001, 0.002, 0.003), (0.6, 0.7, 0.8)])
def test_an_interval_far_from_what_was_counted_does_not_belong_to_it(low: float, value: float, high: float) -> None:
    """As somebody may write into the file so that a gate passes."""
    edited = {**GOOD, "overall": {**RATE, "low": low, "rate": value, "high": high}}
    assert Noise.from_json(GOOD).fits_counts()
    assert not Noise.from_json(edited).fits_counts()


def test_what_is_measured_fits_what_was_counted() -> None:
    population = Population(2000)
    assert all(noise.fits_counts() for noise in population.audits(40))


class Population:
    """Rows of three classes of which a fifth is wrong, mostly of no class; the scores know how likely that is."""

    def __init__(self, size: int = 8000) -> None:
        rng = np.random.default_rng(0)
        self.expected, wrong = scores(size, rng, steep=3.0, middle=-3.0)
        self.given = rng.integers(0, 3, size)
        self.true = np.where(wrong, np.where(rng.random(size) < 0.7, NO_CLASS, (self.given + 1) % 3), self.given)

    def audits(self, draws: int, *, blank: bool = False) -> Iterator[Noise]:
        """Verify 400 rows at random, again and again; rows of no class may be left blank."""
        for seed in range(draws):
            some = np.random.default_rng(seed).choice(len(self.given), 400, replace=False)
            trusted = np.full(len(self.given), UNVERIFIED)
            trusted[some] = self.true[some]
            trusted[blank & (trusted == NO_CLASS)] = UNVERIFIED
            yield measure(rows_of(self.given, trusted, self.expected), ("a", "b", "c"), "audited")

    def held(self, noise: Noise) -> list[bool]:
        """Whether intervals hold the truth: of all rows first, then of each class."""
        wrong = self.given != self.true
        parts = [wrong, *(wrong[self.given == label] for label in range(3))]
        rates = [noise.overall, *noise.per_class.values()]
        return [bool(rate.low <= part.mean() <= rate.high) for rate, part in zip(rates, parts, strict=True)]


def test_rates_with_rows_of_no_class_hold_the_truth_and_without_them_they_do_not() -> None:
    population = Population()
    held = np.array([population.held(noise) for noise in population.audits(60)])
    assert held[:, 0].mean() >= 0.87
    assert held[:, 1:].mean() >= 0.9
    assert np.mean([population.held(noise)[0] for noise in population.audits(20, blank=True)]) < 0.1


@pytest.mark.slow
def test_rates_with_rows_of_no_class_hold_the_truth_in_as_many_draws_as_they_say() -> None:
    population = Population()
    held = np.array([population.held(noise) for noise in population.audits(600)])
    assert 0.93 <= held[:, 0].mean() <= 0.97
    assert 0.93 <= held[:, 1:].mean() <= 0.97
