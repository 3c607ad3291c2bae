"""`noisecleaner fit`."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from noisecleaner.commands import console, terminal
from noisecleaner.commands._config import Config
from noisecleaner.commands._groups import grouped
from noisecleaner.commands._options import FittedRowOptions, ModelOptions, TrainingOptions
from noisecleaner.commands._shared import (
    ROWS,
    Corrections,
    Data,
    Device,
    Out,
    Seed,
    TrustedOrNone,
    opt,
    pair,
)
from noisecleaner.errors import NoisecleanerError


@grouped
def fit(
    ctx: typer.Context,
    *,
    data: Data,
    out: Out,
    trusted: TrustedOrNone = None,
    corrections: Corrections = None,
    class_embeddings: Annotated[
        str | None, opt("File with a vector a class in the embeddings' space, such as CLIP's of their names.", ROWS)
    ] = None,
    method: Annotated[str, opt("Rule that weighs the rows; see `noisecleaner methods`.")] = "soseleto",
    option: Annotated[
        list[str] | None, opt("NAME=VALUE, an option of the method; REGULARISER.NAME=VALUE, of that; repeatable.")
    ] = None,
    transfer: Annotated[
        bool,
        typer.Option(
            "--transfer", help="The trusted rows are another task, with classes of their own; find what helps it."
        ),
    ] = False,
    regulariser: Annotated[
        list[str] | None, opt("Term that changes the loss; see `noisecleaner methods`; repeatable.")
    ] = None,
    unlabelled: Annotated[
        str | None, opt("Table or folder of the target's rows without labels, for --regulariser lautum.")
    ] = None,
    irrelevant: Annotated[
        str | None, opt("Table or folder with the --irrelevant-column, if it is not in the dataset.")
    ] = None,
    irrelevant_column: Annotated[
        str | None, opt("Column with a label that is irrelevant to the task, for --regulariser purified.", ROWS)
    ] = None,
    overwrite: Annotated[
        bool,
        typer.Option(
            "--overwrite", help="Replace a run that is there, and its scores; plans, your files and new/ stay."
        ),
    ] = False,
    resume: Annotated[bool, typer.Option("--resume", help="Go on with an interrupted run.")] = False,
    config: Config = None,
    rows: FittedRowOptions,
    model: ModelOptions,
    training: TrainingOptions,
    seed: Seed = 0,
    device: Device = "auto",
) -> None:
    """Train on a noisy dataset, steered by verified labels, and write a run directory.

    Several GPUs or processes do it together: torchrun --nproc-per-node N -m noisecleaner fit ... (the same options).

    Example: noisecleaner fit images/ --trusted verified.csv --out runs/first
    """
    from noisecleaner.api import FitConfig, Regularisation
    from noisecleaner.api import fit as run_fit

    regularisers = _regularisers(
        regulariser or [], unlabelled=bool(unlabelled), irrelevant=bool(irrelevant or irrelevant_column)
    )
    own, of_regularisers = _options(option or [], regularisers)
    asked = FitConfig(
        source=rows.source(data, irrelevant=irrelevant_column),
        trusted=trusted,
        corrections=corrections,
        class_embeddings=class_embeddings,
        transfer=transfer,
        method=method,
        options=own,
        regularisation=Regularisation(regularisers=of_regularisers, unlabelled=unlabelled, irrelevant=irrelevant),
        model=model.model(),
        effort=training.effort(),
        decoding=rows.decoding(),
        seed=seed,
        device=device,
        strict=rows.strict,
    )
    result = run_fit(
        asked, out, overwrite=overwrite, resume=resume, progress=terminal.TerminalProgress(), interrupts=ctx.obj
    )
    console.show_fitted(out, result)


def _regularisers(named: list[str], *, unlabelled: bool, irrelevant: bool) -> list[str]:
    """The regularisers that were named, and those whose rows were."""
    implied = {"lautum": unlabelled, "purified": irrelevant}
    return list(dict.fromkeys([*named, *(name for name, given in implied.items() if given)]))


def _options(texts: list[str], regularisers: list[str]) -> tuple[dict[str, Any], dict[str, dict[str, Any]]]:
    """Sort NAME=VALUE to the method, and REGULARISER.NAME=VALUE to the regulariser."""
    own: dict[str, Any] = {}
    others: dict[str, dict[str, Any]] = {name: {} for name in regularisers}
    for text in texts:
        name, value = pair(text, "--option")
        regulariser, dot, rest = name.partition(".")
        if not dot:
            own[name] = value
        elif regulariser in others:
            others[regulariser][rest] = value
        else:
            raise NoisecleanerError(
                f"--option {name} is for --regulariser {regulariser}, which was not chosen.",
                f"Add --regulariser {regulariser}, or leave the option out.",
            )
    return own, others
