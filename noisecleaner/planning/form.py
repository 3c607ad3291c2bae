"""A table for a person to fill in: where it may be written, and what takes it back."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from noisecleaner.errors import NoisecleanerError
from noisecleaner.ingest import Source
from noisecleaner.runs.scored_run import ScoredRun


@dataclass(frozen=True, kw_only=True)
class Form:
    """A table to fill in, and what takes it back then.

    Args:
        path: the table.
        scores: the directory with the scores, which are to be made again.
        run: the run directory of the fit.
        source: the rows of the scores, where those are not the rows of the fit.
    """

    path: Path
    scores: Path
    run: Path
    source: Source | None


def check_new(out: Path) -> None:
    """Refuse a table that cannot be written.

    Raises:
        NoisecleanerError: it exists, or is no `.parquet`.
    """
    if out.exists():
        raise NoisecleanerError(
            f"A plan replaces no file, but {out} exists already, and somebody may have filled it in.",
            "Name another one with `out=FILE`.",
        )
    if out.suffix != ".parquet":
        raise NoisecleanerError(
            f"A plan is a Parquet file, but {out} is called otherwise.",
            f"Write `out={str(out.with_suffix('.parquet'))!r}`.",
        )


def other_rows(scored: ScoredRun) -> Source | None:
    """The rows of scores, where those are not the rows of the fit."""
    return None if (scored.path / "run.json").exists() else scored.metadata.source
