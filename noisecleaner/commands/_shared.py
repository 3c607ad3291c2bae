"""What several commands share: single options, and how the words behind them are read; groups are in `_options`."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from noisecleaner.errors import NoisecleanerError
from noisecleaner.registry import table_endings


def either(names: Sequence[str]) -> str:
    """Join choices for a help text: `a, b or c`."""
    return " or ".join(filter(None, [", ".join(names[:-1]), names[-1]]))


def opt(help: str, panel: str | None = None, *names: str, **rest: Any) -> Any:
    return typer.Option(*names, help=help, rich_help_panel=panel, **rest)


ROWS, MODEL, TRAINING, RULES = "Rows and columns", "What looks at the images", "Training", "Rules"

Data = Annotated[
    str,
    typer.Argument(help=f"Image folder, {either(table_endings())} table, folder of Parquet files, glob, or URI."),
]
Out = Annotated[Path, opt("Directory to make.")]
Trusted = Annotated[
    str | None,
    opt("Table or folder with verified labels, joined on the sample id: of rows drawn at random, or by plan."),
]
Corrections = Annotated[
    str | None,
    opt("Table with labels that you fixed where rows looked wrong, joined likewise; they measure nothing."),
]
Threshold = Annotated[
    str | None,
    opt(
        "Flag rows below it, in [0, 1], or in the range of another column with --by; auto: the one of best expected F1 "
        "by label quality; 0.5 by default."
    ),
]
TrustedOrNone = Annotated[
    str | None,
    opt(
        "Table or folder with verified labels, joined on the sample id: of rows drawn at random, or by plan; none: "
        "rows of low loss steer instead."
    ),
]
Device = Annotated[str, opt("auto, cpu, cuda, cuda:N or mps.", TRAINING)]
Seed = Annotated[int, opt("Seed of every random number.", TRAINING, min=0, max=2**32 - 1)]


def pair(text: str, option: str) -> tuple[str, Any]:
    """Split NAME=VALUE, and read the value as a number, true, false or none where it is one."""
    name, value = split(text, option)
    words: dict[str, Any] = {"true": True, "false": False, "none": None}
    if value.lower() in words:
        return name, words[value.lower()]
    for kind in (int, float):
        try:
            return name, kind(value)
        except ValueError:
            continue
    return name, value


def cut_at(text: str | None) -> float | Literal["auto"] | None:
    """Read a threshold: a number or auto."""
    if text is None:
        return None
    if text == "auto":
        return "auto"
    try:
        return float(text)
    except ValueError as error:
        raise NoisecleanerError(
            f"--threshold takes a number or auto, but it is {text!r}.",
            "Try --threshold 0.5, or --threshold auto for the best expected F1.",
        ) from error


def costlier(text: str | None) -> float | None:
    """Read WRONG_KEPT:RIGHT_DROPPED: how many times as much the first costs."""
    if text is None:
        return None
    kept, _, dropped = text.partition(":")
    try:
        costs = float(kept), float(dropped)
    except ValueError:
        costs = 0.0, 0.0
    # two numbers may be so far apart that no number is as many times the other
    if not all(0 < cost < math.inf for cost in costs) or not 0 < costs[0] / costs[1] < math.inf:
        raise NoisecleanerError(
            "--cost takes WRONG_KEPT:RIGHT_DROPPED, what a wrong label that is kept costs and what a right one that is "
            f"flagged does, two numbers above 0 of which one is a finite multiple of the other, but it is {text!r}.",
            "Try --cost 5:1.",
        )
    return costs[0] / costs[1]


def split(text: str, option: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not (name and equals and value):
        raise NoisecleanerError(f"{option} takes NAME=VALUE, but it is {text!r}.", f"Write {option} name=value.")
    return name, value


def only_given(**values: Any) -> dict[str, Any]:
    """Leave out the options that were not given, so that the library's defaults hold."""
    return {name: value for name, value in values.items() if value is not None}


def refuse(given: Mapping[str, object], needs: str) -> None:
    """Refuse options that would do nothing here."""
    useless = [name for name, value in given.items() if value]
    if useless:
        raise NoisecleanerError(
            f"{' and '.join(useless)} would do nothing: only for {needs}.", f"Add {needs}, or leave that out."
        )
