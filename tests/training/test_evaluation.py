"""A network is asked in evaluation mode, in order, whatever the size of the batches."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from support import learners

from noisecleaner.training.evaluation import accuracy, predict, predicted_labels

ROWS = np.array([5, 0, 17, 3, 9])


@pytest.mark.parametrize("batch_size", [1, 2, 5, 512])
def test_every_row_is_predicted_in_the_order_asked_for(batch_size: int) -> None:
    network, data = learners.network(dropout=0.5), learners.vectors()
    network.train()
    expected = network.eval()(data.inputs(ROWS))
    network.train()
    batches = list(predict(network, data, ROWS, batch_size))
    assert np.concatenate([rows for rows, _ in batches]).tolist() == ROWS.tolist()
    logits = torch.cat([logits for _, logits in batches])
    torch.testing.assert_close(logits, expected.detach())
    assert not logits.requires_grad
    assert predicted_labels(network, data, ROWS, batch_size).tolist() == expected.argmax(dim=1).tolist()


def test_no_row_no_label() -> None:
    assert predicted_labels(learners.network(), learners.vectors(), ROWS[:0]).shape == (0,)


def test_accuracy_is_the_share_of_equal_labels() -> None:
    network, data = learners.network(), learners.vectors()
    labels = predicted_labels(network, data, ROWS)
    labels[:2] = (labels[:2] + 1) % learners.CLASSES
    assert accuracy(network, data, rows=ROWS, labels=labels) == 3 / 5
