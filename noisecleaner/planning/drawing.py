"""Which rows to verify next: drawn with known probabilities that make the noise rate as sharp as can be."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from noisecleaner.arrays import BoolArray, FloatArray
from noisecleaner.errors import NoisecleanerError
from noisecleaner.files import AnyPath, alone, located, shared
from noisecleaner.noise.design import Frame, draw
from noisecleaner.notices import void
from noisecleaner.planning.designs import DESIGN_FILE, VerifiedRun, remember, used
from noisecleaner.planning.form import ScoredForm, check_new, other_rows, write_form
from noisecleaner.planning.origin import Origin
from noisecleaner.runs.scored_run import ScoredRun
from noisecleaner.tables import PLAN, doubles


@dataclass(frozen=True, kw_only=True)
class PlanResult(ScoredForm):
    """What `plan` wrote, a table with rows to verify.

    Args:
        new: rows to verify.
        known: rows that were verified before; they are in the table, too.
        shrinks: how long the interval of the noise rate will be by comparison with as many rows drawn evenly, as label
            quality expects it.
    """

    new: int
    known: int
    shrinks: float


def plan(run: AnyPath, out: AnyPath, *, count: int, seed: int = 0) -> PlanResult:
    """Draw rows to verify, and write a table to fill in.

    Rows are drawn as `noise.design.draw` does. Rows that were verified before count as a random sample, or as what an
    earlier plan drew; those that are no sample (`notices.void`) have no part in the plan, unless they are drawn. Rows
    of a clean copy that carry a verified label (`certified`) are never drawn.

    Args:
        run: a directory with scores: a run after `score`, or the output of `score_new`.
        out: the table to write (.parquet, or .csv or .tsv for a spreadsheet), with the columns of `PLAN`; nobody has
            filled in `trusted_label` of new rows.
        count: rows to verify.
        seed: of the draw.

    Raises:
        NoisecleanerError: there are no scores or too few rows, or `out` exists or has another ending.
    """
    run, out = located(run), located(out)
    with alone(out, work="plan"), shared(run, work="plan"):
        check_new(out)
        return _plan(ScoredRun(run), out, count=count, seed=seed)


def _plan(scored: ScoredRun, out: Path, *, count: int, seed: int) -> PlanResult:
    """Draw rows while nobody else writes to `out`, or to the scores; arguments are those of `plan`."""
    run = scored.path
    scores = scored.scores([*(name for name in PLAN.names if name != "sample_probability"), "certified"])
    frame = _frame(scored, scores, count)
    design = draw(frame, count=count, seed=seed)
    table = _table(scores, frame.verified | design.drawn, design.probability)

    def remembered() -> None:
        """Nobody shall fill in a plan that the next one would not know of."""
        with alone(run / DESIGN_FILE, work="plan"):  # of another plan of these rows
            remember(run, out, ids=scores["sample_id"], frame=frame, design=design)

    facts = {"n": count, "seed": seed}
    notices = write_form(out, table, schema=PLAN, origin=Origin.of(scored), facts=facts, first=remembered)
    return PlanResult(
        path=out,
        drawn_from=scored.metadata.source,
        new=count,
        known=int(frame.verified.sum()),
        shrinks=design.shrinks,
        scores=run,
        run=scored.metadata.run,
        source=other_rows(scored),
        notices=notices,
    )


def _frame(scored: ScoredRun, scores: pa.Table, count: int) -> Frame:
    """Find the rows from which `count` can be drawn.

    Raises:
        NoisecleanerError: there are not so many, or those before were drawn by a plan that was made elsewhere.
    """
    quality = doubles(scores["label_quality"])
    # `score` would refuse to count rows of a clean copy that carry a verified label: they are right by how it was made
    certified = np.asarray(pc.fill_null(scores["certified"], fill_value=False))
    usable = np.isfinite(quality) & np.asarray(pc.is_valid(scores["given_label"])) & ~certified
    # what is no sample has no part in the next one either
    measures = not void(scored.metadata.notices)
    verified = np.asarray(pc.is_valid(scores["trusted_label"])) & usable & measures
    open_rows = int((usable & ~verified).sum())
    if not 1 <= count <= open_rows:
        raise NoisecleanerError(
            f"`count` must be a number of rows that nobody has verified yet, of which there are {open_rows:,}, "
            f"but it is {count:,}.",
            "Give another `count`.",
        )
    even = np.full(len(usable), verified.sum() / max(1, int(usable.sum())))
    before = _before(scored, scores["sample_id"], verified) if scored.metadata.weighted else None
    return Frame(quality=quality, usable=usable, verified=verified, before=even if before is None else before)


def _before(scored: ScoredRun, ids: pa.ChunkedArray, verified: BoolArray) -> FloatArray | None:
    """With which probability each row could have been drawn before; None where that was a plain random sample.

    Args:
        scored: where plans left their designs.
        ids: of all rows, shape [rows].
        verified: rows that somebody has verified, shape [rows].

    Raises:
        NoisecleanerError: they were drawn by a plan that was made elsewhere.
    """
    probability = doubles(scored.scores(["sample_probability"])["sample_probability"])
    return used(scored.path, VerifiedRun(ids=ids, rows=verified, probability=probability))


def _table(scores: pa.Table, rows: BoolArray, probability: FloatArray) -> pa.Table:
    """Make the table to fill in.

    Args:
        scores: the columns of `PLAN` but for the last.
        rows: those that are to be in it, shape [rows].
        probability: with which each is verified, shape [rows].
    """
    last = PLAN.field("sample_probability")
    return scores.append_column(last, [pa.array(probability)]).select(PLAN.names).filter(pa.array(rows))
