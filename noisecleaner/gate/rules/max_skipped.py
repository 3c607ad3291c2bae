"""The share of rows that the gate has not looked at, because they could not be scored."""

from __future__ import annotations

from noisecleaner.gate.rules import Case
from noisecleaner.gate.verdicts import Finding, Outcome
from noisecleaner.ingest import Skip
from noisecleaner.noise.rate import FOUR_DIGITS, percent
from noisecleaner.runs.fitted_labels import LABELS_LOST
from noisecleaner.runs.row_counts import RowCounts
from noisecleaner.texts import tally

HELP = "Largest share of rows that could not be scored; above 0.05 inconclusive where it is not given."
UNIT = "share"
PLACE = 70
#: Judged where nobody asks for it, and then it is inconclusive: who has not seen the rows cannot tell.
DEFAULT = 0.05


def judge(case: Case) -> Finding:
    """Judge the share, which is exact.

    Rows that nobody labelled have no label that could be wrong, so they do not count; but they do where the fitted rows
    had labels, because then labels got lost.
    """
    counts, limit = case.run.counts, case.limit.value
    excused = 0 if _lost_labels(case) else counts.skipped.get(Skip.NO_LABEL, 0)
    rows, lost = counts.rows - excused, counts.rows - excused - counts.scored
    share = lost / rows if rows else 0.0
    message = f"{lost:,} of {rows:,} rows{' with a label' if excused else ''} were not scored"
    message += f" ({percent(share, FOUR_DIGITS)}){_reasons(counts, excused=excused)}"
    message += f"; at most {percent(limit, FOUR_DIGITS)} may be"
    if share <= limit:
        return case.finding(Outcome.PASSED, f"{message}.", value=share)
    if case.asked:
        message += ". The column skip_reason of scores.parquet tells which."
        return case.finding(Outcome.FAILED, message, value=share)
    message += " where no limit is set. Bring those rows back, or set the limit with `max_skipped=SHARE`."
    return case.finding(Outcome.INCONCLUSIVE, message, value=share)


def _lost_labels(case: Case) -> bool:
    return any(notice.code == LABELS_LOST for notice in case.run.metadata.notices)


def _reasons(counts: RowCounts, *, excused: int) -> str:
    """Tell why rows were skipped: `: 140 missing_file, 3 unreadable`."""
    skipped = {reason: rows for reason, rows in counts.skipped.items() if reason != Skip.NO_LABEL or not excused}
    reasons = [f"{rows:,} {_unknown(counts) if why == Skip.UNKNOWN_CLASS else why}" for why, rows in skipped.items()]
    return f": {', '.join(reasons)}" if reasons else ""


def _unknown(counts: RowCounts) -> str:
    such = tally(counts.unknown_classes)
    return "carry classes that the run does not know" + (f" (such as {such})" if such else "")
