"""The second round of a network trained end to end: on what it shows of every row, and on what no label has touched.

The network has seen every given label, so its features hold some of these by heart. Beside them stand features of the
pixels alone; the verified labels tell how much either counts (`second_round`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import torch
from scipy.special import log_softmax

from noisecleaner.arrays import UNVERIFIED, BoolArray, IntArray, RealArray
from noisecleaner.files import write_arrays
from noisecleaner.inputs.filling import create
from noisecleaner.inputs.prepare import statistics
from noisecleaner.networks.heads import set_classifier
from noisecleaner.networks.patches import shrunk
from noisecleaner.networks.views import Views, added_tensors, with_views
from noisecleaner.progress import Progress, Stage
from noisecleaner.quality.signals import Predictions
from noisecleaner.runs.readout import FoldReadout
from noisecleaner.training.crossfit import CrossFit
from noisecleaner.training.discriminant import LinearHead
from noisecleaner.training.folds import FoldAssignment, dealt
from noisecleaner.training.parted import Rows
from noisecleaner.training.second_round import PartOutcome, second_round
from noisecleaner.training.streams import Stream, generator

#: Parts that rows are dealt into, each of which is predicted by a head that has not seen its labels.
PARTS = 5
#: Images that patches are drawn from, and those that are looked at together.
_DRAWN, _BATCH = 2_000, 256


def read_views(crossfit: CrossFit, readout: FoldReadout, progress: Progress) -> FoldReadout:
    """Predict every row once more, and write the mean of the heads that do, which judges new rows.

    The network stays as it is, so that a resumed run takes the same second round again.

    Args:
        crossfit: a single training run on pixels, done.
        readout: what it found out.
        progress: is told about the rows that are looked at.
    """
    fold, data = crossfit.assignment.folds[0], crossfit.data
    used = np.unique(np.concatenate([fold.source, fold.steering, fold.predicted]))
    network = with_views(crossfit.trained(0)).to(data.device).eval()
    views = network.trunk
    assert isinstance(views, Views)  # noqa: S101  # `with_views` has made it
    with progress.stage("Second round", len(used), "rows") as stage:
        vectors = _features(crossfit, views, used, stage)
    rows = _rows(crossfit, views, vectors, used)
    outcomes = list(second_round(rows))
    head = LinearHead.mean([outcome.head for outcome in outcomes])
    set_classifier(network, weight=head.weight, bias=head.bias)
    added = {name: tensor.cpu().numpy() for name, tensor in added_tensors(network).items()}
    write_arrays(crossfit.run.views, added, {})
    return _read(rows, outcomes, readout, beside=crossfit.assignment.rows)


def parts(assignment: FoldAssignment, *, given: IntArray, verified: BoolArray, seed: int) -> IntArray:
    """Deal the rows of a single training run into parts, as many verified ones into each as can be.

    What somebody verified has no say in it, only whether.

    Args:
        assignment: of the single run.
        given: class index of the given label, -1 where there is none, shape [rows].
        verified: whether somebody verified its label, likewise.
        seed: of the order.

    Returns:
        The part, 0 to `PARTS` - 1; -1 for rows that are not predicted. Shape [rows].
    """
    predicted, fold = assignment.folds[0].predicted, assignment.folds[0]
    state = verified.astype(np.int64) + np.isin(np.arange(len(given)), fold.checked)
    part = np.full(len(given), -1)
    keys = (given[predicted], state[predicted])
    part[predicted] = dealt(keys, PARTS, generator(seed, Stream.VIEWS, 1))
    return part


def _features(crossfit: CrossFit, views: Views, used: IntArray, stage: Stage) -> RealArray:
    """Look at the rows that are used, with patches that are drawn from them; shape [rows, features], on disk."""
    data, rng = crossfit.data, generator(crossfit.schedule.seed, Stream.VIEWS, 0)
    drawn = np.sort(rng.permutation(used)[:_DRAWN])
    small = [shrunk(data.inputs(drawn[first : first + _BATCH])).cpu() for first in range(0, len(drawn), _BATCH)]
    views.patches.fit(torch.cat(small), rng)
    vectors = create(crossfit.run.cache / "views.npy", (len(data.given), sum(views.widths)), np.float32)
    with torch.no_grad():
        for first in range(0, len(used), _BATCH):
            some = used[first : first + _BATCH]
            vectors[some] = views.features(data.inputs(some)).float().cpu().numpy()
            stage.advance(len(some))
    mean, deviation = statistics(vectors, used)
    views.standardise.fit(mean=mean, deviation=deviation)
    return vectors


def _rows(crossfit: CrossFit, views: Views, vectors: RealArray, used: IntArray) -> Rows:
    data, scaling = crossfit.data, views.standardise
    seed, training = crossfit.schedule.seed, np.isin(np.arange(len(data.given)), used)
    return Rows(
        vectors=vectors,
        mean=scaling.mean.cpu().numpy(),
        scale=scaling.scale.cpu().numpy(),
        given=data.given,
        known=data.trusted,
        part=parts(crossfit.assignment, given=data.given, verified=data.trusted != UNVERIFIED, seed=seed),
        used=training,
        classes=crossfit.shape.classes,
        views=views.widths,
    )


def _read(rows: Rows, outcomes: Sequence[PartOutcome], readout: FoldReadout, *, beside: int) -> FoldReadout:
    """Let each part's head, and its neighbours, predict its rows; from number `beside` on they are clean-only ones."""
    logits, voted = np.full((2, len(rows.given), rows.classes), np.nan, np.float32)
    for outcome in outcomes:
        voted[outcome.rows] = outcome.log_probabilities
        for some, block in rows.blocks(outcome.rows):
            logits[some] = outcome.head.logits(block)
    given, extra = rows.given[readout.predicted], logits[beside + readout.clean_only]
    return replace(
        readout,
        predictions=Predictions.from_logits(logits[readout.predicted], given=given),
        clean_only_log_probabilities=log_softmax(extra, axis=1) if len(extra) else extra,
        first=readout.predictions,
        voted=Predictions.from_logits(voted[readout.predicted], given=given),
    )
