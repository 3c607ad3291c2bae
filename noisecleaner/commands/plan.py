"""`noisecleaner plan`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from noisecleaner.commands import console, terminal
from noisecleaner.commands._groups import Without, grouped
from noisecleaner.commands._options import RowOptions
from noisecleaner.commands._shared import Seed, only_given, opt, refuse
from noisecleaner.errors import NoisecleanerError

#: Files by which a run, or scores of new rows, are told from a dataset.
_OF_A_RUN = ("run.json", "scores.parquet")


@grouped
def plan(
    *,
    drawn_from: Annotated[
        str,
        typer.Argument(
            metavar="RUN_OR_DATA",
            help="Run directory after `score`, or the output of `score --data`; before any fit the dataset, as `fit` "
            "takes it.",
        ),
    ],
    out: Annotated[
        Path, opt("Table to fill in and to give to --trusted: .parquet; .csv or .tsv for a spreadsheet, joined by ids.")
    ],
    count: Annotated[int | None, opt("Rows to verify; 200 of a run by default, 300 of a dataset.", None, "--n")] = None,
    recheck: Annotated[
        int | None,
        opt("Instead: that many verified rows, drawn evenly, to look at again without knowing what was said of them."),
    ] = None,
    seed: Seed = 0,
    rows: Annotated[RowOptions, Without("trusted_id_column")],
) -> None:
    """Choose the rows to verify first, or next, so that the noise rate becomes as sharp as it can; or to recheck.

    Example: noisecleaner plan images/ --n 300 --out verify.parquet
    """
    from noisecleaner.api import plan as draw
    from noisecleaner.api import plan_data
    from noisecleaner.api import recheck as draw_verified

    if recheck is not None and count is not None:
        raise NoisecleanerError("--n draws new rows and --recheck verified ones, but both are given.", "Keep one.")
    run = Path(drawn_from)
    if recheck is not None or _is_run(run):
        refuse(dict.fromkeys(rows.given(), True), "a dataset")
        if recheck is None:
            console.show_planned(draw(run, out, count=200 if count is None else count, seed=seed))
        else:
            console.show_recheck(draw_verified(run, out, count=recheck, seed=seed))
        return
    progress = terminal.TerminalProgress()
    planned = plan_data(rows.source(drawn_from), out, seed=seed, progress=progress, **only_given(count=count))
    console.show_planned_first(planned, rows.label_names)


def _is_run(path: Path) -> bool:
    """Whether a run or scores are meant: they are there, or beside a name that is none of a dataset either."""
    if any((path / name).is_file() for name in _OF_A_RUN):
        return True
    from noisecleaner.runs.near import meant

    elsewhere = not path.exists() or (path.parent / _OF_A_RUN[0]).is_file()
    return elsewhere and bool(meant(path, ""))
