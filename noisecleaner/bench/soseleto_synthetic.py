"""SOSELETO, section 4.1: the target is split by a line 30 degrees clockwise of the y-axis, the source by the y-axis."""

from __future__ import annotations

import math

import numpy as np
from torch import nn

from noisecleaner.bench import Experiment, Metrics, Row, Work
from noisecleaner.bench._datasets import scaled
from noisecleaner.bench._learning import learn
from noisecleaner.inputs.batches import Data
from noisecleaner.networks.network import Network
from noisecleaner.training.evaluation import accuracy
from noisecleaner.training.folds import Fold
from noisecleaner.training.recipe import Recipe
from noisecleaner.training.schedule import Schedule
from noisecleaner.training.streams import first_parameters
from noisecleaner.weightings.soseleto import Soseleto


class SoseletoSynthetic(Experiment):
    """100 noisy and 50 clean points in the square [-1, 1]²; `scale` is the share of these points and of 200 epochs.

    The paper says that training converges to 100 % on the target, and that points between the two lines (the
    mislabelled region) end with small weights. It names neither network nor rates: here it is one hidden layer of 24
    units, steps of 0.2 and weights that move by 0.7 a visit.
    """

    rows = (Row("soseleto", paper={"target_accuracy": 1.0}),)

    def run(self, row: Row, work: Work) -> Metrics:
        """Return target accuracy, and the mean alpha inside and outside the mislabelled region."""
        source, target = scaled(100, work.scale, least=20), scaled(50, work.scale, least=10)
        data = _points(work, source=source, target=target)
        fold = Fold(source=np.arange(source), steering=source + np.arange(target))
        with first_parameters(work.seed):
            network = Network(trunk=nn.Sequential(nn.Linear(2, 24), nn.Tanh()), head=nn.Linear(24, 2))
        epochs = scaled(200, work.scale)
        schedule = Schedule(
            epochs=epochs, batch_size=10, trusted_batch=target, learning_rate=0.2, weight_decay=0.0, seed=work.seed
        )
        recipe = Recipe(row.method, options={"rate": 0.7})
        weighting = learn(work, network, recipe, data=data, fold=fold, schedule=schedule).weighting
        assert isinstance(weighting, Soseleto)  # noqa: S101  # narrows the type
        assert weighting.target_head is not None  # noqa: S101  # the network has features
        alpha = weighting.alpha()[:source].cpu().numpy()
        wrong = data.given[:source] != data.trusted[:source]
        on_target = Network(trunk=network.trunk, head=weighting.target_head)
        return {
            "target_accuracy": accuracy(on_target, data, rows=fold.steering, labels=data.trusted[fold.steering]),
            "alpha_mislabelled": float(alpha[wrong].mean()) if wrong.any() else 0.0,
            "alpha_elsewhere": float(alpha[~wrong].mean()),
        }


def _points(work: Work, *, source: int, target: int) -> Data:
    """Draw points with their right labels as trusted ones; source points, which come first, have noisy ones, too."""
    points = np.random.default_rng(work.seed).uniform(-1, 1, (source + target, 2)).astype(np.float32)
    tilt = math.radians(30)
    true = (points[:, 0] * math.cos(tilt) > points[:, 1] * math.sin(tilt)).astype(np.int64)
    given = np.where(np.arange(len(true)) < source, points[:, 0] > 0, -1).astype(np.int64)
    return Data(array=points, given=given, trusted=true, device=work.device)
