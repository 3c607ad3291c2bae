"""The trace: what all folds found out, row by row; training writes it, scoring reads it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from noisecleaner.arrays import BoolArray, IntArray
from noisecleaner.files import SealedFile
from noisecleaner.ingest import Manifest, Skip
from noisecleaner.quality.fitting import VerifiedRows
from noisecleaner.quality.model import Judgements
from noisecleaner.quality.planted import CleanOnlyRows
from noisecleaner.quality.signals import Dynamics, Predictions, Signals
from noisecleaner.quality.transition import VerifiedLabels
from noisecleaner.runs.readout import FoldReadout
from noisecleaner.tables import SAMPLE, read_table, schema_of, write_table

#: One row for each row of the dataset, in its order; what training saw of it, and what was made of that.
TRACE = schema_of(
    *SAMPLE,
    ("second_label", pa.string()),  # of a second look at a verified row; where it is another one, neither is certain
    ("corrected_label", pa.string()),  # by somebody who picked the row: it overrides, and measures nothing
    *((field.name, field.type) for field in Signals.schema()),
    ("label_quality", pa.float32()),  # calibrated probability that the given label is right
    ("suggested", pa.int32()),  # the class that is most likely right if the given one is wrong; null: none is likely
    ("suggested_confidence", pa.float32()),  # calibrated probability that it is
    ("judging", pa.bool_()),  # an audited row that steered nothing that is recorded here
    ("sample_probability", pa.float64()),  # with which it was drawn to be verified; null: like every other row
    ("certified", pa.bool_()),  # a row of a clean copy that carries a verified label
    ("skip_reason", pa.string()),
)


@dataclass(frozen=True)
class Trace:
    """`trace.parquet`.

    Args:
        table: of the schema `TRACE`, or some of its columns.
        classes: the class names, in the order of their indices.
        model: how label quality was made, see `QualityModel.method`.
        none_label: the verified label that says that none of the classes is right; None where no label can.
        ordered: whether somebody has told the order of the classes, see `Manifest.ordered`.
    """

    table: pa.Table
    classes: tuple[str, ...]
    model: str
    none_label: str | None = None
    ordered: bool = False

    def write(self, path: Path) -> None:
        """Write it, whole or not at all."""
        metadata = {"classes": list(self.classes), "quality": self.model}
        write_table(path, [self.table], TRACE, {**metadata, "none_label": self.none_label, "ordered": self.ordered})

    @classmethod
    def read(cls, path: Path, names: Sequence[str] | None = None, sealed: SealedFile | None = None) -> Trace:
        """Read it.

        Args:
            path: the file.
            names: of the columns to read; None reads all.
            sealed: what the file was when it was written, where that is known.

        Raises:
            NoisecleanerError: the file is missing or damaged, or has other columns.
        """
        table, meta = read_table(path, TRACE, names, sealed)
        return cls(
            table,
            tuple(meta["classes"]),
            str(meta["quality"]),
            none_label=meta.get("none_label"),  # earlier versions knew no rows of no class
            ordered=bool(meta.get("ordered", False)),  # nor said this
        )


def collect(folds: Sequence[FoldReadout], *, given: IntArray) -> Signals:
    """Put together what the folds found out; what no fold knows of a row is unknown.

    Args:
        folds: at least one.
        given: class index of the given label, -1 where there is none, shape [rows].
    """
    dynamics = Dynamics.spread([(fold.recorded, fold.dynamics) for fold in folds], len(given))
    predictions = _spread([(fold.predicted, fold.predictions) for fold in folds], given)
    first = [(fold.predicted, fold.first) for fold in folds if fold.first is not None]
    voted = [(fold.predicted, fold.voted) for fold in folds if fold.voted is not None]
    return Signals(
        dynamics,
        predictions,
        first=_spread(first, given) if first else None,
        voted=_spread(voted, given) if voted else None,
    )


def _spread(parts: Sequence[tuple[IntArray, Predictions]], given: IntArray) -> Predictions:
    """Put predictions of some rows each where they belong, shape [rows]."""
    return replace(Predictions.spread(parts, len(given)), given=given)


def verified_rows(
    signals: Signals, dataset: Manifest, folds: Sequence[FoldReadout], *, judging: BoolArray, clean_only: IntArray
) -> VerifiedRows:
    """Pick out what is known for certain.

    Args:
        signals: from `collect`.
        dataset: with its verified labels.
        folds: they hold the predictions of the clean-only rows.
        judging: audited rows that steered nothing recorded about them, shape [rows].
        clean_only: verified labels of the clean-only rows, -1 where unusable, shape [clean-only rows].
    """
    rows = np.flatnonzero(judging & signals.predictions.known & ~dataset.disputed)
    probability = dataset.sample_probability[rows]
    return VerifiedRows(
        judging=rows,
        labels=VerifiedLabels.drawn(dataset.trusted[rows], probability=probability),
        classes=len(dataset.classes),
        clean_only=_clean_only(folds, clean_only),
    )


def _clean_only(folds: Sequence[FoldReadout], labels: IntArray) -> CleanOnlyRows:
    some = [fold for fold in folds if len(fold.clean_only)]
    if not some:
        return CleanOnlyRows.none()
    return CleanOnlyRows(
        log_probabilities=np.concatenate([fold.clean_only_log_probabilities for fold in some]),
        labels=labels[np.concatenate([fold.clean_only for fold in some])],
    )


def to_table(dataset: Manifest, signals: Signals, judgements: Judgements, *, judging: BoolArray) -> pa.Table:
    """Make the table of `TRACE`; NaN becomes null, and so does a suggestion of -1.

    Args:
        dataset: the rows.
        signals: theirs.
        judgements: what is made of them.
        judging: which of them judged, shape [rows].
    """
    columns = {name: dataset.table[name] for name in (*(name for name, _ in SAMPLE), "second_label", "corrected_label")}
    # rows without a label may have helped, but they get no score
    unlabelled = pc.if_else(pc.is_null(columns["given_label"]), Skip.NO_LABEL.value, pa.scalar(None, pa.string()))
    columns["skip_reason"] = pc.coalesce(dataset.table["skip_reason"], unlabelled)
    numbers = signals.to_table()
    columns |= {name: numbers[name] for name in numbers.column_names}
    columns |= {
        "label_quality": pa.array(judgements.quality, from_pandas=True),
        "suggested": pa.array(judgements.suggested, pa.int32(), mask=judgements.suggested < 0),
        "suggested_confidence": pa.array(judgements.confidence, from_pandas=True),
        "judging": pa.array(judging),
        **{name: dataset.table[name] for name in ("sample_probability", "certified")},
    }
    return pa.table({name: columns[name] for name in TRACE.names}, schema=TRACE)
