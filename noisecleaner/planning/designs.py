"""The designs of a run's plans, for the next plan: the one that verified rows were drawn with is found by them.

A plan may be made and thrown away: what was used is known from the probabilities that verified rows carry. The last
design lies in `design.parquet`, where it always lay, and those before in `designs/`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from noisecleaner.arrays import BoolArray, FloatArray
from noisecleaner.errors import NoisecleanerError, quoted
from noisecleaner.noise.design import Design, Frame
from noisecleaner.noise.sampling import unequal
from noisecleaner.tables import DESIGN, doubles, read_table, write_table
from noisecleaner.texts import shortened

#: Where plans leave their designs: the last one, and those before, numbered.
DESIGN_FILE, _EARLIER = "design.parquet", "designs"
#: The part by which a probability may differ from that of the plan: a spreadsheet may have kept two digits.
_WRITTEN = 0.05
_SCORE = "Score the verified table in the run in which it was planned (`score(RUN, trusted=PLAN)`), and plan there."


@dataclass(frozen=True, kw_only=True)
class VerifiedRun:
    """The rows of a run, and which of them somebody has verified.

    Args:
        ids: of all rows, shape [rows].
        rows: those that were verified as a part of a sample, shape [rows].
        probability: with which each is said to have been drawn, NaN where nothing is said, shape [rows].
    """

    ids: pa.ChunkedArray
    rows: BoolArray
    probability: FloatArray

    @property
    def told(self) -> BoolArray:
        """Verified rows of which is said how they were drawn; an earlier version did not write that, shape [rows]."""
        told: BoolArray = self.rows & np.isfinite(self.probability)
        return told

    def apart(self, probability: FloatArray) -> float:
        """The largest part by which what is said of a row differs from its probability in a design, shape [rows]."""
        with np.errstate(divide="ignore", invalid="ignore"):
            parts = np.abs(self.probability[self.told] / probability[self.told] - 1)
        return float(np.nan_to_num(parts, nan=np.inf).max())


def used(run: Path, verified: VerifiedRun) -> FloatArray | None:
    """Find with which probability each row could have been drawn by the plan that the verified ones are of.

    Args:
        run: where plans left their designs.
        verified: rows that were drawn with probabilities.

    Returns:
        Shape [rows]; None where they are a plain random sample.

    Raises:
        NoisecleanerError: no plan of this run drew rows with their probabilities.
    """
    if not verified.rows.any():
        return None
    if not verified.told.any():
        return _last(run, verified)
    designs = [(verified.apart(design), design) for design in _designs(run, verified.ids)]
    apart, nearest = min(designs, key=lambda found: found[0], default=(np.inf, None))
    if apart <= _WRITTEN:
        return nearest
    if not unequal(verified.probability[verified.told]):
        return None
    if not designs:
        raise _none(run)
    row = int(np.flatnonzero(verified.told)[0])
    raise NoisecleanerError(
        "The next plan needs the probabilities of the one that the verified rows were drawn by, but no plan of "
        f"{run} has their sample_probability (such as {verified.probability[row]:.4g} of "
        f"{quoted(shortened(verified.ids[row].as_py(), 60))}).",
        f"Leave that column as `plan()` wrote it. {_SCORE}",
    )


def remember(run: Path, out: Path, *, ids: pa.ChunkedArray, frame: Frame, design: Design) -> None:
    """Keep a design beside those before.

    Args:
        run: where it is kept.
        out: the table that was planned.
        ids: of all rows, shape [rows].
        frame: the rows.
        design: which of them were drawn, and with which probabilities.
    """
    last, earlier = run / DESIGN_FILE, run / _EARLIER
    if last.exists() and not _same(last, design):
        earlier.mkdir(exist_ok=True)
        last.rename(earlier / f"{len(_numbered(run)) + 1:04d}.parquet")
    columns: dict[str, Any] = {"sample_id": ids, "before": frame.before}
    columns |= {"sample_probability": design.probability, "drawn": design.drawn}
    write_table(last, [pa.table(columns, schema=DESIGN)], DESIGN, {"plan": str(out)})


def _same(path: Path, design: Design) -> bool:
    """Whether a file holds the probabilities of a design: then nothing is lost where it takes its place."""
    return np.array_equal(doubles(read_table(path, DESIGN)[0]["sample_probability"]), design.probability)


def _numbered(run: Path) -> list[Path]:
    """Earlier designs, the oldest first."""
    return sorted((run / _EARLIER).glob("*.parquet"))


def _designs(run: Path, ids: pa.ChunkedArray) -> Iterator[FloatArray]:
    """Read the probabilities of all plans of these rows, the last one first, and those that were there before each."""
    last = run / DESIGN_FILE
    for path in [*([last] if last.exists() else []), *reversed(_numbered(run))]:
        table = read_table(path, DESIGN)[0]
        if table["sample_id"].equals(ids):
            # an earlier version kept the last plan only: what was before it is that of the plan before
            yield from (doubles(table[name]) for name in ("sample_probability", "before"))


def _last(run: Path, verified: VerifiedRun) -> FloatArray:
    """Take the last plan for the one that was used where a row that it drew is verified, shape [rows].

    Args:
        run: where it is.
        verified: rows that somebody has verified.

    Raises:
        NoisecleanerError: there is none of these rows.
    """
    design = read_table(run / DESIGN_FILE, DESIGN)[0] if (run / DESIGN_FILE).exists() else None
    if design is None or not design["sample_id"].equals(verified.ids):  # that of a fit that was replaced
        raise _none(run)
    done = verified.rows[np.asarray(design["drawn"])].any()
    return doubles(design["sample_probability" if done else "before"])


def _none(run: Path) -> NoisecleanerError:
    return NoisecleanerError(
        f"The next plan needs the probabilities of the last one, but {run} holds no design.parquet of its rows.", _SCORE
    )
