"""What must be said of a cut that parts nothing, or fewer rows than were asked for."""

from __future__ import annotations

from typing import Literal

from noisecleaner.arrays import RealArray
from noisecleaner.noise.goal import Goal
from noisecleaner.noise.running import sorted_place
from noisecleaner.notices import Notice, Severity
from noisecleaner.runs.cutoff import AUTO, middle
from noisecleaner.runs.scored import By
from noisecleaner.texts import agreeing, counted


def one_sided(values: RealArray, threshold: float | Literal["auto"] | None, by: By) -> Notice | None:
    """Say so where a threshold flags every row that has a value, or none.

    That it flags none is no surprise where it cuts label quality, which clean rows may all lie above: that is a note.

    Args:
        values: the column, finite ones in ascending order, shape [known rows].
        threshold: as it was asked for. What is chosen for a goal (`"auto"`) may well flag none, and so may the middle
            of label quality (None).
        by: the column.
    """
    if not len(values) or threshold == AUTO or (threshold is None and by == "label_quality"):
        return None
    number = middle(by) if threshold is None else float(threshold)
    low, high = float(values[0]), float(values[-1])
    if low < number <= high:
        return None
    every = high < number
    rows = f"every one of the {counted(len(values), 'scored row')}" if every else "no row"
    parted = "Choose a number between these." if low < high else "No threshold parts them."
    message = (
        f"A threshold of {number:g} on {by} flags {rows}: in this run {by} lies between {low:.4g} and {high:.4g}. "
        f"{parted}"
    )
    expected = by == "label_quality" and not every
    return Notice(code="threshold-parts-nothing", message=message, severity=_severity(note=expected))


def tied(values: RealArray, threshold: float, goal: Goal | None, by: By) -> Notice | None:
    """Say so where a budget flags fewer rows than it could, because those at its end have one value.

    Args:
        values: the column, finite ones in ascending order, shape [known rows].
        threshold: where it is cut.
        goal: what chose that; None where nothing did.
        by: the column.
    """
    if goal is None or goal.kind != "budget":
        return None
    flagged = sorted_place(values, threshold)
    budget = int(min(goal.value, len(values)))
    if flagged >= budget:
        return None
    ties = sorted_place(values, threshold, right=True) - flagged
    message = (
        f"{counted(ties, 'row')} {agreeing(ties, 'ties', 'tie')} at {threshold:.4g} of {by}; a budget of {budget:,} "
        f"cannot part them, so that {counted(flagged, 'row')} {agreeing(flagged)} flagged. Cut a column with fewer "
        "ties, or choose a larger budget."
    )
    return Notice(code="budget-parts-no-ties", message=message, severity=_severity(note=flagged > 0))


def _severity(*, note: bool) -> Severity:
    return Severity.NOTE if note else Severity.WARNING
