"""Whether verified labels only repeat the given ones: where networks are surest, wrong labels show themselves."""

from __future__ import annotations

import math

import numpy as np

from noisecleaner.arrays import IntArray
from noisecleaner.noise.cross_table import CrossTable
from noisecleaner.noise.three_labels import ThreeLabels
from noisecleaner.notices import Notice, Severity
from noisecleaner.texts import agreeing

#: The code of the notice.
CODE = "verified-labels-copied"
#: The part of the rows that networks are surest of, and the least number of them.
_SUREST, _LEAST_SURE = 0.05, 60
#: Where that makes fewer rows than these, networks that know this much (Cohen's kappa) are as sure of twice as many.
_ENOUGH, _KNOWING = 150, 0.42
#: Verified rows of which one should be wrong.
_LEAST_VERIFIED = 20
#: Where networks know less of the given labels than this (Cohen's kappa), they are sure of nothing.
_LEAST_KAPPA = 0.35
#: Of right labels networks contradict at most this share among those that they are surest of, and more by
#: the fourth power of what they do not know (1 - kappa): measured on clusters and on CIFAR-10.
_CONTRADICTED = 0.03
#: How rarely so many may be contradicted by chance, and so few wrong labels verified.
_CHANCE, _ALSO = 1e-3, 1e-2


def copied_labels(rows: ThreeLabels) -> Notice | None:
    """Say so where far fewer verified labels are wrong than of the rows that networks are surest of.

    Networks that have learned from labels of which some are wrong are never quite sure, and where they are surest as
    many labels contradict them as anywhere. Where all labels are right hardly any does there, however much they err
    elsewhere.

    Args:
        rows: of the dataset.
    """
    known, verified = np.flatnonzero(rows.known), int(rows.verified.sum())
    if len(known) < _LEAST_SURE or verified < _LEAST_VERIFIED:
        return None
    kappa = CrossTable.of(rows.likeliest[known], rows.given[known]).kappa
    surest = known[np.argsort(-rows.certainty[known], kind="stable")][: _surest_of(len(known), kappa)]
    contradicted, found = int((rows.likeliest[surest] != rows.given[surest]).sum()), int(rows.wrong.sum())
    if kappa < _LEAST_KAPPA or not _too_many(contradicted, len(surest), _erring(kappa)):
        return None
    # so many are no errors of networks, which know more than labels of which some are wrong let it seem
    erring = _erring(kappa if found else _knowing(kappa, rows.given[known], wrong=contradicted / len(surest)))
    wrong = max(contradicted - math.ceil(erring * len(surest)), 0)
    if not _too_few(found, verified, wrong=wrong, of=len(surest)):
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


def _surest_of(rows: int, kappa: float) -> int:
    """How many of so many rows networks are surest of."""
    part = int(_SUREST * rows)
    return max(part, min(2 * part, _ENOUGH) if kappa >= _KNOWING else part, _LEAST_SURE)


def _erring(kappa: float) -> float:
    """The share of right labels that networks contradict at most among the rows that they are surest of."""
    return _CONTRADICTED + (1 - kappa) ** 4


def _knowing(kappa: float, given: IntArray, *, wrong: float) -> float:
    """Guess how far networks agree with the right labels, as kappa, if this share of the given ones is wrong."""
    classes = len(np.unique(given))
    agreement = 1 - wrong * classes / (classes - 1)
    return min(kappa / agreement, 1.0) if agreement > kappa else 1.0


def _too_many(contradicted: int, rows: int, share: float) -> bool:
    """Whether so many labels are contradicted by no chance, if networks err about this share."""
    from scipy import stats

    return bool(stats.binom.sf(contradicted - 1, rows, share) < _CHANCE)


def _too_few(found: int, verified: int, *, wrong: int, of: int) -> bool:
    """Whether fewer verified labels are wrong, by no chance, than of other rows that are a sample likewise.

    So few must be improbable at the share found there, and also where that share is uncertain itself (Fisher's test).
    Both together happen to one honest sample in thousands.
    """
    from scipy import stats

    table = [[wrong, of - wrong], [found, verified - found]]
    improbable = stats.binom.cdf(found, verified, wrong / of) < _CHANCE
    return bool(improbable and stats.fisher_exact(table, "greater").pvalue < _ALSO)
