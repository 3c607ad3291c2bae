"""`plan`: which rows to verify next, drawn with known probabilities that make the noise rate as sharp as can be."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from noisecleaner.arrays import BoolArray, FloatArray
from noisecleaner.errors import NoisecleanerError
from noisecleaner.ingest import Columns
from noisecleaner.noise.design import Frame, draw
from noisecleaner.tables import DESIGN, PLAN, SCORES, read_table, write_table


@dataclass(frozen=True)
class Planned:
    """What `plan` wrote.

    Args:
        path: the table to fill in.
        new: rows to verify.
        known: rows that were verified before; they are in the table, too.
        shrinks: how long the interval of the noise rate will be by comparison with as many rows drawn evenly, as label
            quality expects it.
        next: the words to type when the table is filled in.
    """

    path: Path
    new: int
    known: int
    shrinks: float
    next: tuple[str, ...]


def plan(run: Path, out: Path, *, count: int, seed: int = 0) -> Planned:
    """Draw rows to verify, and write a table to fill in.

    Rows are drawn with probability proportional to the standard deviation that label quality q expects of their
    outcome, sqrt(q (1 - q)) (Neyman, 1934), a fifth of them evenly; systematically in the order of q, which spreads
    them over it. Rows that were verified before count as a random sample, or as what an earlier plan drew.

    Args:
        run: a directory with scores: a run after `score`, or the output of `score --data`.
        out: the table to write (Parquet), with the columns of `PLAN`; nobody has filled in `trusted_label` of new rows.
        count: rows to verify.
        seed: of the draw.

    Raises:
        NoisecleanerError: there are no scores or too few rows, or `out` exists or is no `.parquet`.
    """
    if out.exists():
        raise NoisecleanerError(
            f"A plan replaces no file, but {out} exists already, and somebody may have filled it in.",
            "Name another one with --out FILE.",
        )
    if out.suffix != ".parquet":
        raise NoisecleanerError(
            f"A plan is a Parquet file, but {out} is called otherwise.", f"Write --out {out.with_suffix('.parquet')}."
        )
    scores, meta = read_table(run / "scores.parquet", SCORES)
    quality = np.asarray(scores["label_quality"].to_numpy(), dtype=np.float64)
    usable = np.isfinite(quality) & np.asarray(pc.is_valid(scores["given_label"]))
    known = np.asarray(pc.is_valid(scores["trusted_label"])) & usable
    open_rows = usable & ~known
    if not 1 <= count <= int(open_rows.sum()):
        raise NoisecleanerError(
            f"--n must be a number of rows that nobody has verified yet, of which there are {int(open_rows.sum()):,}, "
            f"but it is {count:,}.",
            "Give another --n.",
        )
    before = _before(run, known, usable, bool(meta.get("weighted")))
    drawn = draw(Frame(quality=quality, usable=usable, verified=known, before=before), count=count, seed=seed)
    table = _table(scores, drawn.drawn | known, drawn.probability)
    design = {"sample_id": scores["sample_id"], "before": pa.array(before)}
    design |= {"sample_probability": pa.array(drawn.probability), "drawn": pa.array(drawn.drawn)}
    out.parent.mkdir(parents=True, exist_ok=True)
    write_table(out, [table], PLAN, {"run": str(run), "n": count, "seed": seed})
    try:
        write_table(run / "design.parquet", [pa.table(design, schema=DESIGN)], DESIGN, {"plan": str(out)})
    except BaseException:
        out.unlink()  # nobody shall fill in a plan that the next one would not know of
        raise
    return Planned(out, count, int(known.sum()), drawn.shrinks, _next(run, out, meta))


def _before(run: Path, known: BoolArray, usable: BoolArray, weighted: bool) -> FloatArray:
    """With which probability each row could have been among those that are verified, shape [rows].

    A plan of which no row was verified is forgotten.

    Raises:
        NoisecleanerError: they were drawn by a plan that was made elsewhere.
    """
    even = np.full(len(known), known.sum() / max(1, int(usable.sum())))
    if not weighted:
        return even
    design = run / "design.parquet"
    if not design.exists():
        raise NoisecleanerError(
            f"The next plan needs the probabilities of the last one, but {run} holds no design.parquet.",
            "Score the verified table in the run in which it was planned (`score RUN --trusted PLAN`), and plan there.",
        )
    table = read_table(design, DESIGN)[0]
    done = known[np.asarray(table["drawn"])].any()
    return np.asarray(table["sample_probability" if done else "before"].to_numpy(), dtype=np.float64)


def _next(run: Path, out: Path, meta: Mapping[str, Any]) -> tuple[str, ...]:
    """How the filled-in table is taken back: where the scores of new rows came from, those rows are named again."""
    if (run / "run.json").exists():
        return ("noisecleaner", "score", str(run), "--trusted", str(out))
    again = ("--data", str(meta["source"]["data"]), *_columns(meta["source"]), "--out", str(run))
    return ("noisecleaner", "score", str(meta["run"]), *again, "--trusted", str(out))


def _columns(source: Mapping[str, Any]) -> Iterator[str]:
    """The options by which columns of other names were read."""
    usual = asdict(Columns())
    options = {"sample_id": "id", "row_ids": "row-ids"}
    for name, value in source.get("columns", usual).items():
        if value != usual[name]:
            option = options.get(name, name)
            yield from [f"--{option}"] if value is True else [f"--{option}-column", str(value)]
    if source.get("allow_absolute"):
        yield "--allow-absolute"


def _table(scores: pa.Table, rows: BoolArray, probability: FloatArray) -> pa.Table:
    columns = {name: scores[name] for name in PLAN.names if name in scores.column_names}
    columns["sample_probability"] = pa.array(probability)
    return pa.table({name: columns[name] for name in PLAN.names}, schema=PLAN).filter(pa.array(rows))
