"""`noisecleaner report`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from noisecleaner.commands import console, terminal
from noisecleaner.commands._config import Config
from noisecleaner.commands._shared import opt
from noisecleaner.commands.wording import typed


def report(
    run: Annotated[Path, typer.Argument(help="Run directory after `score`, or the output of `score --data`.")],
    out: Annotated[Path, opt("Page to write (.html); the JSON of its numbers is written beside it.")],
    rows: Annotated[int, opt("Rows that are shown, the worst first.", min=0)] = 200,
    images: Annotated[bool, opt("Show rows with their images.")] = True,
    data: Annotated[str | None, opt("Where the dataset is now, if it has moved since the fit.")] = None,
    config: Config = None,
) -> None:
    """Write one page that shows what `score` found, with charts and the worst rows; it needs no network.

    Example: noisecleaner report runs/first --out report.html
    """
    from noisecleaner.api import report as write

    progress = terminal.TerminalProgress()
    console.show_reported(write(run, out, rows=rows, images=images, data=data, words=typed, progress=progress))
