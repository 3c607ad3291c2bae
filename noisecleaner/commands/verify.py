"""`noisecleaner verify`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from noisecleaner.commands import console, terminal
from noisecleaner.commands._shared import opt
from noisecleaner.commands.gate import JudgedExit
from noisecleaner.registry import check_choice
from noisecleaner.texts import json_text


def verify(
    path: Annotated[Path, typer.Argument(help="A run, scores, a copy of a dataset, or embeddings.")],
    format: Annotated[str, opt("What is written to stdout: console, or json with all names.")] = "console",
) -> None:
    """Compare each file with what was written, bit for bit; tells what to do where one is another.

    Exit code 0: sound. 1: damaged. 2: nothing of ours is there, or it is being written. 3: an earlier version wrote it.

    Example: noisecleaner verify runs/first
    """
    from noisecleaner.api import verify as check

    check_choice(format, ["console", "json"], parameter="`format`")
    result = check(path, progress=terminal.TerminalProgress())
    if format == "json":
        console.show_text(json_text(result.to_json()))
    else:
        console.show_verified(result)
    raise JudgedExit(result.soundness.exit_code)
