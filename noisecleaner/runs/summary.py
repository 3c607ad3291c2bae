"""The summary that a person reads."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from itertools import islice
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from noisecleaner.ingest.labels.cells import indices
from noisecleaner.noise.goal import Goal
from noisecleaner.noise.ranking import Rankings
from noisecleaner.noise.rate import Rate
from noisecleaner.noise.rates import Noise
from noisecleaner.notices import Notice
from noisecleaner.quality.calibration import Reliability
from noisecleaner.runs.basis import Basis
from noisecleaner.runs.fixes import Fixes
from noisecleaner.runs.lowest import lowest
from noisecleaner.runs.row_counts import RowCounts

#: Of `Summary.to_json`: higher where a key is gone or means something else; a new key changes nothing.
SCHEMA_VERSION = 1
_NAMED = 20  # unknown classes in JSON
#: Columns of scores.parquet that `likely_confusions` reads, and those that `lowest_rows` does beside the values.
PAIRED = ("given_label", "suggested_label", "flagged")
NAMED = ("sample_id", "given_label", "suggested_label")


@dataclass(frozen=True, kw_only=True)
class ClassLine:
    """One class in the summary: rows that carry its label, how many are flagged, and the noise audited there."""

    name: str
    rows: int
    flagged: int
    noise: Rate


@dataclass(frozen=True, kw_only=True)
class Confusion:
    """Flagged rows that carry one label and look like another."""

    given: str
    suggested: str
    rows: int


@dataclass(frozen=True, kw_only=True)
class Suspect:
    """A row at the bottom of the ranking; `given` is None where it has no label, `suggested` empty where none is."""

    sample_id: str
    given: str | None
    suggested: str
    value: float


@dataclass(frozen=True, kw_only=True)
class Summary:
    """What `score` tells.

    Args:
        rows: all rows of the dataset.
        skipped: rows without a score, by reason.
        unknown_classes: labels that are no class, and the rows skipped for them, most frequent first.
        flagged: rows below the threshold, and those without a label.
        unlabelled: how many have none.
        corrected: rows that carry a correction, which measures nothing.
        carried: rows of a clean copy that were verified before it was made, which measures nothing either.
        kept: rows at or above it.
        by: the column that the threshold cuts.
        threshold: where it cuts.
        goal: what it was chosen to reach, None where it was given.
        noise: of the whole dataset.
        kept_noise: of the rows that are kept.
        model: how label quality was made, see `QualityModel.method`.
        reliability: how well it is calibrated, measured on the rows that judge; None where none does.
        rankings: how well scores tell wrong labels from right ones, likewise.
        judged: audited rows that both were measured on.
        basis: those that label quality of new rows is calibrated on; None of fitted rows, and where it is not.
        classes: the worst classes, most noise first; where that is alike or unknown, largest share of flagged rows.
        confusions: the most frequent pairs of given and suggested label among flagged rows.
        suspects: the rows with the lowest values.
        notices: what a reader of the numbers must know.
        fixes: what the last table of corrections did; None where the scores were made without one.
        page: makes the HTML that a notebook shows; None where nobody has said how.
    """

    rows: int
    skipped: Mapping[str, int]
    unknown_classes: Mapping[str, int]
    flagged: int
    unlabelled: int
    corrected: int
    kept: int
    by: str
    threshold: float
    goal: Goal | None
    noise: Noise
    kept_noise: Rate
    model: str
    reliability: Reliability | None
    rankings: Rankings | None
    judged: int
    classes: Sequence[ClassLine]
    confusions: Sequence[Confusion]
    suspects: Sequence[Suspect]
    notices: Sequence[Notice] = ()
    carried: int = 0
    basis: Basis | None = None
    fixes: Fixes | None = None
    page: Callable[[], str] | None = field(default=None, repr=False, compare=False)

    def worded(self, words: Callable[[str], str]) -> Summary:
        """Return it with its messages in the words of whoever reads them."""
        return replace(self, notices=tuple(replace(notice, message=words(notice.message)) for notice in self.notices))

    def to_json(self) -> dict[str, Any]:
        """Describe it as a JSON object, in the words of noise.json."""
        return {
            "schema_version": SCHEMA_VERSION,
            "rows": self.rows,
            "skipped": dict(self.skipped),
            "unknown_classes": dict(islice(self.unknown_classes.items(), _NAMED)),
            "flagged": self.flagged,
            "unlabelled": self.unlabelled,
            "corrected": self.corrected,
            "corrections": self.fixes.to_json() if self.fixes else None,
            "carried": self.carried,
            "kept": self.kept,
            "by": self.by,
            "threshold": self.threshold,
            "goal": asdict(self.goal) if self.goal else None,
            "noise": self.noise.overall.to_json(),
            "kept_noise": self.kept_noise.to_json(),
            "quality": self.model,
            "judged": self.judged,
            "basis": self.basis.to_json() if self.basis else None,
            "calibration": asdict(self.reliability) if self.reliability else None,
            "ranking": self.rankings.to_json() if self.rankings else None,
            "notices": [notice.to_json() for notice in self.notices],
            "classes": [{**asdict(line), "noise": line.noise.to_json()} for line in self.classes],
            "confusions": [asdict(pair) for pair in self.confusions],
            "suspects": [asdict(row) for row in self.suspects],
        }

    def _repr_html_(self) -> str | None:
        """What a notebook shows: numbers and charts, read when they are asked for."""
        return None if self.page is None else self.page()


def worst_classes(counts: RowCounts, noise: Noise, most: int = 5) -> list[ClassLine]:
    """List the classes with the most noise; where that is alike or unknown, those with more flagged rows first.

    Names without rows are left out.

    Args:
        counts: the rows of each class.
        noise: of each class, as it is shown.
        most: how many to list.
    """
    lines = [
        ClassLine(name=name, rows=own.rows, flagged=own.flagged, noise=noise.per_class[name])
        for name, own in counts.classes.items()
        if own.rows
    ]
    return sorted(lines, key=_how_bad, reverse=True)[:most]


def _how_bad(line: ClassLine) -> tuple[float, float]:
    noise = -1.0 if line.noise.value is None else line.noise.value
    return noise, line.flagged / max(line.rows, 1)


def likely_confusions(batches: Iterable[pa.RecordBatch], classes: Sequence[str], most: int = 5) -> list[Confusion]:
    """List the most frequent pairs of given and suggested label among flagged rows that have both.

    Args:
        batches: of scores.parquet, with the columns `PAIRED`.
        classes: the class names; pairs that are as frequent come in their order.
        most: how many to list.
    """
    pairs, counts = np.empty(0, np.int64), np.empty(0, np.int64)
    for batch in batches:
        flagged = batch.filter(pc.fill_null(batch["flagged"], False))
        given, suggested = (indices(flagged[name], classes) for name in ("given_label", "suggested_label"))
        both = (given >= 0) & (suggested >= 0)
        wide = given[both].astype(np.int64)
        more, rows = np.unique(wide * len(classes) + suggested[both], return_counts=True)
        pairs, place = np.unique(np.concatenate([pairs, more]), return_inverse=True)
        counts = np.bincount(place, np.concatenate([counts, rows]), len(pairs)).astype(np.int64)
    frequent = np.argsort(-counts, kind="stable")[:most]
    places = [(*divmod(int(pairs[i]), len(classes)), int(counts[i])) for i in frequent]
    return [Confusion(given=classes[one], suggested=classes[other], rows=rows) for one, other, rows in places]


def lowest_rows(batches: Iterable[pa.RecordBatch], by: str, most: int = 10) -> list[Suspect]:
    """List the rows with the lowest values, in the order of the dataset where they are equal.

    Args:
        batches: of scores.parquet, with the columns `NAMED` and `by`.
        by: the column whose values count.
        most: how many to list.
    """
    rows = lowest(batches, by, most, lambda _, values: np.isfinite(values)).table
    return [
        Suspect(
            sample_id=cells["sample_id"],
            given=cells["given_label"],
            suggested=cells["suggested_label"] or "",
            value=float(cells[by]),
        )
        for cells in ([] if rows is None else rows.to_pylist())
    ]
