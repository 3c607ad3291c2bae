"""Do the classes' vectors bear the right names? The rows' labels tell."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from noisecleaner.arrays import Array, IntArray, RealArray
from noisecleaner.errors import quoted
from noisecleaner.ingest import Manifest
from noisecleaner.notices import Notice
from noisecleaner.quality.column_order import ColumnOrder, other_order
from noisecleaner.runs.zero_shot import unit

#: Rows that are looked at besides the verified ones: enough for hundreds of classes.
_ROWS = 20_000
#: Share of the rows nearest to vectors with other names that must carry these: of verified labels, and of given ones,
#: of which 40 % may be wrong. Vectors that tell little may fit other classes better by chance, but never well.
_LEAST_VERIFIED, _LEAST_GIVEN = 0.5, 0.4
#: Vectors that are named.
_SHOWN = 6


def swapped_names(class_vectors: RealArray | None, embeddings: Array, dataset: Manifest) -> Notice | None:
    """Say so where the labels fit another assignment of the vectors to the classes far better.

    Args:
        class_vectors: in the order of the classes, shape [classes, width]; None says nothing.
        embeddings: of the dataset's rows, perhaps of more behind them, shape [rows of the array, width].
        dataset: the rows, with their given and verified labels.
    """
    if class_vectors is None:
        return None
    labelled = np.flatnonzero(dataset.given >= 0)
    drawn = np.random.default_rng(0).permutation(labelled)[:_ROWS]
    rows = np.union1d(drawn, labelled[dataset.trusted[labelled] >= 0])
    nearest, verified = _nearest(class_vectors, np.asarray(embeddings[rows])), dataset.trusted[rows]
    # verified labels are right, and a few of them tell what many given ones cannot
    for labels, least in ((verified, _LEAST_VERIFIED), (dataset.given[rows], _LEAST_GIVEN)):
        found = other_order(nearest, given=labels, verified=verified, classes=len(dataset.classes))
        if found is None:
            continue
        moved = (found.classes[nearest] != nearest) & (labels >= 0)
        if found.agreeing >= least * int(moved.sum()):
            return _notice(found, dataset.classes)
    return None


def _nearest(class_vectors: RealArray, embeddings: RealArray) -> IntArray:
    """The class that each row lies nearest to, beside how near others lie to it, shape [n]."""
    if not len(embeddings):
        return np.empty(0, dtype=np.int64)
    cosines = unit(embeddings) @ unit(class_vectors).T
    # texts and images lie in parts of their own of one space, and some classes near to all of them
    return np.asarray((cosines - cosines.mean(axis=0)).argmax(axis=1)).astype(np.int64)


def _notice(found: ColumnOrder, classes: Sequence[str]) -> Notice:
    moved = [
        f"the vector of {quoted(classes[place])} is most likely that of {quoted(classes[index])}"
        for place, index in enumerate(found.classes.tolist())
        if place != index
    ]
    more = f", and {len(moved) - _SHOWN:,} more" if len(moved) > _SHOWN else ""
    message = (
        f"Class embeddings must bear the names of their classes, but the labels fit other names far better: "
        f"{'; '.join(moved[:_SHOWN])}{more}. Of the rows nearest to these vectors {found.agreeing:,} carry that label "
        f"so, and {found.before:,} as they are named. Look at the names in `class_embeddings`, or at their order."
    )
    return Notice(code="class-embeddings-of-other-classes", message=message)
