"""Where the gradient of a step's Lautum information points, beside that of all unlabelled rows."""

from __future__ import annotations

from collections.abc import Iterator
from copy import deepcopy

import numpy as np
import torch
from torch import Tensor

from noisecleaner.bench import Experiment, Metrics, Row, Work
from noisecleaner.bench._datasets import drawn, scaled
from noisecleaner.bench._learning import learn, new_network
from noisecleaner.bench._transfer import joined, of_classes
from noisecleaner.inputs.batches import Data
from noisecleaner.networks.network import Network
from noisecleaner.regularisers import Side
from noisecleaner.regularisers.lautum import Lautum
from noisecleaner.training.recipe import Recipe
from noisecleaner.training.schedule import Schedule

_SIZE, _BATCH, _STEPS, _PART = 28, 64, 8, 500
_SOURCE, _TARGET = "mnist/train-*.parquet", "notmnist/*.parquet"


class LautumGradient(Experiment):
    """Cosine between the gradients of the network's parameters, of one step and of all letters, in float64.

    The mean over 8 steps, of LeNet before training and after an epoch of digits with the regulariser. The directions
    are those that all letters have. `scale` is the share of 60,000 digits and 8,000 letters.
    """

    rows = tuple(
        Row("lautum", {"times": times, "dimensions": dimensions})
        for times, dimensions in ((1, 16), (2, 16), (4, 16), (2, 32))
    )
    files = (_SOURCE, _TARGET)
    backbone = "lenet"
    scale = 1 / 4

    def run(self, row: Row, work: Work) -> Metrics:
        """Compare before and after training."""
        options = {name: int(value) for name, value in row.setting.items()}
        rng = np.random.default_rng((work.seed, 3))
        digits = of_classes(work.datasets.read(_SOURCE, _SIZE), range(10))
        letters = of_classes(work.datasets.read(_TARGET, _SIZE), range(10))
        source = digits.at(drawn(np.arange(len(digits)), scaled(60_000, work.scale, least=100), rng))
        target = letters.at(drawn(np.arange(len(letters)), scaled(8_000, work.scale, least=100), rng))
        rows = joined(work, source=source, target=target.at(np.arange(10)), unlabelled=target.pixels)
        network = new_network(self.backbone, size=_SIZE, classes=10, seed=work.seed)
        start = _cosine(network, rows.data, rows.side, options)
        schedule = Schedule(
            epochs=1, batch_size=_BATCH, trusted_batch=2, learning_rate=0.01, weight_decay=0.0, seed=work.seed
        )
        recipe = Recipe("uniform", regularisers={"lautum": options})
        learn(work, network, recipe, data=rows.data, fold=rows.fold, schedule=schedule, side=rows.side)
        return {"cosine_before": start, "cosine_after": _cosine(network, rows.data, rows.side, options)}


def _cosine(trained: Network, data: Data, side: Side, options: dict[str, int]) -> float:
    """The mean over some steps."""
    network = deepcopy(trained).double()
    regulariser = Lautum(side, network, **options).double()
    whole = _gradient(network, regulariser, data.source(side.unlabelled).inputs.double())
    drawn_rows = [regulariser.draw(np.random.default_rng(step), _BATCH)[0] for step in range(_STEPS)]
    parts = [_gradient(network, regulariser, data.source(rows).inputs.double()) for rows in drawn_rows]
    cosines = [float(torch.cosine_similarity(part, whole, dim=0)) for part in parts]
    return min(1.0, float(np.mean(cosines)))  # rounding may bring it above


def _gradient(network: Network, regulariser: Lautum, inputs: Tensor) -> Tensor:
    """Gradient of the information of inputs [n, 3, size, size] by all parameters, flat; in parts, to save memory."""
    with torch.no_grad():
        outputs = torch.cat([network(part) for part in torch.split(inputs, _PART)])
    outputs.requires_grad_()
    (cotangents,) = torch.autograd.grad(regulariser.information(inputs, outputs), outputs)
    return torch.stack(list(_pulled_back(network, inputs, cotangents))).sum(dim=0)


def _pulled_back(network: Network, inputs: Tensor, cotangents: Tensor) -> Iterator[Tensor]:
    """What each part of the inputs [n, 3, size, size] adds, by the derivatives [n, classes] of their outputs."""
    parameters = list(network.parameters())
    for part, cotangent in zip(torch.split(inputs, _PART), torch.split(cotangents, _PART), strict=True):
        yield torch.cat([g.flatten() for g in torch.autograd.grad(network(part), parameters, cotangent)])
