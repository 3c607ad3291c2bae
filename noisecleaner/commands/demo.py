"""`noisecleaner demo`: something to type the first commands on."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from noisecleaner.commands import console


def demo(
    out: Annotated[Path, typer.Argument(help="Directory to make.", metavar="DIR")],
) -> None:
    """Write a small dataset with wrong labels to try everything on: 1,000 drawn images, 200 of them verified.

    Example: noisecleaner demo demo
    """
    from noisecleaner.api import demo as write

    console.show_demo(write(out))
