"""The rows of each given label that are scored and not flagged."""

from __future__ import annotations

from noisecleaner.gate.rules import Case
from noisecleaner.gate.rules._words import listed, quoted
from noisecleaner.gate.verdicts import Finding, Outcome
from noisecleaner.runs.row_counts import ClassCounts

HELP = "Fewest rows of a class that are not flagged."
UNIT = "rows"
PLACE = 50


def judge(case: Case) -> Finding:
    """Count the rows, fewest first."""
    kept, limit = {name: rows.kept for name, rows in _judged(case).items()}, case.limit.value
    if not kept:
        message = f"At least {limit:,} rows of each class must be kept, but no row was ever given one of the classes."
        return case.finding(Outcome.INCONCLUSIVE, message, value=None)
    few = sorted((name for name in kept if kept[name] < limit), key=lambda name: kept[name])
    message = f"At least {limit:,} rows of each class must be kept; "
    if few:
        described = listed(few, lambda name: f"{quoted(name)} {kept[name]:,}")
        message += f"{len(few):,} of {len(kept):,} classes keep fewer: {described}."
    else:
        message += f"each of {len(kept):,} classes keeps that many."
    outcome = Outcome.FAILED if few else Outcome.PASSED
    return case.finding(outcome, message, value=min(kept.values()), classes=few)


def _judged(case: Case) -> dict[str, ClassCounts]:
    """Leave out names that never had a row, as a list of classes may hold; a class whose rows are gone stays."""
    unused, classes = case.run.metadata.unused, case.run.counts.classes
    return {name: rows for name, rows in classes.items() if rows.rows or rows.skipped or name not in unused}
