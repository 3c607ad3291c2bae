"""The second round: every row is predicted once more, by a discriminant on what the labels of other rows really are.

A head that is trained on noisy labels learns their noise. Here the labels are made soft first: with Bayes' rule and the
transition matrix of the verified rows, P(true | image, given) is proportional to P(true | image) P(given | true), where
the first factor comes from a discriminant that has not seen the row (`training/discriminant.py`). A last discriminant
is fitted on these, all in closed form; and what it predicts of a row is mixed with the soft labels of the row's
neighbours (`training/neighbours.py`).

Part k is predicted by a head and by neighbours that have seen neither its labels nor its verified ones: not in its own
rows, and not in the soft labels, the temperature or the transition matrix that these were made with.

Where vectors hold several views of a row side by side, each view gets discriminants of its own, whose logits are summed
up with weights in place of the one temperature (a logarithmic opinion pool; Heskes, 1998). These make verified labels
likeliest by Bayes' rule, beside the given ones: a view that knows nothing but these by heart weighs nothing. Neighbours
are those in the first view.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial

import numpy as np
from scipy.special import log_softmax

from noisecleaner.arrays import IntArray, SingleArray
from noisecleaner.training.discriminant import LinearHead, Moments
from noisecleaner.training.neighbours import Space, Voters, mixed
from noisecleaner.training.parted import Rows, in_blocks
from noisecleaner.training.softening import Ballots, Softening
from noisecleaner.training.threads import team

#: Times that labels are made soft: those of the second time come from discriminants on those of the first.
_TIMES = 2
#: What neighbours weigh beside the discriminant. Of 0.2 to 0.8 the best for AUROC and F1 together on 15,000 rows of
#: CIFAR-10N, seed 0.
_VOTES = 0.4
#: Rows without which nothing tells what is given in place of what.
LEAST_KNOWN = 20
#: Numbers of a view; their square, times some hundred bytes, is in memory at once.
MOST_WIDTH = 4_096


@dataclass(frozen=True, kw_only=True)
class PartOutcome:
    """What the second round says of a part.

    Args:
        head: predicts its rows, and new ones; logits are those of calibrated probabilities.
        rows: of the part, in ascending order, shape [n].
        log_probabilities: of these rows, by the head and their neighbours together, shape [n, classes].
    """

    head: LinearHead
    rows: IntArray
    log_probabilities: SingleArray


def second_round(rows: Rows) -> Iterator[PartOutcome]:
    """Predict one part after the other.

    Args:
        rows: with at least `LEAST_KNOWN` known labels outside of each part.
    """
    with team() as threads:
        softening = Softening(rows, threads)
        views, columns = softening.views, rows.columns[0]
        space = Space.of(Moments.all(views[0].moments, columns.stop - columns.start))
        ballots = Ballots(rows, space, columns)
        for _ in range(_TIMES - 1):
            softening.soften()
        weights = softening.soften(ballots)
        for part, own in enumerate(rows.members[:-1]):
            head = LinearHead.beside([v.head(part).scaled(w) for v, w in zip(views, weights[part], strict=True)])
            predicted = partial(_predicted, rows, head, space=space, voters=ballots.voters(part))
            nothing = np.empty((0, rows.classes), np.float32)
            blocks = [nothing, *threads.over(predicted, in_blocks(own))]
            yield PartOutcome(head=head, rows=own, log_probabilities=np.concatenate(blocks))


def _predicted(rows: Rows, head: LinearHead, some: IntArray, *, space: Space, voters: Voters) -> SingleArray:
    """What a head and voters say together of rows [n], as log probabilities, shape [n, classes]."""
    vectors = rows.standardised(some)
    votes = voters.votes(space.place(vectors[:, rows.columns[0]]))
    return mixed(log_softmax(head.logits(vectors), axis=1), votes, _VOTES)
