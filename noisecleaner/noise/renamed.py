"""Whether verified labels call a class by the name of another one: networks see more of it than was verified."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from noisecleaner.arrays import BoolArray
from noisecleaner.noise.cross_table import CrossTable
from noisecleaner.noise.exchanged import Renaming, find_renaming
from noisecleaner.noise.three_labels import ThreeLabels
from noisecleaner.notices import Notice, Severity

#: The code of the notice.
CODE = "verified-class-renamed"
#: How rarely networks see so much more of a class by chance: where no row was verified as it, and where some were.
_NONE, _SOME = 0.01, 1e-3


def renamed_class(rows: ThreeLabels, classes: Sequence[str]) -> Notice | None:
    """Say so where rows of a class are verified as another one, and networks tell them from rows given that.

    A class of which most given labels are wrong is another thing: networks cannot tell its rows from those that were
    given the right label. Where wrong labels were verified they have steered these networks, so that they need not see
    the class in most of its rows: in more than were verified as it.

    Args:
        rows: of the dataset.
        classes: the class names.
    """
    seen = rows.known & rows.verified & (rows.trusted >= 0)
    renaming = find_renaming(CrossTable.of(rows.trusted[seen], rows.given[seen]))
    if renaming is None:
        return None
    beside = seen & (rows.given == renaming.given)
    right, verified = int((beside & (rows.trusted == renaming.given)).sum()), int(beside.sum())
    told, given = _told_apart(rows, renaming)
    if not _more(told, given, right, verified):
        return None
    names = f"{classes[renaming.given]} is verified as {classes[renaming.label]}"
    return Notice(
        code=CODE,
        severity=Severity.VOID,
        message=f"It seems that {names}: {right:,} of {verified:,} verified rows given {classes[renaming.given]} are "
        f"verified so, but networks see that class in at least {told:,} of all {given:,} such rows, and tell them from "
        f"those given {classes[renaming.label]}. Look at some of these rows, and correct the names where they are "
        "wrong.",
    )


def _told_apart(rows: ThreeLabels, renaming: Renaming) -> tuple[int, int]:
    """Count rows given the class in which networks see it, less those that they take for it anyway, and all of them."""
    from scipy.stats import beta

    like: BoolArray = rows.likeliest == renaming.given
    own, other = (like[rows.known & (rows.given == name)] for name in (renaming.given, renaming.label))
    anyway = float(beta.ppf(0.975, other.sum() + 1, max(len(other) - other.sum(), 1)))
    return max(0, int(np.floor(own.sum() - anyway * len(own)))), len(own)


def _more(seen: int, of: int, right: int, verified: int) -> bool:
    """Whether networks see the class in a larger share of its rows than were verified as it, by no chance."""
    from scipy.stats import fisher_exact

    counts = [[seen, of - seen], [right, verified - right]]
    return bool(fisher_exact(counts, alternative="greater").pvalue < (_SOME if right else _NONE))
