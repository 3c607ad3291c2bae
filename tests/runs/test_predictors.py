"""Rows predicted by all networks together, or each by one of them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from support.datasets import Command, embeddings, write_trusted

from noisecleaner.quality.signals import Predictions
from noisecleaner.runs.auditor import Auditor
from noisecleaner.runs.predictors import Predict, Predictors, open_predictors
from noisecleaner.runs.run import Run


def constant(margin: float) -> Predict:
    """What gives every row the same margin."""

    def predict(inputs: np.ndarray, given: np.ndarray) -> Predictions:
        logits = np.zeros((len(inputs), 3), np.float32)
        logits[np.arange(len(inputs)), given] = margin
        return Predictions.from_logits(logits, given=given)

    return predict


def test_each_row_is_predicted_by_its_network_and_others_by_all() -> None:
    predictors = Predictors(constant(9), constant, threads=1)
    network, given = np.array([2, -1, 0, 2, -1]), np.array([0, 1, 2, 0, 1])
    found = predictors.predict(np.zeros((5, 4), np.float32), given, network)
    np.testing.assert_array_equal(found.margin, [2, 9, 0, 2, 9])
    np.testing.assert_array_equal(found.given, given)
    together = predictors.predict(np.zeros((5, 4), np.float32), given, np.full(5, -1))
    np.testing.assert_array_equal(together.margin, np.full(5, 9))


@pytest.mark.parametrize("options", [(), ("--hidden", "8")])
def test_one_network_alone_says_what_the_fit_kept_of_rows_that_it_had_not_seen(
    command: Command, tmp_path: Path, options: tuple[str, ...]
) -> None:
    truth = embeddings(tmp_path / "data.parquet", 200)
    write_trusted(tmp_path / "t.parquet", truth, every=4)
    words = ["--embedding-column", "embedding", "--folds", "3", "--epochs", "2", "--out", tmp_path / "run", *options]
    assert command("fit", tmp_path / "data.parquet", "--trusted", tmp_path / "t.parquet", *words).code == 0
    auditor = Auditor(Run(tmp_path / "run"))
    reference = auditor.reference
    assert reference is not None
    vectors = np.stack(pq.read_table(tmp_path / "data.parquet")["embedding"].to_pylist()).astype(np.float32)
    predictors = open_predictors(Run(tmp_path / "run"), auditor.shape, 3, "cpu")
    alone = predictors.predict(vectors, reference.rows.given, reference.network)
    error = np.abs(alone.margin - reference.rows.margin).mean()
    together = predictors.predict(vectors, reference.rows.given, np.full(200, -1))
    assert error < 1e-5 < np.abs(together.margin - reference.rows.margin).mean() / 20
