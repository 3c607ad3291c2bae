"""New rows beside the fitted ones: whether they are alike."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from noisecleaner.noise.likeness import LEAST_ROWS, compare, likeness_notice, mix_notice, untested
from noisecleaner.notices import Notice
from noisecleaner.runs.auditor import Auditor, Judged


def likeness_notices(judged: Judged, auditor: Auditor, *, audited: int) -> tuple[Notice, ...]:
    """Say how alike new rows are to the fitted ones, or why nobody knows; nothing of a transfer, which claims no rate.

    Args:
        judged: the new rows.
        auditor: what judged them.
        audited: verified rows among them that measure them.
    """
    return () if auditor.quality.method == "transfer" else tuple(_notices(judged, auditor, audited))


def _notices(judged: Judged, auditor: Auditor, audited: int) -> Iterator[Notice]:
    reference, compared = auditor.reference, judged.compared
    if reference is None or compared is None:
        yield untested(
            "An earlier version made this run, and kept nothing that new rows could be compared with: fit again."
        )
        return
    given = judged.dataset.given
    counts = np.bincount(given[given >= 0], minlength=len(auditor.classes))
    if (mix := mix_notice(reference.counts, counts, auditor.classes)) is not None:
        yield mix
    likeness = compare(reference.rows, compared)
    if likeness is not None:
        yield likeness_notice(likeness, audited=audited)
        return
    yield untested(
        f"It takes {LEAST_ROWS} rows of each side, with the same given labels, to compare new rows with fitted ones, "
        f"but there are {len(compared):,} new and {len(reference.rows):,} fitted ones."
    )
