"""`noisecleaner score`."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from noisecleaner.commands import console, terminal
from noisecleaner.commands._config import Config
from noisecleaner.commands._groups import grouped
from noisecleaner.commands._options import NewRowOptions, target_of
from noisecleaner.commands._shared import (
    Corrections,
    Threshold,
    Trusted,
    costlier,
    cut_at,
    either,
    only_given,
    opt,
    refuse,
)
from noisecleaner.commands.wording import typed
from noisecleaner.errors import NoisecleanerError
from noisecleaner.progress.bars import Verbosity
from noisecleaner.registry import check_choice, names_in
from noisecleaner.texts import json_text

if TYPE_CHECKING:
    from collections.abc import Callable

    from noisecleaner.noise.goal import Goal
    from noisecleaner.progress import Progress
    from noisecleaner.runs.summary import Summary

GOAL = "Instead of a threshold"


@dataclass(frozen=True, kw_only=True)
class GoalOptions:
    """What may be asked for instead of a threshold."""

    target_precision: Annotated[
        float | None, opt("Flag as many rows as keep this share of them truly wrong.", GOAL)
    ] = None
    target_noise: Annotated[
        float | None, opt("Keep as many rows as keep the share of wrong ones among them below this.", GOAL)
    ] = None
    budget: Annotated[int | None, opt("Flag at most this many rows, those of lowest quality.", GOAL)] = None
    cost: Annotated[
        str | None,
        opt(
            "Flag as suits what a wrong label costs that is kept, and a right one that is flagged, such as 5:1.",
            GOAL,
            metavar="WRONG_KEPT:RIGHT_DROPPED",
        ),
    ] = None
    confidence: Annotated[float | None, opt("With which a target must hold; 0.9 by default.", GOAL)] = None

    def goal(self, threshold: float | Literal["auto"] | None) -> Goal | None:
        """Take the one goal that was asked for.

        Raises:
            NoisecleanerError: several were, or a threshold beside one.
        """
        from noisecleaner.noise.goal import Goal

        options = {"precision": "--target-precision", "noise": "--target-noise", "budget": "--budget"}
        options |= {"cost": "--cost"}
        values = {"precision": self.target_precision, "noise": self.target_noise, "budget": self.budget}
        values |= {"cost": costlier(self.cost)}
        asked = {kind: value for kind, value in values.items() if value is not None}
        names = [*(["--threshold"] if threshold is not None else []), *(options[kind] for kind in asked)]
        if len(names) > 1:
            raise NoisecleanerError(f"One rule sets the threshold, but {' and '.join(names)} are given.", "Keep one.")
        refuse({"--confidence": self.confidence is not None and not asked.keys() - {"budget", "cost"}}, "a target")
        for kind, value in asked.items():
            return Goal(kind, value, **only_given(confidence=self.confidence))  # type: ignore[arg-type]  # a key of `options`
        return None


@dataclass(frozen=True, kw_only=True)
class OutputOptions:
    """How it is told what was found."""

    format: Annotated[str, opt("What is written to stdout: console, or json with the same numbers.")] = "console"
    top: Annotated[int | None, opt("Rows in flagged.csv, the worst first; 1000 by default.", min=0)] = None
    cleanlab_columns: Annotated[
        bool,
        typer.Option(
            "--cleanlab-columns", help="Write is_label_issue, label_score and predicted_label to scores.parquet, too."
        ),
    ] = False

    def check(self) -> None:
        """Refuse a format that there is not.

        Raises:
            NoisecleanerError: names those that there are.
        """
        check_choice(self.format, ["console", "json"], parameter="`format`")


@grouped
def score(
    *,
    run: Annotated[Path, typer.Argument(help="Run directory that `fit` made.")],
    threshold: Threshold = None,
    by: Annotated[
        str | None,
        opt(
            "What the threshold cuts: label_quality, or what training saw: alpha, alignment, margin, positive_share; "
            "alpha after a transfer."
        ),
    ] = None,
    goals: GoalOptions,
    data: Annotated[str | None, opt("Score these rows, which were not fitted, without training.")] = None,
    engine: Annotated[
        str, opt(f"Where a frozen network looks at the images of --data: {either(names_in('engines'))}.")
    ] = "local",
    out: Annotated[Path | None, opt("Where to write with --data; RUN/new/NAME-HASH of the rows by default.")] = None,
    trusted: Trusted = None,
    corrections: Corrections = None,
    output: OutputOptions,
    config: Config = None,
    rows: NewRowOptions,
) -> None:
    """Write label quality, suggestions and flags for every row, and show what matters.

    Example: noisecleaner score runs/first --threshold 0.5
    """
    from noisecleaner.api import Cutoff, score_new
    from noisecleaner.api import score as score_fitted

    output.check()
    at = cut_at(threshold)
    cut = only_given(threshold=at, by=by, goal=goals.goal(at), top=output.top)
    cutoff = Cutoff(**cut, cleanlab_columns=output.cleanlab_columns)
    if data is None:
        refuse({"--engine": engine != "local"}, "--data")
        rows.refuse_without_data(out)
        told = any(rows.of_labels().values())
        if trusted is None and corrections is None:
            refuse(rows.of_labels(), "--data, --trusted or --corrections")
        columns = only_given(columns=rows.columns() if told else None)

        def fitted(progress: Progress) -> Summary:
            return score_fitted(
                run, cutoff=cutoff, trusted=trusted, corrections=corrections, progress=progress, **columns
            )

        _show(fitted, run, output)
        return
    source = rows.source(data)
    target = target_of(run, source.data, out)

    def new(progress: Progress) -> Summary:
        return score_new(
            run,
            source,
            target,
            trusted=trusted,
            corrections=corrections,
            cutoff=cutoff,
            inference=replace(rows.inference(), engine=engine),
            progress=progress,
        )

    _show(new, target, output)


def _show(score: Callable[[Progress], Summary], target: Path, output: OutputOptions) -> None:
    """Score, and show what was written, also where that does not reach the goal.

    Raises:
        TooFewVerifiedError: it does not.
    """
    from noisecleaner.api import TooFewVerifiedError
    from noisecleaner.runs.flagged import TOP
    from noisecleaner.runs.scored_run import ScoredRun

    missed = None
    with terminal.LateProgress() as progress:
        try:
            summary = score(progress)
        except TooFewVerifiedError as error:
            if error.written is None:
                raise
            missed, summary = error, ScoredRun(error.written).summary()
        # numbers for machines are not what somebody reads who looks at the terminal
        seen = output.format == "console" and progress.verbosity is not Verbosity.QUIET
        progress.release(summary.notices if seen else ())
    if output.format == "json":
        console.show_text(json_text({"run": str(target), **summary.worded(typed).to_json()}))
    else:
        console.show_summary(summary, target, listed=min(summary.flagged, TOP if output.top is None else output.top))
    if missed is not None:
        raise missed
