"""`noisecleaner score` and `noisecleaner plan`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from noisecleaner.commands import console, terminal
from noisecleaner.commands._shared import (
    AllowAbsolute,
    Device,
    EmbeddingColumn,
    IdColumn,
    ImageColumn,
    LabelColumn,
    MaxPixels,
    ProbabilitiesColumn,
    RowIds,
    Seed,
    Strict,
    Trusted,
    TrustedColumn,
    name_of,
    only_given,
    opt,
    refuse,
    refuse_new_only,
)
from noisecleaner.errors import NoisecleanerError

if TYPE_CHECKING:
    from noisecleaner.noise.thresholds import Goal

GOAL = "Instead of a threshold"


def score(
    run: Annotated[Path, typer.Argument(help="Run directory that `fit` made.")],
    threshold: Annotated[float | None, opt("Flag rows below it, in [0, 1]; 0.5 by default.")] = None,
    by: Annotated[str | None, opt("What the threshold cuts: label_quality or alpha; alpha after a transfer.")] = None,
    target_precision: Annotated[
        float | None, opt("Flag as many rows as keep this share of them truly wrong.", GOAL)
    ] = None,
    target_noise: Annotated[
        float | None, opt("Keep as many rows as keep the share of wrong ones among them below this.", GOAL)
    ] = None,
    budget: Annotated[int | None, opt("Flag at most this many rows, those of lowest quality.", GOAL)] = None,
    confidence: Annotated[float | None, opt("With which a target must hold; 0.9 by default.", GOAL)] = None,
    data: Annotated[str | None, opt("Score these rows, which were not fitted, without training.")] = None,
    out: Annotated[Path | None, opt("Where to write with --data; RUN/new/NAME by default.")] = None,
    trusted: Trusted = None,
    image_column: ImageColumn = "image",
    label_column: LabelColumn = "label",
    id_column: IdColumn = "sample_id",
    trusted_column: TrustedColumn = "trusted_label",
    embedding_column: EmbeddingColumn = None,
    probabilities_column: ProbabilitiesColumn = None,
    row_ids: RowIds = False,
    allow_absolute: AllowAbsolute = False,
    strict: Strict = False,
    max_pixels: MaxPixels = None,
    device: Device = "auto",
) -> None:
    """Write label quality, suggestions and flags for every row, and show what matters.

    Example: noisecleaner score runs/first --threshold 0.5
    """
    from noisecleaner.api import Columns, Source, score_new
    from noisecleaner.api import score as score_fitted

    columns = Columns(
        image=image_column,
        label=label_column,
        sample_id=id_column,
        trusted=trusted_column,
        embedding=embedding_column,
        probabilities=probabilities_column,
        row_ids=row_ids,
    )
    goal = _goal(threshold, {"precision": target_precision, "noise": target_noise, "budget": budget}, confidence)
    cut: dict[str, Any] = {"goal": goal, **only_given(threshold=threshold)}
    if data is None:
        refuse_new_only(out, strict, max_pixels, allow_absolute, device, columns)
        console.show_summary(
            score_fitted(run, by=by, trusted=trusted, progress=terminal.TerminalProgress(), **cut), run
        )
        return
    if by == "alpha":
        raise NoisecleanerError("New rows have no alpha, which tells what training did with a row.", "Leave --by out.")
    source = Source(data, columns=columns, allow_absolute=allow_absolute)
    target = out or run / "new" / name_of(source.data)
    summary = score_new(
        run,
        source,
        target,
        trusted=trusted,
        device=device,
        max_pixels=max_pixels,
        strict=strict,
        progress=terminal.TerminalProgress(),
        **cut,
    )
    console.show_summary(summary, target)


def plan(
    run: Annotated[Path, typer.Argument(help="Run directory after `score`, or the output of `score --data`.")],
    out: Annotated[Path, opt("Table to write (.parquet), with trusted_label to fill in.")],
    count: Annotated[int, opt("Rows to verify.", None, "--n")] = 200,
    seed: Seed = 0,
) -> None:
    """Choose the rows to verify next, so that the noise rate becomes as sharp as it can.

    Example: noisecleaner plan runs/first --n 200 --out verify.parquet
    """
    from noisecleaner.api import plan as draw

    console.show_planned(draw(run, out, count=count, seed=seed))


def _goal(threshold: float | None, targets: dict[str, float | None], confidence: float | None) -> Goal | None:
    """The one goal that was asked for instead of a threshold."""
    from noisecleaner.api import Goal

    options = {"precision": "--target-precision", "noise": "--target-noise", "budget": "--budget"}
    asked = {kind: value for kind, value in targets.items() if value is not None}
    names = [*(["--threshold"] if threshold is not None else []), *(options[kind] for kind in asked)]
    if len(names) > 1:
        raise NoisecleanerError(f"One rule sets the threshold, but {' and '.join(names)} are given.", "Keep one.")
    refuse({"--confidence": confidence is not None and not asked.keys() - {"budget"}}, "a target")
    for kind, value in asked.items():
        return Goal(kind, value, **only_given(confidence=confidence))  # type: ignore[arg-type]  # a key of `options`
    return None
