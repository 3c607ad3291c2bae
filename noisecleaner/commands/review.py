"""`noisecleaner review`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from noisecleaner.commands import console, terminal
from noisecleaner.commands._groups import Without, grouped
from noisecleaner.commands._options import RowOptions
from noisecleaner.commands._shared import opt, refuse
from noisecleaner.commands.wording import typed


@grouped
def review(
    place: Annotated[
        Path, typer.Argument(help="Table that `plan` wrote; with --flagged a run directory.", metavar="PLAN_OR_RUN")
    ],
    out: Annotated[Path, opt("Page to write (.html); of many rows several: verify-1.html, verify-2.html, …")],
    *,
    flagged: Annotated[
        bool,
        typer.Option("--flagged", help="Show a run's flagged rows with their suggested labels, to correct them."),
    ] = False,
    rows: Annotated[
        int | None, opt("Images in a page; 1,000 of a plan by default, with --flagged the worst 300.", min=1)
    ] = None,
    link_images: Annotated[
        bool, typer.Option("--link-images", help="Link image files where they lie, instead of packing them in.")
    ] = False,
    data: Annotated[
        str | None, opt("Where the dataset is, if it has moved, or the plan is a CSV (with the options below).")
    ] = None,
    row_options: Annotated[
        RowOptions,
        Without("trusted_column", "trusted_id_column", "embedding_column", "probabilities_column"),
    ],
) -> None:
    """Write a page in which one verifies rows blind, or corrects flagged ones, with the keyboard; it needs no network.

    Example: noisecleaner review verify.parquet --out verify.html
    """
    from noisecleaner.api import review as write
    from noisecleaner.planning.following import NAMES

    if data is None:
        refuse({"column options": row_options != RowOptions()}, "--data")

    def words(text: str) -> str:
        names = row_options.label_names  # the library forgets where it has read them
        return typed(text if names is None else text.replace(f"label_names={NAMES}", f"label_names={names!r}"))

    written = write(
        place,
        out,
        flagged=flagged,
        data=None if data is None else row_options.source(data),
        rows=rows,
        link_images=link_images,
        words=words,
        progress=terminal.TerminalProgress(),
    )
    console.show_review(written, words)
