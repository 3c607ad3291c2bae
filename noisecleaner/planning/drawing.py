"""Which rows to verify next: drawn with known probabilities that make the noise rate as sharp as can be."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from noisecleaner.arrays import BoolArray, FloatArray
from noisecleaner.errors import NoisecleanerError
from noisecleaner.files import AnyPath, located
from noisecleaner.noise.design import Design, Frame, draw
from noisecleaner.noise.sampling import unequal
from noisecleaner.notices import void
from noisecleaner.planning.form import ScoredForm, check_new, other_rows, write_form
from noisecleaner.planning.origin import Origin
from noisecleaner.runs.scored_run import ScoredRun
from noisecleaner.tables import DESIGN, PLAN, doubles, read_table, write_table

#: Where a plan leaves the probabilities for the next one.
_DESIGN = "design.parquet"


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
    check_new(out)
    scored = ScoredRun(run)
    scores = scored.scores([*(name for name in PLAN.names if name != "sample_probability"), "certified"])
    frame = _frame(scored, scores, count)
    design = draw(frame, count=count, seed=seed)
    table = _table(scores, frame.verified | design.drawn, design.probability)
    notices = write_form(out, table, schema=PLAN, origin=Origin.of(scored), facts={"n": count, "seed": seed})
    try:
        _remember(run, out, ids=scores["sample_id"], frame=frame, design=design)
    except BaseException:
        out.unlink()  # nobody shall fill in a plan that the next one would not know of
        raise
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
    before = _before(scored.path, verified) if _drawn_by_scores(scored, verified) else even
    return Frame(quality=quality, usable=usable, verified=verified, before=before)


def _drawn_by_scores(scored: ScoredRun, verified: BoolArray) -> bool:
    """Whether a plan from scores drew the verified rows, shape [rows]: what `plan_data` draws is a plain sample."""
    if not scored.metadata.weighted or (scored.path / _DESIGN).exists():
        return scored.metadata.weighted
    drawn = doubles(scored.scores(["sample_probability"])["sample_probability"])[verified]
    # an earlier version did not tell them
    return not np.isfinite(drawn).any() or unequal(drawn)


def _before(run: Path, verified: BoolArray) -> FloatArray:
    """With which probability each row could have been drawn by the plans before, shape [rows].

    A plan of which no row was verified is forgotten.

    Args:
        run: where the last plan left its design.
        verified: rows that somebody has verified, shape [rows].

    Raises:
        NoisecleanerError: they were drawn by a plan that was made elsewhere.
    """
    path = run / _DESIGN
    if not path.exists():
        raise NoisecleanerError(
            f"The next plan needs the probabilities of the last one, but {run} holds no design.parquet.",
            "Score the verified table in the run in which it was planned (`score(RUN, trusted=PLAN)`), and plan there.",
        )
    design = read_table(path, DESIGN)[0]
    done = verified[np.asarray(design["drawn"])].any()
    return doubles(design["sample_probability" if done else "before"])


def _remember(run: Path, out: Path, *, ids: pa.ChunkedArray, frame: Frame, design: Design) -> None:
    """Keep the design for the next plan."""
    columns: dict[str, Any] = {"sample_id": ids, "before": frame.before}
    columns |= {"sample_probability": design.probability, "drawn": design.drawn}
    write_table(run / _DESIGN, [pa.table(columns, schema=DESIGN)], DESIGN, {"plan": str(out)})


def _table(scores: pa.Table, rows: BoolArray, probability: FloatArray) -> pa.Table:
    """Make the table to fill in.

    Args:
        scores: the columns of `PLAN` but for the last.
        rows: those that are to be in it, shape [rows].
        probability: with which each is verified, shape [rows].
    """
    last = PLAN.field("sample_probability")
    return scores.append_column(last, [pa.array(probability)]).select(PLAN.names).filter(pa.array(rows))
