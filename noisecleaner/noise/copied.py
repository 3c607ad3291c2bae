"""Whether verified labels only repeat the given ones: where networks are surest, wrong labels show themselves."""

from __future__ import annotations

import numpy as np

from noisecleaner.noise.cross_table import CrossTable
from noisecleaner.noise.judged import Judged
from noisecleaner.notices import Notice, Severity
from noisecleaner.texts import agreeing

#: The code of the notice.
CODE = "verified-labels-copied"
#: The part of the rows that networks are surest of, and the least number of them.
_SUREST, _LEAST_SURE = 0.05, 60
#: Verified rows of which one should be wrong.
_LEAST_VERIFIED = 50
#: Where networks know less of the given labels than this (Cohen's kappa), they are sure of nothing.
_LEAST_KAPPA = 0.35
#: Of right labels networks contradict at most this share among those that they are surest of, and more by
#: the fourth power of what they do not know (1 - kappa): measured on clusters and on CIFAR-10.
_CONTRADICTED = 0.03
#: How rarely so many may be contradicted by chance, and so few wrong labels verified.
_CHANCE = 1e-3


def copied_labels(rows: Judged) -> Notice | None:
    """Say so where far fewer verified labels are wrong than of the rows that networks are surest of.

    Networks that have learned from labels of which some are wrong are never quite sure, and where they are surest as
    many labels contradict them as anywhere. Where all labels are right hardly any does there, however much they err
    elsewhere.

    Args:
        rows: of the dataset.
    """
    known = np.flatnonzero(rows.known)
    surest = known[np.argsort(-rows.certainty[known], kind="stable")][: max(int(_SUREST * len(known)), _LEAST_SURE)]
    verified, found = int(rows.verified.sum()), int((rows.verified & rows.wrong).sum())
    if len(surest) < _LEAST_SURE or verified < _LEAST_VERIFIED:
        return None
    kappa = CrossTable.of(rows.likeliest[known], rows.given[known]).kappa
    contradicted = int((rows.likeliest[surest] != rows.given[surest]).sum())
    if kappa < _LEAST_KAPPA or not _too_many(contradicted, len(surest), _CONTRADICTED + (1 - kappa) ** 4):
        return None
    if not _too_few(found, verified, _at_least(contradicted, len(surest))):
        return None
    return Notice(
        code=CODE,
        severity=Severity.VOID,
        message=f"Only {found:,} of {verified:,} verified labels {agreeing(found, 'differs', 'differ')} from the "
        "given ones, but networks contradict "
        f"{contradicted:,} of the given labels of the {len(surest):,} rows that they are surest of, as they do where "
        "labels are wrong. Most likely the verified labels repeat the given ones: look at these images "
        "again, and write down what they show without starting from the given label.",
    )


def _too_many(contradicted: int, rows: int, share: float) -> bool:
    """Whether so many labels are contradicted by no chance, if networks err about this share."""
    from scipy import stats

    return bool(stats.binom.sf(contradicted - 1, rows, share) < _CHANCE)


def _too_few(found: int, verified: int, share: float) -> bool:
    """Whether so few wrong labels were verified by no chance, if this share of them is wrong."""
    from scipy import stats

    return bool(stats.binom.cdf(found, verified, share) < _CHANCE)


def _at_least(contradicted: int, rows: int) -> float:
    """The least share of contradicted labels, one-sided at 99 % (Clopper and Pearson)."""
    from scipy import stats

    return float(stats.beta.ppf(0.01, contradicted, rows - contradicted + 1))
