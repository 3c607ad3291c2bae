"""Corrections beside the labels that scores take for right: those of other rows agree with them by chance only."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from noisecleaner.arrays import UNVERIFIED, BoolArray, IntArray
from noisecleaner.ingest.verified.certified import carried
from noisecleaner.noise.cross_table import CrossTable
from noisecleaner.notices import Notice
from noisecleaner.runs.fixes import Fixing
from noisecleaner.runs.scored import ScoredRows

#: The code of the notice.
CODE = "corrections-of-other-rows"
#: Corrections below which they cannot tell, and standard errors within which they agree with the scores by chance.
_LEAST, _ERRORS = 20, 2.33
#: Where chance allows more than this to either side, or that none agrees, honest corrections would be taken for others.
_WIDEST = 0.2


class Comparison(NamedTuple):
    """Corrections beside other labels; each class indices of shape [corrected rows], below 0 where none is known.

    Args:
        corrected: the corrections.
        scored: the labels that scores take for right.
        given: the given labels.
    """

    corrected: IntArray
    scored: IntArray
    given: IntArray

    @property
    def agreeing(self) -> int:
        """With how many corrections the scores agree."""
        return int((self.corrected == self.scored).sum())

    def odd(self) -> Notice | None:
        """Say so where corrections agree with scores and given labels as often as those of other rows would.

        Whoever corrects what looks wrong agrees with the scores more often, and with the given labels less; whoever
        finds errors that the scores do not see agrees with neither.
        """
        known = (self.corrected >= 0) & (self.scored >= 0) & (self.given >= 0)
        count = int(known.sum())
        if count < _LEAST:
            return None
        table = CrossTable.of(self.corrected[known], self.scored[known])
        if not (_by_chance(table) and _by_chance(CrossTable.of(self.corrected[known], self.given[known]))):
            return None
        return Notice(
            code=CODE,
            message=f"The scores agree with {table.agreeing:.0%} of {count:,} corrections, and would with "
            f"{table.by_chance:.0%} of those of other rows: most likely it is a wrong column, other ids or another "
            "order. Look at some of these rows before anything is exported.",
        )


def _by_chance(table: CrossTable) -> bool:
    """Whether labels agree as often as by chance, neither more nor less; never where these are too few to tell."""
    apart = _ERRORS * table.chance_error
    return abs(table.agreeing - table.by_chance) <= apart < min(_WIDEST, table.by_chance)


def likeliest(scores: pa.Table) -> pa.ChunkedArray:
    """Choose the given or the suggested label of each row, whichever is likelier; null without either, shape [rows].

    Args:
        scores: the columns of `tables.SCORES`.
    """
    other = pc.fill_null(pc.greater(scores["suggested_confidence"], scores["label_quality"]), fill_value=False)
    return pc.if_else(other, scores["suggested_label"], scores["given_label"])


def likeliest_of(rows: ScoredRows) -> IntArray:
    """Choose likewise among rows that are not written yet: class indices, -1 without either, shape [rows]."""
    return np.where(rows.suggested_confidence > rows.label_quality, rows.suggested, rows.given)


def named(labels: IntArray, classes: tuple[str, ...]) -> pa.ChunkedArray:
    """Name class indices, null below 0, shape [rows]."""
    return pa.chunked_array([pa.array(classes, pa.string()).take(pa.array(labels, mask=labels < 0))])


def fixing_among(rows: ScoredRows, places: IntArray, *, fresh: BoolArray) -> Fixing:
    """Collect what tells what corrections of rows did.

    Args:
        rows: that are not written yet, corrected.
        places: the rows that a table of corrections has, shape [corrections].
        fresh: those of them that had no correction when they were scored, likewise.
    """
    suggested = named(rows.suggested[places], rows.classes)
    corrected = rows.identity.take(pa.array(places))
    return Fixing(rows=corrected, places=places, suggested=suggested, fresh=fresh, none_label=rows.none_label)


def odd_among(rows: ScoredRows) -> tuple[Notice, ...]:
    """Say what is odd about the corrections of rows, but for those that a clean copy brought."""
    made = (rows.corrected != UNVERIFIED) & ~carried(rows.identity)
    odd = Comparison(corrected=rows.corrected[made], scored=likeliest_of(rows)[made], given=rows.given[made]).odd()
    return () if odd is None else (odd,)
