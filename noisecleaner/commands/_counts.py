"""How counted rows read, whichever command counts them."""

from __future__ import annotations

from collections.abc import Mapping

from noisecleaner.texts import tally

_UNKNOWN = "unknown_class"


def skips(skipped: Mapping[str, int], unknown_classes: Mapping[str, int] | None = None) -> str:
    """Tell how many rows were skipped, and why: `3 skipped: 2 no_label, 1 unknown_class (such as 'horse' 1)`.

    Args:
        skipped: reason -> rows.
        unknown_classes: label that is no class -> rows, where the labels are known.
    """
    if not skipped:
        return "0 skipped"
    such = f" (such as {tally(unknown_classes)})" if unknown_classes else ""
    reasons = [f"{rows:,} {reason}{such if reason == _UNKNOWN else ''}" for reason, rows in skipped.items()]
    return f"{sum(skipped.values()):,} skipped: {', '.join(reasons)}"


def share(part: int, whole: int) -> str:
    """Tell which share some rows are: `12.5 %`."""
    return f"{100 * part / whole:.1f} %" if whole else "0 %"
