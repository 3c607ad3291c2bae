"""What formats that list rows say of those that they leave out."""

from __future__ import annotations

from noisecleaner.gate.verdicts import Verdict
from noisecleaner.texts import agreeing, counted


def left_out(verdict: Verdict, listed: int) -> str | None:
    """Say how many flagged rows are not listed because there are too many; None where all are.

    Args:
        verdict: with the rows.
        listed: how many of them were read, the worst first.
    """
    more = len(verdict.flagged) - listed
    if not more:
        return None
    rows = counted(more, "more flagged row")
    return (
        f"{listed:,} of {len(verdict.flagged):,} flagged rows are listed, the worst first; {rows} "
        f"{agreeing(more)} in scores.parquet of {verdict.run}."
    )
