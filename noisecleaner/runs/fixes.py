"""What corrections did once they are applied: how many labels they changed, and how often they took the suggestion."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from noisecleaner.arrays import BoolArray, IntArray
from noisecleaner.ingest.verified.corrections import COLUMN
from noisecleaner.noise.rate import whole
from noisecleaner.tables import count_true
from noisecleaner.texts import agreeing, counted


@dataclass(frozen=True, kw_only=True)
class Fixing:
    """Rows of one table of corrections, before it is known which of them are flagged.

    Args:
        rows: the corrected ones, with the columns given_label, trusted_label and corrected_label.
        places: where they stand among all rows, shape [corrected rows].
        suggested: labels that scores suggested before, null where there was none, shape [corrected rows].
        fresh: rows that had no correction when they were scored: others have a suggestion that leans on it.
        none_label: the verified label that says that none of the classes is right; None where no label can.
    """

    rows: pa.Table
    places: IntArray
    suggested: pa.ChunkedArray
    fresh: BoolArray
    none_label: str | None

    def fixes(self, flagged: pa.Array | pa.ChunkedArray) -> Fixes:
        """Count them; nobody was asked about the suggestion of a row that is not flagged.

        Args:
            flagged: which of all rows are, null where that is not known, shape [rows].
        """
        fixed, given = self.rows[COLUMN], self.rows["given_label"]
        kept = count_true(pc.equal(fixed, given))
        asked = np.asarray(pc.fill_null(flagged.take(pa.array(self.places)), fill_value=False)) & self.fresh
        other = pc.fill_null(pc.not_equal(self.suggested, given), fill_value=True)
        known = pc.and_(pc.and_(pc.is_valid(self.suggested), other), pa.array(asked))
        return Fixes(
            changed=len(self.rows) - kept,
            kept=kept,
            no_class=0 if self.none_label is None else count_true(pc.equal(fixed, self.none_label)),
            suggested=count_true(known),
            took_suggestion=count_true(pc.and_(known, pc.equal(fixed, self.suggested))),
            audited=count_true(pc.is_valid(self.rows["trusted_label"])),
        )


@dataclass(frozen=True, kw_only=True)
class Fixes:
    """Rows of one table of corrections.

    Args:
        changed: whose label is another one now, those of no class included.
        kept: whose given label was confirmed.
        no_class: of which somebody said that none of the classes is right.
        suggested: that were flagged with another label than theirs, which does not know of a correction.
        took_suggestion: those of them whose correction is that label.
        audited: that carry a verified label, too: rates go by that.
        rates_unchanged: whether the rates are those of the scores before; None where nobody compared them.
    """

    changed: int
    kept: int
    no_class: int
    suggested: int
    took_suggestion: int
    audited: int
    rates_unchanged: bool | None = None

    @property
    def rows(self) -> int:
        """All of them."""
        return self.changed + self.kept

    def compared(self, *, unchanged: bool) -> Fixes:
        """Return them with the outcome of a comparison of the rates."""
        return replace(self, rates_unchanged=unchanged)

    def same_rows(self, other: Fixes) -> bool:
        """Whether others may be of the same table, as far as counts tell."""
        return (self.changed, self.kept, self.no_class) == (other.changed, other.kept, other.no_class)

    def words(self) -> str:
        """Tell it in one sentence, which has no full stop."""
        none = f" ({self.no_class:,} to none of the classes)" if self.no_class else ""
        return (
            f"{counted(self.changed, 'label')} corrected{none}, {self.kept:,} kept{self._agreement()}; {self._rates()}"
        )

    def _agreement(self) -> str:
        if not self.suggested:
            return ""
        percent = round(100 * self.took_suggestion / self.suggested)
        # all and none are said of all and none alone
        percent = min(max(percent, int(self.took_suggestion > 0)), 100 - int(self.took_suggestion < self.suggested))
        return f"; reviewers agreed with {percent} % of the suggestions"

    def _rates(self) -> str:
        if self.audited:
            rows = agreeing(self.audited, "is of a verified row", "are of verified rows")
            return f"no rate counts them ({self.audited:,} {rows}, and rates go by the verified label)"
        return "rates unchanged" if self.rates_unchanged else "no rate counts them"

    def to_json(self) -> dict[str, Any]:
        """Describe them as a JSON object."""
        return asdict(self)

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> Fixes:
        """Bring back what `to_json` described.

        Raises:
            ValueError: it is no such thing; KeyError and TypeError likewise.
        """
        names = ("changed", "kept", "no_class", "suggested", "took_suggestion", "audited")
        unchanged = content["rates_unchanged"]
        if not (unchanged is None or isinstance(unchanged, bool)):
            raise ValueError("it does not say whether rates changed")
        return cls(**{name: whole(content[name]) for name in names}, rates_unchanged=unchanged)
