"""The labels of the fitted rows, which those of new rows are held against."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc

from noisecleaner.notices import Notice
from noisecleaner.texts import agreeing

#: Code of the notice that new rows lack labels where fitted ones had them.
LABELS_LOST = "labels-lost"
#: By so much the share of rows without a label may differ from that of the fitted rows.
_MORE = 0.05


@dataclass(frozen=True, kw_only=True)
class FittedLabels:
    """How many fitted rows have a label, and which classes none of them carries.

    Args:
        rows: all fitted rows.
        unlabelled: those that nobody gave a label.
        unused: the classes that no fitted row was given.
    """

    rows: int
    unlabelled: int
    unused: tuple[str, ...]

    @classmethod
    def of(cls, given: pa.ChunkedArray, classes: Sequence[str]) -> FittedLabels:
        """Look at the given labels.

        Args:
            given: of the fitted rows, as text, shape [rows].
            classes: the class names.
        """
        present = set(pc.unique(given).to_pylist())
        unused = tuple(name for name in classes if name not in present)
        return cls(rows=len(given), unlabelled=given.null_count, unused=unused)

    def lost(self, *, unlabelled: int, rows: int) -> tuple[Notice, ...]:
        """Say so where far more of some new rows lack a label than of the fitted ones.

        Args:
            unlabelled: new rows without a label.
            rows: all new rows.
        """
        if unlabelled <= rows * (self.unlabelled / max(self.rows, 1) + _MORE):
            return ()
        message = (
            f"{unlabelled:,} of {rows:,} rows {agreeing(unlabelled, 'has', 'have')} no label, and of the fitted rows "
            f"only {self.unlabelled:,} of "
            f"{self.rows:,} had none: nothing is said about them. Check that labels were read from the right column "
            "(`Columns.label`), and that none got lost."
        )
        return (Notice(code=LABELS_LOST, message=message),)
