"""Whether a fit takes a second round, and that round across all folds: its heads take the place of the first one's."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np

from noisecleaner.arrays import UNVERIFIED, IntArray
from noisecleaner.errors import NoisecleanerError
from noisecleaner.networks.heads import Standardise, set_classifier
from noisecleaner.networks.network import Network
from noisecleaner.progress import Progress
from noisecleaner.quality.signals import Predictions
from noisecleaner.runs.readout import FoldReadout
from noisecleaner.training.crossfit import CrossFit
from noisecleaner.training.discriminant import LinearHead
from noisecleaner.training.parted import Rows
from noisecleaner.training.readout import read_again
from noisecleaner.training.second_round import LEAST_KNOWN, MOST_WIDTH, PartOutcome, second_round
from noisecleaner.training.threads import few_threads
from noisecleaner.training.views import parts, read_views

#: Numbers in the soft labels of all rows, which are in memory twice: a gigabyte each.
_MOST_LABELS = 2**28


def choose_rounds(crossfit: CrossFit, asked: int | None, progress: Progress) -> int:
    """Say how many rounds a fit takes: two wherever the second one can be had.

    Args:
        crossfit: what the first round is made of.
        asked: 1, 2, or None to have it chosen.
        progress: is told why a head on vectors, or a network trained end to end, gets no second one.

    Raises:
        NoisecleanerError: two were asked for, and something stands against it.
    """
    reason = next(_against(crossfit), None)
    if asked is None and reason and crossfit.shape.kind in ("pixels", "vectors"):
        progress.note(f"There is one round: a second one {reason}.")
    if asked == 1 or (asked is None and reason):
        return 1
    if reason:
        raise NoisecleanerError(f"`Effort.rounds` of 2 {reason}.", "Leave `Effort.rounds` out to have it chosen.")
    return 2


def second_readouts(crossfit: CrossFit, readouts: Sequence[FoldReadout], progress: Progress) -> list[FoldReadout]:
    """Predict every row once more, and write the heads that do over those of the first round.

    What stands in the way of a resumed run is not touched: it takes the same second round again.

    Args:
        crossfit: of which all folds are trained.
        readouts: what each of them found out.
        progress: is told that the round begins.
    """
    if crossfit.shape.kind == "pixels":
        return [read_views(crossfit, readouts[0], progress)]
    folds, rows = crossfit.assignment.folds, crossfit.assignment.rows
    again = []
    with progress.stage("Second round", len(folds), "folds") as stage:
        outcomes = second_round(_rows(crossfit))
        for number, (fold, readout, outcome) in enumerate(zip(folds, readouts, outcomes, strict=True)):
            network = _network(crossfit, outcome.head)
            with few_threads(network):
                read = read_again(readout, network, crossfit.data, fold, rows=rows)
            crossfit.keep(number, network)
            voted = _voted(outcome, read.predicted, given=crossfit.data.given)
            again.append(replace(read, first=readout.predictions, voted=voted))
            stage.advance(1)
    return again


def _voted(outcome: PartOutcome, predicted: IntArray, *, given: IntArray) -> Predictions:
    """What a part's head and neighbours say together of its rows in the dataset, shape [n]."""
    of_these = outcome.log_probabilities[np.searchsorted(outcome.rows, predicted)]
    return Predictions.from_logits(of_these, given=given[predicted])


def _against(crossfit: CrossFit) -> Iterator[str]:
    """Say what stands against a second round."""
    shape, folds, data = crossfit.shape, crossfit.assignment.folds, crossfit.data
    whole = shape.kind == "pixels" and crossfit.recipe.target_classes is None
    if not whole and (shape.kind != "vectors" or shape.hidden):
        yield "is for a linear head on vectors or frozen features, or a backbone trained end to end without transfer"
    if whole and len(folds) > 1:
        yield f"looks at what one network shows of all rows, but there are {len(folds)} folds, each with its own"
    if not whole and len(folds) < 3:
        yield f"needs at least 3 folds, but there are {len(folds)}"
    if crossfit.recipe.regularisers:
        yield "minds no regulariser, but one was chosen"
    if shape.width > MOST_WIDTH:
        yield f"takes vectors of at most {MOST_WIDTH:,} numbers, but these have {shape.width:,}"
    if len(data.given) * shape.classes > _MOST_LABELS:
        yield f"holds a number for each row and class in memory, which are {len(data.given):,} and {shape.classes:,}"
    fewest = _fewest_known(crossfit, whole=whole)
    if fewest < LEAST_KNOWN:
        each = "part" if whole else "fold"
        yield f"needs {LEAST_KNOWN} verified rows besides those of each {each}, but there are {fewest}"


def _fewest_known(crossfit: CrossFit, *, whole: bool) -> int:
    """Count the verified rows besides those that a head predicts, where they are fewest."""
    data, assignment = crossfit.data, crossfit.assignment
    known = (data.trusted >= 0) & (data.given >= 0)
    if whole:
        part = parts(assignment, given=data.given, verified=data.trusted != UNVERIFIED, seed=crossfit.schedule.seed)
        inside = [part == number for number in range(int(part.max(initial=0)) + 1)]
    else:
        inside = [np.isin(np.arange(len(known)), fold.predicted) for fold in assignment.folds]
    return min((int((known & ~rows).sum()) for rows in inside), default=0)


def _rows(crossfit: CrossFit) -> Rows:
    """What the round looks at: each fold's predicted rows are a part."""
    folds, data = crossfit.assignment.folds, crossfit.data
    part, used = np.full(len(data.given), -1), np.zeros(len(data.given), dtype=bool)
    for number, fold in enumerate(folds):
        part[fold.predicted] = number
        used[fold.source] = used[fold.steering] = used[fold.predicted] = True
    scaling = next(module for module in crossfit.network().modules() if isinstance(module, Standardise))
    return Rows(
        vectors=data.array,
        mean=scaling.mean.numpy(),
        scale=scaling.scale.numpy(),
        rooted=crossfit.shape.rooted,
        given=data.given,
        known=data.trusted,
        part=part,
        used=used,
        classes=crossfit.shape.classes,
    )


def _network(crossfit: CrossFit, head: LinearHead) -> Network:
    """The network of a fold with another head."""
    network = crossfit.network()
    set_classifier(network, weight=head.weight, bias=head.bias)
    return network.to(crossfit.data.device)
