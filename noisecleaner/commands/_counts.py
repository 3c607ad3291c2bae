"""How counted rows read, whichever command counts them."""

from __future__ import annotations

from collections.abc import Mapping


def skips(skipped: Mapping[str, int]) -> str:
    """Tell how many rows were skipped, and why: `3 skipped: 2 no label, 1 unreadable`."""
    if not skipped:
        return "0 skipped"
    return f"{sum(skipped.values()):,} skipped: " + ", ".join(f"{n:,} {reason}" for reason, n in skipped.items())


def share(part: int, whole: int) -> str:
    """Tell which share some rows are: `12.5 %`."""
    return f"{100 * part / whole:.1f} %" if whole else "0 %"
