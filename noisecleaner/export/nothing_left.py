"""A copy without a row is refused: nothing reads it, and whoever goes on with it goes on with nothing."""

from __future__ import annotations

from collections.abc import Mapping

from noisecleaner.errors import NoisecleanerError, listed
from noisecleaner.export.decisions import LeftOut
from noisecleaner.texts import counted

_WORDS = {
    LeftOut.FLAGGED: "flagged",
    LeftOut.NO_SUGGESTION: "flagged and without a suggestion",
    LeftOut.SUGGESTION_LESS_LIKELY: "flagged, with a suggestion that is less likely than the given label",
    LeftOut.SUGGESTION_UNSURE: "flagged, with a suggestion that is less certain than asked for",
    LeftOut.NO_CLASS: "verified to be of no class",
    LeftOut.NO_LABEL: "without a label",
}
#: What to change, by what most rows are left out for.
_HINTS = {
    LeftOut.FLAGGED: "Flag fewer with `threshold=NUMBER`, or write `Policy(on_flag='keep')`.",
    LeftOut.NO_SUGGESTION: "Flag fewer with `threshold=NUMBER`, or write `Policy(on_flag='keep')`.",
    LeftOut.SUGGESTION_LESS_LIKELY: "Flag fewer with `threshold=NUMBER`, or write `Policy(on_flag='keep')`.",
    LeftOut.SUGGESTION_UNSURE: "Lower `Policy.min_confidence`, or flag fewer with `threshold=NUMBER`.",
    LeftOut.NO_CLASS: "Check the word that says so in the table of verified labels, and the labels themselves.",
    LeftOut.NO_LABEL: "Check the label column, or write `Policy(on_flag='relabel')`.",
}
_SKIPPED = "Mend what makes rows be skipped, then run `fit(...)` and `score(...)` again."


def refuse_nothing(left_out: Mapping[str, int], *, rows: int, data: str) -> None:
    """Refuse a copy that would have no row.

    Args:
        left_out: rows that are not in it by reason: a value of `LeftOut`, or why they have no score.
        rows: of the dataset.
        data: the dataset.

    Raises:
        NoisecleanerError: says for each reason how many rows are left out, and what to change.
    """
    if sum(left_out.values()) < rows:
        return
    reasons = sorted(left_out, key=lambda why: -left_out[why])
    words = {why.value: text for why, text in _WORDS.items()}
    told = [f"{left_out[why]:,} {words.get(why, f'without a score ({why})')}" for why in reasons]
    hints = {why.value: text for why, text in _HINTS.items()}
    raise NoisecleanerError(
        f"A copy needs rows, but of {counted(rows, 'row')} of {data} none would be left: {listed(told, len(told))}.",
        hints.get(reasons[0], _SKIPPED),
    )
