"""A scored run: the files that `score` wrote, as values. Rows are counted batch by batch: there may be ten million."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq

from noisecleaner.errors import NoisecleanerError, listed
from noisecleaner.files import AnyPath, located, settle
from noisecleaner.noise.ranking import Rankings
from noisecleaner.noise.rate import whole
from noisecleaner.noise.rates import Noise
from noisecleaner.quality.calibration import Reliability
from noisecleaner.runs.cleanlab_columns import with_cleanlab_columns
from noisecleaner.runs.fixes import Fixes
from noisecleaner.runs.frames import to_frame
from noisecleaner.runs.metadata import Metadata
from noisecleaner.runs.near import before_scores, found
from noisecleaner.runs.row_counts import COUNTED, RowCounts, count
from noisecleaner.runs.score_files import NOISE_FILE, REPORT_FILE, SCORES_FILE, ScoreFiles, broken
from noisecleaner.runs.summary import NAMED, PAIRED, Summary, likely_confusions, lowest_rows, worst_classes
from noisecleaner.runs.threshold_table import ThresholdTable
from noisecleaner.tables import REPORT, SCORES, compacted, joined, written_as
from noisecleaner.texts import parsed_json

if TYPE_CHECKING:
    import pandas as pd

#: Rows that are in memory at a time.
_BATCH = 2**17
#: Columns that the dataset has as well.
_OF_THE_DATASET = ("sample_id", "path", "given_label")


class ScoredRun:
    """The directory that `score` wrote.

    Args:
        path: a run directory after `score`, or the output of `score_new`.
        sealed: whether the manifest must be there that is written last, if one is written.

    Attributes:
        metadata: what is kept beside the rows.

    Raises:
        NoisecleanerError: there are no scores, or they are damaged.
    """

    def __init__(self, path: AnyPath, *, sealed: bool = True) -> None:
        self.path = path = located(path)
        if not self.has_scores(path):
            raise NoisecleanerError(f"Scores are required, but {found(path)} (no {SCORES_FILE}).", before_scores(path))
        self._files = ScoreFiles(path)
        with self._files.reading(SCORES_FILE):
            self.metadata = Metadata.from_json(self._files.told())
        if sealed:
            self._files.require_seal()

    @property
    def scores_file(self) -> Path:
        """Where scores.parquet is."""
        return self.path / SCORES_FILE

    @property
    def identity(self) -> str | None:
        """What tells these scores from others, see `Seal`; None where an earlier version wrote them."""
        return self._files.seal.identity if self._files.seal else None

    @staticmethod
    def has_scores(path: Path) -> bool:
        """Whether a directory has been scored."""
        settle(path)
        return (path / SCORES_FILE).exists()

    def batches(self, columns: Sequence[str]) -> Iterator[pa.RecordBatch]:
        """Read some columns of scores.parquet, a part at a time.

        Args:
            columns: their names.

        Raises:
            NoisecleanerError: the file is damaged.
        """
        with self._files.table(SCORES_FILE) as file:
            yield from _batches(file, SCORES, columns)

    def scores(self, columns: Sequence[str] = tuple(SCORES.names)) -> pa.Table:
        """Read scores.parquet: one row for each row of the dataset, in its order.

        Args:
            columns: those to read.

        Raises:
            NoisecleanerError: the file is damaged.
        """
        return pa.Table.from_batches(self.batches(columns), self.scores_schema(columns))

    def compact_scores(self, *, like: pa.Table) -> pa.Table:
        """Read scores.parquet with as few bytes a row as will do: there may be ten million.

        Columns that hold nothing share the memory of a few nulls, and texts that repeat are numbers that stand for them
        (Arrow's dictionaries); ids, paths and given labels are those of the dataset, which is in memory already.

        Args:
            like: with the columns sample_id, path and given_label of the same rows.

        Raises:
            NoisecleanerError: the file is damaged.
        """
        own = [name for name in SCORES.names if name not in _OF_THE_DATASET]
        schema = self.scores_schema(own)
        parts: dict[str, list[pa.Array]] = {name: [] for name in own}
        for batch in self.batches(own):
            for name, chunks in parts.items():
                chunks.append(compacted(batch[name]))
        columns = {name: joined(chunks, schema.field(name).type) for name, chunks in parts.items()}
        columns |= {name: like[name] for name in _OF_THE_DATASET}
        return pa.table({name: columns[name] for name in SCORES.names})

    @staticmethod
    def scores_schema(columns: Sequence[str]) -> pa.Schema:
        """Names and types of some columns of scores.parquet."""
        return pa.schema([SCORES.field(name) for name in columns])

    def to_arrow(self, *, cleanlab_columns: bool = False) -> pa.Table:
        """Read scores.parquet, perhaps with `is_label_issue`, `label_score` and `predicted_label` on top.

        Raises:
            NoisecleanerError: the file is damaged.
        """
        table = self.scores()
        return with_cleanlab_columns(table, self.metadata.by) if cleanlab_columns else table

    def to_pandas(self, *, cleanlab_columns: bool = False) -> pd.DataFrame:
        """Read scores.parquet like `to_arrow`, as a DataFrame.

        Raises:
            NoisecleanerError: the file is damaged, or pandas is not installed.
        """
        return to_frame(self.to_arrow(cleanlab_columns=cleanlab_columns))

    def thresholds(self) -> ThresholdTable:
        """Read report.parquet: what other thresholds would flag, and how wrong both sides would be.

        Raises:
            NoisecleanerError: the file is missing or damaged.
        """
        content = self._files.content(REPORT_FILE)
        with (
            self._files.reading(REPORT_FILE),
            pq.ParquetFile(pa.py_buffer(content), page_checksum_verification=True) as file,
        ):
            return ThresholdTable.from_table(pa.Table.from_batches(_batches(file, REPORT, REPORT.names), REPORT))

    @cached_property
    def counts(self) -> RowCounts:
        """How many rows there are of each kind.

        Raises:
            NoisecleanerError: scores.parquet is damaged.
        """
        return count(self.batches(COUNTED), self.metadata.classes)

    @cached_property
    def noise(self) -> Noise:
        """How much is wrong.

        Raises:
            NoisecleanerError: noise.json is missing, damaged, or of other rows.
        """
        noise = self._measured.noise
        if tuple(noise.per_class) != self.metadata.classes or noise.overall.sample_size > self.counts.verified:
            raise broken(self.path / NOISE_FILE, f"it does not belong to {self.path / SCORES_FILE}", "used")
        if not (self.metadata.weighted or self._measured.moved or noise.fits_counts()):
            raise broken(self.path / NOISE_FILE, "its rates are not those of the errors that it counts", "used")
        if (found := _not_all(noise, self.counts)) is not None:
            raise broken(self.path / NOISE_FILE, found, "used")
        return noise

    @property
    def reliability(self) -> Reliability | None:
        """How well label quality is calibrated, None where no row judges.

        Raises:
            NoisecleanerError: noise.json is missing or damaged.
        """
        return self._measured.reliability

    @property
    def rankings(self) -> Rankings | None:
        """How well scores tell wrong labels from right ones; None where no row judges, or an earlier version wrote it.

        Raises:
            NoisecleanerError: noise.json is missing or damaged.
        """
        return self._measured.rankings

    @property
    def fixes(self) -> Fixes | None:
        """What the last table of corrections did; None where the scores were made without one.

        Raises:
            NoisecleanerError: noise.json is missing or damaged.
        """
        return self._measured.fixes

    def summary(self) -> Summary:
        """What a person reads of all this.

        Raises:
            NoisecleanerError: one of the files is missing or damaged.
        """
        counts, noise, metadata = self.counts, self.noise, self.metadata
        if metadata.kept_noise is None or metadata.judged is None:
            raise broken(
                self.path / SCORES_FILE, "an earlier version wrote it, without the noise of the kept rows", "used"
            )
        return Summary(
            rows=counts.rows,
            skipped=counts.skipped,
            unknown_classes=counts.unknown_classes,
            flagged=counts.flagged,
            unlabelled=counts.unlabelled,
            corrected=counts.corrected,
            carried=counts.carried,
            kept=counts.kept,
            by=metadata.by,
            threshold=metadata.threshold,
            goal=metadata.goal,
            noise=noise,
            kept_noise=metadata.kept_noise,
            model=metadata.quality,
            reliability=self.reliability,
            rankings=self.rankings,
            judged=metadata.judged,
            basis=metadata.basis,
            fixes=self.fixes,
            notices=metadata.notices,
            classes=worst_classes(counts, noise),
            confusions=likely_confusions(self.batches(PAIRED), metadata.classes),
            suspects=lowest_rows(self.batches([*NAMED, metadata.by]), metadata.by),
        )

    @cached_property
    def _measured(self) -> _NoiseFile:
        written = self._files.content(NOISE_FILE, "used")
        with self._files.reading(NOISE_FILE, "used"):
            content = parsed_json(written)
            calibration, rankings = content["calibration"], content.get("ranking")
            return _NoiseFile(
                noise=Noise.from_json(content),
                reliability=None if calibration is None else _reliability(calibration),
                rankings=None if rankings is None else Rankings.from_json(rankings),
                moved=content.get("verifiers") is not None,
                fixes=None if content.get("corrections") is None else Fixes.from_json(content["corrections"]),
            )


class _NoiseFile(NamedTuple):
    """What noise.json holds; `moved` says whether the errors of verifiers have moved its rates."""

    noise: Noise
    reliability: Reliability | None
    rankings: Rankings | None
    moved: bool
    fixes: Fixes | None


def _not_all(noise: Noise, counts: RowCounts) -> str | None:
    """Say which rate is called counted though it rests on a part of the rows; None where none is."""
    sizes = {name: of_class.rows for name, of_class in counts.classes.items()}
    parts = [(noise.overall, sum(sizes.values())), *((rate, sizes[name]) for name, rate in noise.per_class.items())]
    for rate, rows in parts:
        if rate.method == "count" and rate.sample_size != rows:
            return f"{rate.sample_size:,} rows are not all of {rows:,}, which would have to be counted"
    return None


def _reliability(content: Mapping[str, Any]) -> Reliability:
    error, by_chance = (float(content[name]) for name in ("error", "by_chance"))
    if not (0 <= error <= 1 and 0 <= by_chance <= 1):
        raise ValueError("a calibration error lies outside of [0, 1]")
    return Reliability(error=error, by_chance=by_chance, rows=whole(content["rows"]))


def _batches(file: pq.ParquetFile, schema: pa.Schema, columns: Sequence[str]) -> Iterator[pa.RecordBatch]:
    own = file.schema_arrow
    if not written_as(own, schema):
        raise ValueError(f"its columns are {listed(own.names)}")
    wanted = pa.schema([schema.field(name) for name in columns])
    for batch in file.iter_batches(_BATCH, columns=[name for name in columns if name in own.names]):
        arrays = [batch[f.name] if f.name in own.names else pa.nulls(len(batch), f.type) for f in wanted]
        yield pa.RecordBatch.from_arrays(arrays, schema=wanted)
