"""Which rows to verify before anything is fitted: drawn evenly, and shown without a word of their given label."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from noisecleaner.arrays import UNVERIFIED, BoolArray, IntArray
from noisecleaner.errors import NoisecleanerError
from noisecleaner.files import AnyPath, alone, located
from noisecleaner.images.framing import Framing
from noisecleaner.ingest import Images, Manifest, Skip, Source, ingest
from noisecleaner.ingest.payloads import ImageColumn, ImageFiles
from noisecleaner.inputs.decoding import decode_all
from noisecleaner.noise.sampling import unequal
from noisecleaner.notices import Severity
from noisecleaner.planning.form import Form, check_new, tells, write_form
from noisecleaner.planning.origin import Origin
from noisecleaner.progress import Progress
from noisecleaner.settings import Decoding
from noisecleaner.tables import BLIND, with_column

#: Keeps this draw apart from those of scored rows with the same seed.
_STREAM = 2
#: Edge length that an image must decode to: a JPEG is not read in full for that.
_EDGE = 16


@dataclass(frozen=True, kw_only=True)
class DataPlanResult(Form):
    """What `plan_data` wrote, a table with rows to verify.

    Args:
        new: rows to verify.
        known: rows that the dataset's own column of verified labels holds; they are in the table, too.
        rows: of the dataset that could have been drawn or are known.
        unreadable: rows that were drawn, and replaced because their image does not open.
    """

    new: int
    known: int
    rows: int
    unreadable: int


def plan_data(
    source: Source, out: AnyPath, *, count: int = 300, seed: int = 0, progress: Progress | None = None
) -> DataPlanResult:
    """Draw rows of a dataset to verify before any fit, and write a table to fill in.

    Rows with a given label of a class are drawn evenly, without replacement, and stand in random order; rows whose
    image does not open are left out, because nobody could verify them. The table has the columns of `BLIND`, and tells
    neither the given label nor a suggestion. Rows that the dataset's own column of verified labels holds count as a
    random sample, as in `plan`: they are in the table with their label. `sample_probability` is how probable each row
    of the table was, the same for all: rates are those of a plain random sample.

    Args:
        source: the dataset; it is only read.
        out: the table to write (.parquet, or .csv or .tsv for a spreadsheet).
        count: rows to verify.
        seed: of the draw.
        progress: is told what was found; silent by default.

    Raises:
        NoisecleanerError: the dataset cannot be used, has fewer such rows, or its own verified labels are no plain
            random sample; or `out` exists, lies in the dataset, or has another ending.
    """
    out, progress = located(out), progress or Progress()
    source.refuse_inside(out)
    with alone(out, work="plan", progress=progress):
        check_new(out)
        return _plan(source, out, count=count, seed=seed, progress=progress)


def _plan(source: Source, out: Path, *, count: int, seed: int, progress: Progress) -> DataPlanResult:
    """Draw rows while nobody else writes to `out`; arguments are those of `plan_data`."""
    dataset, _ = ingest(source)
    progress.tell(*dataset.notices)
    _refuse_no_sample(dataset, source)
    known = (dataset.given >= 0) & (dataset.trusted != UNVERIFIED)
    open_rows = np.flatnonzero((dataset.given >= 0) & ~known & ~_certified(dataset))
    _check_count(source, count, open_rows=len(open_rows))
    rng = np.random.default_rng((seed, len(dataset), _STREAM))
    drawn, broken = _readable(dataset, rng.permutation(open_rows), count, progress)
    if len(drawn) < count:
        raise NoisecleanerError(
            f"`count` must be a number of rows that can be looked at, of which {source.data} has {len(drawn):,} "
            f"({broken:,} more do not open), but it is {count:,}.",
            "Give another `count`.",
        )
    rows = rng.permutation(np.concatenate([drawn, np.flatnonzero(known)]))
    total = len(open_rows) - broken + int(known.sum())
    origin = Origin(source=source, classes=dataset.classes, none_label=dataset.none_label, run=None)
    notices = write_form(
        out,
        _table(dataset.table.take(pa.array(rows)), len(rows) / total),
        schema=BLIND,
        origin=origin,
        facts={"n": count, "seed": seed},
    )
    return DataPlanResult(
        path=out,
        drawn_from=source,
        new=count,
        known=int(known.sum()),
        rows=total,
        unreadable=broken,
        telling=sum(tells(row, row["given_label"]) for row in dataset.table.take(pa.array(drawn)).to_pylist()),
        notices=notices,
    )


def _refuse_no_sample(dataset: Manifest, source: Source) -> None:
    """Refuse a dataset whose own verified labels cannot be a part of a plain random sample.

    Raises:
        NoisecleanerError: says why.
    """
    hint = (
        "Rename the column, or plan after a fit: `plan(RUN, out=FILE)` knows what was drawn before, and leaves out "
        "what is no sample."
    )
    reason = next((notice.message for notice in dataset.notices if notice.severity is Severity.VOID), None)
    if reason is not None:
        raise NoisecleanerError(f"Verified rows of {source.data} must be a random sample: {reason}", hint)
    if unequal(dataset.sampling.probability):
        raise NoisecleanerError(
            f"Verified rows of {source.data} must be a plain random sample, but an earlier plan drew them with other "
            "probabilities.",
            hint,
        )


def _certified(dataset: Manifest) -> BoolArray:
    """Rows of a clean copy that carry a verified label, which fits refuse to count, shape [rows]."""
    return np.asarray(pc.fill_null(dataset.table["certified"], fill_value=False))


def _check_count(source: Source, count: int, *, open_rows: int) -> None:
    """Refuse to draw more rows than there are.

    Raises:
        NoisecleanerError: says how many there are.
    """
    if not 1 <= count <= open_rows:
        raise NoisecleanerError(
            f"`count` must be a number of rows with a given label that nobody has verified yet, of which {source.data} "
            f"has {open_rows:,}, but it is {count:,}.",
            f"Write `count={open_rows}` for all of them, or less." if open_rows else "Check the label column.",
        )


def _readable(dataset: Manifest, order: IntArray, count: int, progress: Progress) -> tuple[IntArray, int]:
    """Take the first rows of an order that a person can look at.

    Rows without images are taken as they are: who verifies them knows by their ids what they are.

    Returns:
        The rows, shape [at most count], and how many others do not open.
    """
    images = dataset.payload
    if not isinstance(images, (ImageFiles, ImageColumn)):
        return order[:count], 0
    broken: set[int] = set()
    with progress.stage("Opening images", count, "images") as stage:
        looked = 0
        while looked < len(order) and looked - len(broken) < count:
            more = order[looked : looked + count - (looked - len(broken))]
            broken.update(_broken(images, more))
            looked += len(more)
            stage.advance(len(more))
    taken = order[:looked]
    return taken[~np.isin(taken, list(broken))], len(broken)


def _broken(images: Images, rows: IntArray) -> list[int]:
    """Find rows whose image does not open."""
    opened = decode_all(images.read(np.sort(rows)), framings=(Framing(_EDGE),), decoding=Decoding())
    return [row for row, image in opened if isinstance(image, Skip)]


def _table(rows: pa.Table, probability: float) -> pa.Table:
    """Make the table to fill in, of rows of a manifest."""
    return with_column(rows, "sample_probability", pa.array([probability] * len(rows))).select(BLIND.names)
