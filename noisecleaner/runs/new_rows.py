"""New rows beside the fitted ones: whether they are alike, and label quality calibrated again on audited ones."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from noisecleaner.noise.likeness import LEAST_ROWS, ComparedRows, compare, likeness_notice, mix_notice, untested
from noisecleaner.notices import Notice
from noisecleaner.quality.model import Judgements
from noisecleaner.quality.recalibration import VerifiedQuality, calibrated_again
from noisecleaner.quality.transition import VerifiedLabels
from noisecleaner.runs.auditor import Auditor
from noisecleaner.runs.basis import Basis
from noisecleaner.runs.scored import ScoredRows


def likeness_notices(compared: ComparedRows | None, auditor: Auditor, scored: ScoredRows) -> tuple[Notice, ...]:
    """Say how alike new rows are to the fitted ones, or why nobody knows; nothing of a transfer, which claims no rate.

    Args:
        compared: a sample of the new rows as the fitted rows' one looks; None where nothing is kept of those.
        auditor: what judged them.
        scored: all new rows, perhaps calibrated again.
    """
    return () if auditor.quality.method == "transfer" else tuple(_notices(compared, auditor, scored))


def on_their_own(scored: ScoredRows) -> ScoredRows:
    """Calibrate label quality again on the new rows that are audited, where they suffice.

    Each of them then gets a quality that did not see its own outcome. Ranks and suggestions stay as they are.

    Args:
        scored: new rows as the auditor judged them.
    """
    if not scored.judging.any():
        return scored
    audited = scored.audited()
    rows = audited.rows()
    judging = np.flatnonzero(rows.judging & rows.audited & ~audited.disputed & rows.known)
    labels = VerifiedLabels.drawn(rows.trusted[judging], probability=rows.probability[judging])
    again = calibrated_again(
        Judgements(quality=scored.label_quality, suggested=scored.suggested, confidence=scored.suggested_confidence),
        np.flatnonzero(scored.verified)[judging],
        VerifiedQuality(quality=audited.label_quality[judging], correct=~rows.wrong[judging], weights=labels.weights),
        calibrated=scored.model in ("audited", "planted"),
    )
    if again is None:
        return scored
    return replace(
        scored,
        label_quality=again.quality,
        suggested_confidence=again.confidence,
        model="audited",
        basis=Basis(rows=len(judging), data="scored"),
    )


def _notices(compared: ComparedRows | None, auditor: Auditor, scored: ScoredRows) -> Iterator[Notice]:
    reference = auditor.reference
    if reference is None or compared is None:
        yield untested(
            "An earlier version made this run, and kept nothing that new rows could be compared with: fit again."
        )
        return
    counts = scored.sizes
    if (mix := mix_notice(reference.counts, counts, auditor.classes)) is not None:
        yield mix
    likeness = compare(reference.rows, compared)
    if likeness is not None:
        again = scored.basis is not None and scored.basis.data == "scored"
        audited = int(scored.audited().rows().audited.sum()) if scored.judging.any() else 0
        yield likeness_notice(likeness, audited=audited, calibrated_again=again)
        return
    yield untested(
        f"It takes {LEAST_ROWS} rows of each side, with the same given labels, to compare new rows with fitted ones, "
        f"but there are {len(compared):,} new and {len(reference.rows):,} fitted ones."
    )
