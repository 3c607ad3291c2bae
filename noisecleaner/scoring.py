"""`score`: a run -> scores.parquet, report.parquet and noise.json, for the fitted rows or for new ones."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from noisecleaner.errors import NoisecleanerError
from noisecleaner.ingest import Source, ingest, refuse_skips
from noisecleaner.noise.randomness import picked_by_looks
from noisecleaner.noise.thresholds import Goal
from noisecleaner.progress import Progress
from noisecleaner.registry import check_choice
from noisecleaner.runs.auditor import Auditor
from noisecleaner.runs.run import Run
from noisecleaner.runs.scored import IDENTITY, By, ScoredRows, from_trace, verified_since
from noisecleaner.runs.summary import Summary
from noisecleaner.runs.writing import BY, Cutoff, write
from noisecleaner.tables import TRACE, read_table


def score(
    run: Path,
    *,
    threshold: float = 0.5,
    by: str | None = None,
    goal: Goal | None = None,
    trusted: str | None = None,
    progress: Progress | None = None,
) -> Summary:
    """Score the fitted rows; write scores.parquet, report.parquet and noise.json into the run directory.

    Args:
        run: the run directory of a finished fit.
        threshold: rows below it are flagged, in [0, 1].
        by: the column that the threshold cuts, `label_quality` or `alpha`; None takes the first, except after a
            transfer, in which rows of the dataset have only alpha: how much they help the target.
        goal: choose the threshold that reaches this instead.
        trusted: labels of fitted rows that were verified since, joined on `sample_id`; label quality is fitted again.
        progress: is told what is odd; silent by default.

    Raises:
        NoisecleanerError: the run is damaged or unfinished, or an option is out of range.
        TooFewVerifiedError: the goal cannot be reached with the verified rows; nothing is written.
    """
    _check(threshold, by or BY[0])
    opened = Run(run)
    record = opened.read_fitted()
    trace, meta = read_table(opened.trace, TRACE)
    if meta["quality"] == "transfer" and by == "label_quality":
        raise NoisecleanerError(
            f"--by label_quality needs label quality, but {run} is a transfer: its rows are of other classes than the "
            "target, and it only knows how much they help.",
            "Cut by that, alpha: leave --by out.",
        )
    column: By = "alpha" if by == "alpha" or meta["quality"] == "transfer" else "label_quality"
    scored = from_trace(trace, tuple(meta["classes"]), str(meta["quality"]))
    source = record.config.source
    if trusted is not None:
        before, scored = scored, verified_since(scored, trace, trusted, source)
        picked = _picked(before, scored)
        if picked is not None and progress is not None:
            progress.warn(picked)
    del trace  # half of it are candidates, which nothing needs any more
    pa.default_memory_pool().release_unused()
    return write(run, scored, Cutoff(by=column, threshold=threshold, goal=goal), run=run, source=source)


def score_new(
    run: Path,
    source: Source,
    out: Path,
    *,
    trusted: str | None = None,
    threshold: float = 0.5,
    goal: Goal | None = None,
    device: str = "auto",
    max_pixels: int | None = None,
    strict: bool = False,
    progress: Progress | None = None,
) -> Summary:
    """Score rows that were not fitted, without training; write the same three files into `out`.

    Rows with a label that the fitted data does not know are skipped. alpha, beta and margin are null, because
    they tell what training did with a row. After a transfer, rows get labels of the target's classes suggested;
    those without a label are flagged, so that an export with `relabel` gives them the suggested one.

    Args:
        run: the run directory of a finished fit.
        source: the new rows.
        out: where to write; files of an earlier score there are replaced.
        trusted: verified labels of new rows, joined on `sample_id`; they measure the result.
        threshold: rows with a lower label quality are flagged, in [0, 1].
        goal: choose the threshold that reaches this instead.
        device: where to compute.
        max_pixels: width times height above which an image is refused.
        strict: make a row that cannot be used an error.
        progress: is told what happens; silent by default.

    Raises:
        NoisecleanerError: run, rows or options cannot be used; nothing is written.
    """
    _check(threshold, "label_quality")
    source.refuse_inside(out)
    if (out / "run.json").exists():
        raise NoisecleanerError(
            f"Scores of new rows must not replace those of a run, but {out} is a run directory.",
            "Name another directory with --out DIR, or leave --out away.",
        )
    opened = Run(run)
    opened.read_fitted()
    scratch = next(folder for folder in out.absolute().parents if folder.is_dir())  # /tmp may be small, or memory
    look = _Look(device, max_pixels, strict, scratch)
    # the rows' manifest ends with the call: what is written needs a part of it only
    scored = _judged(opened, source, trusted, look, progress or Progress())
    pa.default_memory_pool().release_unused()  # what reading the tables took, up to half of the memory of their rows
    cutoff = Cutoff(by="label_quality", threshold=threshold, goal=goal)
    return write(out, scored, cutoff, run=run, source=source)


@dataclass(frozen=True)
class _Look:
    """How new rows are looked at, see `score_new`; `scratch` is a folder with space for decoded images."""

    device: str
    max_pixels: int | None
    strict: bool
    scratch: Path


def _judged(run: Run, source: Source, trusted: str | None, look: _Look, told: Progress) -> ScoredRows:
    """Let the auditor of a run judge new rows."""
    auditor = Auditor(run)
    dataset, _ = ingest(source, trusted, auditor.classes)
    if auditor.quality.method == "transfer":
        dataset = dataset.keeping_unlabelled()
    if look.strict:
        refuse_skips(dataset)
    _warn_of_fitted(run, dataset.table["sample_id"], told)
    dataset, judged = auditor.judge(dataset, look.device, look.max_pixels, look.scratch, told)
    if look.strict:
        refuse_skips(dataset)
    unknown = np.full(len(dataset), np.nan, np.float32)
    return ScoredRows(
        identity=dataset.table.select(list(IDENTITY)),
        alpha=unknown,
        beta=unknown,
        margin=unknown,
        label_quality=judged.quality,
        suggested=judged.suggested,
        suggested_confidence=judged.confidence,
        judging=(dataset.given >= 0) & (dataset.trusted >= 0),
        probability=dataset.sample_probability,
        classes=auditor.classes,
        model=auditor.quality.method_for(new=True),
    )


def _picked(before: ScoredRows, after: ScoredRows) -> str | None:
    """Say so where the rows that were verified since look picked, by the label quality from before."""
    fresh = (after.trusted >= 0) & (before.trusted < 0)
    drawn = np.isfinite(after.probability).any()
    return None if drawn else picked_by_looks(before.label_quality, fresh)


def _warn_of_fitted(run: Run, ids: pa.ChunkedArray, told: Progress) -> None:
    """Say so when rows are not new: most of the networks have trained on their labels."""
    fitted = read_table(run.trace, TRACE, ["sample_id"])[0]["sample_id"].combine_chunks()
    count = pc.sum(pc.is_in(ids, value_set=fitted)).as_py() or 0
    if count:
        told.warn(
            f"{count:,} of {len(ids):,} sample ids belong to rows that were fitted; their labels were trained on, so "
            f"these scores trust them too much. Honest ones: noisecleaner score {run.path}"
        )


def _check(threshold: float, by: str) -> None:
    check_choice(by, BY, parameter="`by`")
    if not 0 <= threshold <= 1:
        raise NoisecleanerError(
            f"--threshold must lie in [0, 1], but it is {threshold}.", "The default is --threshold 0.5."
        )
