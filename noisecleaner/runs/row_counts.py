"""How many rows of a scored run there are of each kind, counted batch by batch: it may hold ten million."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import pyarrow as pa
import pyarrow.compute as pc

from noisecleaner.ingest import Skip
from noisecleaner.ingest.verified.certified import carried

#: The columns of scores.parquet that are counted.
COUNTED = ("given_label", "trusted_label", "corrected_label", "suggested_label", "flagged", "skip_reason", "certified")


@dataclass(frozen=True, kw_only=True)
class ClassCounts:
    """Rows that carry one given label.

    Args:
        rows: all of them, but for those that were skipped.
        scored: those that are flagged or kept.
        flagged: those that are flagged.
        skipped: further rows, which were skipped.
    """

    rows: int
    scored: int
    flagged: int
    skipped: int = 0

    @property
    def kept(self) -> int:
        """Scored rows that are not flagged."""
        return self.scored - self.flagged


@dataclass(frozen=True, kw_only=True)
class RowCounts:
    """The rows of a scored run.

    Args:
        rows: all of them.
        skipped: rows without a score, by reason.
        scored: rows that are flagged or kept, also those without a given label.
        flagged: those that are flagged.
        unlabelled: those that have no given label, and a suggested one instead.
        verified: rows with a verified label.
        corrected: rows with a correction.
        classes: given class -> its rows; every class of the run is there.
        unknown_classes: given label that is no class of the run -> the rows skipped for it, most frequent first.
        carried: rows of a clean copy that were verified before it was made; they are no corrections.
    """

    rows: int
    skipped: Mapping[str, int]
    scored: int
    flagged: int
    unlabelled: int
    verified: int
    corrected: int
    classes: Mapping[str, ClassCounts]
    unknown_classes: Mapping[str, int]
    carried: int = 0

    @property
    def kept(self) -> int:
        """Scored rows that are not flagged."""
        return self.scored - self.flagged

    @property
    def coverage(self) -> str:
        """How many rows the numbers rest on: `scored 60 of 200 rows (140 missing_file)`."""
        reasons = [f"{rows:,} {reason}" for reason, rows in self.skipped.items()]
        without = self.rows - self.scored - sum(self.skipped.values())
        reasons += [f"{without:,} without a value"] if without else []
        return f"scored {self.scored:,} of {self.rows:,} rows" + (f" ({', '.join(reasons)})" if reasons else "")


def count(batches: Iterable[pa.RecordBatch], classes: Sequence[str]) -> RowCounts:
    """Count rows of each kind.

    Args:
        batches: of scores.parquet, with the columns `COUNTED`.
        classes: the class names.
    """
    kinds: Counter[_Kind] = Counter()
    verified, corrected, carrying = 0, 0, 0
    for batch in batches:
        kinds.update(_kinds(batch))
        verified += pc.count(batch["trusted_label"]).as_py()
        corrected += pc.count(batch["corrected_label"]).as_py()
        carrying += int(carried(batch).sum())
    readable, scored, flagged = Counter[str | None](), Counter[str | None](), Counter[str | None]()
    skipped, left_out, unlabelled, known = Counter[str](), Counter[str | None](), 0, frozenset(classes)
    unknown = Counter[str]()
    for kind, rows in kinds.items():
        if kind.skip_reason is None:
            readable[kind.given_label] += rows
        else:
            skipped[kind.skip_reason] += rows
            left_out[kind.given_label] += rows
        if kind.skip_reason == Skip.UNKNOWN_CLASS and kind.given_label is not None:
            unknown[kind.given_label] += rows
        scored[kind.given_label] += rows if kind.flagged is not None else 0
        flagged[kind.given_label] += rows if kind.flagged else 0
        unlabelled += rows if kind.suggested and kind.given_label not in known else 0
    return RowCounts(
        rows=kinds.total(),
        skipped=dict(skipped),
        scored=scored.total(),
        flagged=flagged.total(),
        unlabelled=unlabelled,
        verified=verified,
        corrected=corrected - carrying,
        carried=carrying,
        classes={
            c: ClassCounts(rows=readable[c], scored=scored[c], flagged=flagged[c], skipped=left_out[c]) for c in classes
        },
        unknown_classes=dict(unknown.most_common()),
    )


class _Kind(NamedTuple):
    """What is counted alike: rows of one label, one reason to skip them, one flag, with a suggestion or without."""

    given_label: str | None
    skip_reason: str | None
    flagged: bool | None
    suggested: bool


def _kinds(batch: pa.RecordBatch) -> dict[_Kind, int]:
    """Count the rows of one batch, kinds in the order of their first row."""
    names = ["given_label", "skip_reason", "flagged", "suggested"]
    columns = [batch["given_label"], batch["skip_reason"], batch["flagged"], pc.is_valid(batch["suggested_label"])]
    # one thread keeps the order, in which reasons are told
    grouped = pa.table(columns, names).group_by(names, use_threads=False).aggregate([([], "count_all")])
    return {_Kind(*(line[name] for name in names)): line["count_all"] for line in grouped.to_pylist()}
