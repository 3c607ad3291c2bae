"""Label quality that is fitted again, on all rows that judge by then."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from noisecleaner.arrays import UNVERIFIED, IntArray, SingleArray
from noisecleaner.quality.fitting import VerifiedRows, comparable_quality, fit_quality
from noisecleaner.quality.signals import Signals
from noisecleaner.quality.transition import VerifiedLabels
from noisecleaner.runs.scored import NOT_CALIBRATED, ScoredRows
from noisecleaner.runs.trace import Trace


def fitted_again(scored: ScoredRows, trace: Trace) -> ScoredRows:
    """Fit label quality on all rows that judge; where they are still too few, what the fit made of it stands."""
    signals = Signals.from_table(trace.table, given=scored.given)
    model, _, judgements = fit_quality(signals, _verified(scored, signals))
    if model.method != "audited":
        return scored
    return replace(
        scored,
        notices=tuple(notice for notice in scored.notices if notice.code != NOT_CALIBRATED),
        label_quality=judgements.quality,
        suggested=judgements.suggested,
        suggested_confidence=judgements.confidence,
        model=model.method,
    )


def comparable(scored: ScoredRows, trace: Trace, wanted: IntArray) -> SingleArray:
    """Compute label quality of all rows in one way, shape [rows], as it is not for rows that measure.

    Those are judged by models that saw no outcome of theirs, and therefore look more in doubt than other rows.

    Args:
        scored: the rows.
        trace: theirs.
        wanted: rows that get one in any case; where there are many, most of the others get NaN.
    """
    signals = Signals.from_table(trace.table, given=scored.given)
    verified = _verified(scored, signals)
    model = fit_quality(signals, verified).model
    if model.method != "audited":
        return scored.label_quality
    return comparable_quality(model, signals, verified, wanted=wanted).astype(np.float32)


def _verified(scored: ScoredRows, signals: Signals) -> VerifiedRows:
    """Collect the rows that judge; of those at which two looks disagree nobody knows what is right."""
    true = scored.trusted
    judging = np.flatnonzero(scored.judging & ~scored.disputed & (true != UNVERIFIED) & signals.predictions.known)
    labels = VerifiedLabels.drawn(true[judging], probability=scored.probability[judging])
    return VerifiedRows(judging=judging, labels=labels, classes=len(scored.classes))
