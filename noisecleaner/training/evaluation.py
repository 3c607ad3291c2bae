"""What a network says of rows: logits, labels, and how many of them are right."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch
from torch import Tensor

from noisecleaner.arrays import IntArray
from noisecleaner.inputs.batches import Data
from noisecleaner.networks.network import Network

_BATCH = 512


@torch.no_grad()
def predict(
    network: Network, data: Data, rows: IntArray, batch_size: int = _BATCH
) -> Iterator[tuple[IntArray, Tensor]]:
    """Yield (rows, logits [n, classes]) batch by batch, in evaluation mode, on the CPU."""
    network.eval()
    for first in range(0, len(rows), batch_size):
        batch = rows[first : first + batch_size]
        yield batch, network(data.inputs(batch)).float().cpu()


def predicted_labels(network: Network, data: Data, rows: IntArray, batch_size: int = _BATCH) -> IntArray:
    """The network's class index of each row, shape [rows]."""
    batches = [logits.argmax(dim=1).numpy() for _, logits in predict(network, data, rows, batch_size)]
    return np.concatenate([rows[:0], *batches])


def accuracy(network: Network, data: Data, *, rows: IntArray, labels: IntArray, batch_size: int = _BATCH) -> float:
    """Share of rows that a network labels as `labels` does, each of shape [n]."""
    return float((predicted_labels(network, data, rows, batch_size) == labels).mean())
