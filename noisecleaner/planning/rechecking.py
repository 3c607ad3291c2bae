"""Which verified rows to look at again, without knowing what was said of them: so it shows how far verifiers err."""

from __future__ import annotations

from dataclasses import dataclass
from functools import reduce
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from noisecleaner.errors import NoisecleanerError
from noisecleaner.files import AnyPath, alone, located, shared
from noisecleaner.notices import Severity
from noisecleaner.planning.form import ScoredForm, check_new, other_rows, tells, write_form
from noisecleaner.planning.origin import Origin
from noisecleaner.runs.metadata import Metadata
from noisecleaner.runs.scored_run import ScoredRun
from noisecleaner.tables import RECHECK

#: Columns that a row of this kind has, and those that it lacks.
_HAS, _LACKS = ("given_label", "trusted_label"), ("corrected_label", "skip_reason")
#: Keeps this draw apart from that of new rows with the same seed.
_STREAM = 1


@dataclass(frozen=True, kw_only=True)
class RecheckResult(ScoredForm):
    """What `recheck` wrote, a table with verified rows to look at again.

    Args:
        rows: in the table.
        verified: all rows that measure, those with a second look included.
        looked_at: those of them that had a second look before.
    """

    rows: int
    verified: int
    looked_at: int


def recheck(run: AnyPath, out: AnyPath, *, count: int, seed: int = 0) -> RecheckResult:
    """Draw verified rows for a second look, and write a table to fill in.

    Rows are drawn evenly, and stand in random order. The table has the columns of `RECHECK`, and tells nothing else.

    Args:
        run: a directory with scores: a run after `score`, or the output of `score_new`.
        out: the table to write (.parquet, or .csv or .tsv for a spreadsheet); nobody has filled in `second_label`.
        count: rows to look at again.
        seed: of the draw.

    Raises:
        NoisecleanerError: there are no scores, the verified rows are no sample, or fewer than `count` of them have no
            second look yet; or `out` exists or has another ending.
    """
    run, out = located(run), located(out)
    with alone(out, work="plan"), shared(run, work="plan"):
        check_new(out)
        return _recheck(ScoredRun(run), out, count=count, seed=seed)


def _recheck(scored: ScoredRun, out: Path, *, count: int, seed: int) -> RecheckResult:
    """Draw rows while nobody else writes to `out`, or to the scores; arguments are those of `recheck`."""
    run = scored.path
    _refuse_what_measures_nothing(run, scored.metadata)
    verified = _verified(scored)
    open_rows = verified.filter(pc.is_null(verified["second_label"]))
    _check_count(run, count, open_rows=len(open_rows), verified=len(verified))
    order = np.random.default_rng((seed, len(open_rows), _STREAM)).permutation(len(open_rows))
    drawn = open_rows.take(pa.array(order[:count]))
    notices = write_form(
        out,
        drawn.select(RECHECK.names),
        schema=RECHECK,
        origin=Origin.of(scored),
        facts={"recheck": count, "seed": seed},
    )
    return RecheckResult(
        path=out,
        drawn_from=scored.metadata.source,
        scores=run,
        run=scored.metadata.run,
        source=other_rows(scored),
        rows=count,
        verified=len(verified),
        looked_at=len(verified) - len(open_rows),
        telling=sum(tells(row, row["given_label"]) for row in drawn.to_pylist()),
        notices=notices,
    )


def _refuse_what_measures_nothing(run: Path, metadata: Metadata) -> None:
    """Refuse rows that are no sample: a second look could not make a rate surer that nobody can tell.

    Raises:
        NoisecleanerError: a notice says so; the message holds it.
    """
    reason = next((notice.message for notice in metadata.notices if notice.severity is Severity.VOID), None)
    if reason is not None:
        raise NoisecleanerError(
            f"A second look is for verified rows that measure, but no rate stands on those of {run}:", reason
        )


def _verified(scored: ScoredRun) -> pa.Table:
    """Read the verified rows that measure, in the order of the dataset: id, path and labels."""
    table = scored.scores(list(dict.fromkeys([*RECHECK.names, *_HAS, *_LACKS, "judging", "certified"])))
    valid, null = [pc.is_valid(table[name]) for name in _HAS], [pc.is_null(table[name]) for name in _LACKS]
    # an earlier version did not tell which rows judge
    masks = [*valid, *null, pc.fill_null(table["judging"], fill_value=True)]
    masks += [pc.invert(pc.fill_null(table["certified"], fill_value=False))]
    return table.filter(reduce(pc.and_, masks))


def _check_count(run: Path, count: int, *, open_rows: int, verified: int) -> None:
    """Refuse to draw more rows than there are.

    Raises:
        NoisecleanerError: nobody has verified a row, or fewer than `count` have no second look yet.
    """
    if not verified:
        raise NoisecleanerError(
            f"A second look is for verified rows, but {run} holds none that measure.",
            f"Verify some first, drawn at random or with `plan({str(run)!r}, count=N)`.",
        )
    if not 1 <= count <= open_rows:
        done = f" ({verified - open_rows:,} have had one)" if open_rows < verified else ""
        more = "Verify more rows first, drawn at random or with `plan()`."
        raise NoisecleanerError(
            f"`recheck.count` must be a number of verified rows without a second look, of which there are "
            f"{open_rows:,}{done}, but it is {count:,}.",
            "Give another `recheck.count`." if open_rows else more,
        )
