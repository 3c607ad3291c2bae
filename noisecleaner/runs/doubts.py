"""What is odd about the labels that were verified by now: among themselves, and by what networks see."""

from __future__ import annotations

from dataclasses import replace

from noisecleaner.arrays import UNVERIFIED, IntArray
from noisecleaner.noise.agreement import CODES, ORDERS, Comparison, agreement_notices
from noisecleaner.noise.copied import CODE as COPIED
from noisecleaner.noise.copied import copied_labels
from noisecleaner.noise.disorder import disordered_labels
from noisecleaner.noise.renamed import CODE as RENAMED
from noisecleaner.noise.renamed import renamed_class
from noisecleaner.noise.three_labels import ThreeLabels
from noisecleaner.notices import void
from noisecleaner.quality.signals import unfitted_predictions
from noisecleaner.runs.scored import ScoredRows
from noisecleaner.runs.surest import judged_rows
from noisecleaner.runs.suspects import SUSPECTS, suspect_notices, suspects
from noisecleaner.runs.trace import Trace


def odd_labels(scored: ScoredRows, where: str) -> ScoredRows:
    """Say of all verified labels what is odd about them, in place of what was said of some."""
    comparison = Comparison(
        given=scored.given,
        trusted=scored.trusted,
        probability=scored.probability,
        classes=scored.classes,
        where=where,
    )
    kept = [notice for notice in scored.notices if notice.code not in CODES]
    return replace(scored, notices=(*kept, *agreement_notices(comparison)))


def contradicted_since(scored: ScoredRows, trace: Trace, order: IntArray) -> ScoredRows:
    """Say what networks make of all verified labels together, in place of what was said of some.

    Args:
        scored: the rows.
        trace: theirs.
        order: rows of the last table of verified labels, as it has them, shape [rows of the table].
    """
    kept = tuple(notice for notice in scored.notices if notice.code not in (COPIED, RENAMED))
    rows = _judged(scored, trace)
    said = any(notice.code in ORDERS for notice in kept)
    found = [copied_labels(rows), None if said else renamed_class(rows, scored.classes)]
    if len(order) and not void(kept):
        ids = scored.identity["sample_id"]
        found.append(disordered_labels(rows, order, lambda row: ids[row].as_py()))
    return replace(scored, notices=(*kept, *filter(None, found)))


def suspected(scored: ScoredRows, trace: Trace) -> ScoredRows:
    """Say which verified labels look wrong, in place of what was said of those that were verified before."""
    rows = _judged(scored, trace)
    # who looked at a row twice, and saw the same, has looked again
    odd = suspects(rows, scored.second == UNVERIFIED)
    found = suspect_notices(odd, of=int((rows.verified & rows.known).sum()), ids=scored.identity["sample_id"])
    kept = [notice for notice in scored.notices if notice.code != SUSPECTS]
    return replace(scored, notices=(*kept, *found))


def _judged(scored: ScoredRows, trace: Trace) -> ThreeLabels:
    """What networks make of all rows."""
    predictions = unfitted_predictions(trace.table, given=scored.given)
    return judged_rows(predictions, scored.trusted, scored.judging)
