"""What a clean copy is: how many rows of each kind it holds, and how much of it is wrong."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow.compute as pc

from noisecleaner.arrays import counted_by_class
from noisecleaner.export.decisions import Decisions, Policy
from noisecleaner.export.expectation import Expectation
from noisecleaner.export.formats import Format
from noisecleaner.ingest import Manifest
from noisecleaner.notices import Notice
from noisecleaner.runs.fixes import Fixes
from noisecleaner.runs.scored import By


@dataclass(frozen=True)
class ExportResult:
    """What `export_clean` wrote, or would write.

    Args:
        path: the new directory.
        format: what it holds.
        rows: rows of the dataset.
        written: rows of the copy.
        dropped: flagged rows left out.
        relabelled: flagged rows with their suggested label.
        corrected: rows that carry their correction, flagged or not.
        verified: other rows that carry their verified label, flagged or not.
        no_class: rows of which somebody said that no class is right, left out.
        skipped: rows without a score, left out.
        empty_classes: classes that rows were given, and of which none is left.
        expectation: how much of the copy is wrong.
        by: the column that is cut, the one that `score` cut.
        threshold: rows below it are flagged, as are those without a label.
        splits: rows of the copy by split; empty where the dataset has none.
        left_out: rows that are not in the copy by reason: a value of `LeftOut`, or why they have no score.
        image_root: the folder (or its URI) that images stay in, where the copy only names them; else None.
        fixes: what the table of corrections does; None without one.
        notices: what makes the scores doubtful that rows were dropped or relabelled by.
        tables: the files of rows, where images stay in place; empty in other formats, and before they are written.
    """

    path: Path
    format: Format
    rows: int
    written: int
    dropped: int
    relabelled: int
    corrected: int
    verified: int
    no_class: int
    skipped: int
    empty_classes: list[str]
    expectation: Expectation
    by: By
    threshold: float
    splits: Mapping[str, int] = field(default_factory=dict)
    left_out: Mapping[str, int] = field(default_factory=dict)
    image_root: str | None = None
    fixes: Fixes | None = None
    notices: tuple[Notice, ...] = ()
    tables: tuple[Path, ...] = ()

    @property
    def empty_splits(self) -> list[str]:
        """The splits of which no row is left."""
        return [name for name, rows in self.splits.items() if not rows]

    def to_json(self, policy: Policy) -> dict[str, Any]:
        """Describe how much of the copy is wrong, and what was done to its rows by which policy."""
        return {
            "schema_version": 1,
            "rows": self.rows,
            "written": self.written,
            "dropped": self.dropped,
            "relabelled": self.relabelled,
            "corrected": self.corrected,
            "verified": self.verified,
            "on_flag": policy.on_flag.value,
            "by": self.by,
            "threshold": self.threshold,
            "image_root": self.image_root,
            "expected_noise": self.expectation.noise.to_json(),
            "reason": self.expectation.reason or None,
            "corrections_agreeing_with_scores": self.expectation.agreeing,
            "expected_noise_of_other_rows": self.expectation.others.to_json(),
            "corrections": self.fixes.to_json() if self.fixes else None,
            "notices": [notice.to_json() for notice in self.notices],
        }


def result_of(
    out: Path,
    format: Format,
    decisions: Decisions,
    *,
    manifest: Manifest,
    expected: Expectation,
    by: By,
    threshold: float,
) -> ExportResult:
    """Count what was decided about the rows of a copy; splits, and what was left out and why, are not counted yet.

    Args:
        out: the directory of the copy.
        format: what it holds.
        decisions: about each row.
        manifest: of the dataset.
        expected: how much of the copy is wrong.
        by: the column that is cut, and
        threshold: where.
    """
    given = set(pc.unique(manifest.table["given_label"]).to_pylist())
    left = counted_by_class(decisions.labels, len(manifest.classes), decisions.keep)
    return ExportResult(
        path=out,
        format=format,
        rows=len(decisions.keep),
        written=int(decisions.keep.sum()),
        dropped=int(decisions.dropped.sum()),
        relabelled=int(decisions.relabelled.sum()),
        corrected=int(decisions.corrected.sum()),
        verified=int(decisions.verified.sum()),
        no_class=int(decisions.no_class.sum()),
        skipped=int(decisions.skipped.sum()),
        empty_classes=[name for name, rows in zip(manifest.classes, left, strict=True) if name in given and not rows],
        expectation=expected,
        by=by,
        threshold=threshold,
    )
