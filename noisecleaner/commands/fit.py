"""`noisecleaner fit`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from noisecleaner.commands import console, terminal
from noisecleaner.commands._shared import (
    MODEL,
    ROWS,
    TRAINING,
    AllowAbsolute,
    Data,
    Device,
    EmbeddingColumn,
    IdColumn,
    ImageColumn,
    LabelColumn,
    MaxPixels,
    Out,
    ProbabilitiesColumn,
    RowIds,
    Seed,
    Strict,
    Threads,
    TrustedColumn,
    TrustedOrNone,
    only_given,
    opt,
    pair,
    refuse,
)
from noisecleaner.errors import NoisecleanerError
from noisecleaner.threads import cores


def fit(
    ctx: typer.Context,
    data: Data,
    out: Out,
    trusted: TrustedOrNone = None,
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
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace a run that is there.")] = False,
    resume: Annotated[bool, typer.Option("--resume", help="Go on with an interrupted run.")] = False,
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
    threads: Threads = None,
    backbone: Annotated[str | None, opt("Name of a network; efficientnet-lite0 if installed.", MODEL)] = None,
    frozen: Annotated[
        bool | None, opt("Train only a head on the backbone's features; so if it is pretrained.", MODEL)
    ] = None,
    pretrained: Annotated[
        bool, typer.Option("--pretrained", help="Load published weights.", rich_help_panel=MODEL)
    ] = False,
    weights: Annotated[Path | None, opt("Safetensors file with the backbone's weights.", MODEL)] = None,
    image_size: Annotated[int | None, opt("Edge length images are resized to.", MODEL, min=8)] = None,
    hidden: Annotated[
        int, opt("Units of a hidden layer in the head on features; 0 for none.", MODEL, min=0, max=65_536)
    ] = 0,
    epochs: Annotated[int | None, opt("Passes over the data.", TRAINING)] = None,
    batch_size: Annotated[int | None, opt("Rows in a step; 128, or more for a head on many rows.", TRAINING)] = None,
    trusted_batch: Annotated[int, opt("Trusted rows in a step.", TRAINING)] = 64,
    learning_rate: Annotated[float | None, opt("At the start of its cosine.", TRAINING)] = None,
    weight_decay: Annotated[float | None, opt("L2 penalty.", TRAINING, min=0)] = None,
    folds: Annotated[int | None, opt("Training runs for cross-fitting, at least 3; or 1.", TRAINING)] = None,
    checkpoint_seconds: Annotated[float, opt("Least time between checkpoints.", TRAINING, min=0)] = 30.0,
    meta: Annotated[
        str,
        opt("Layers the meta step asks: exact (all), block (the last ones), last (the classifier).", TRAINING),
    ] = "exact",
    meta_every: Annotated[int, opt("Steps for which one trusted batch serves.", TRAINING)] = 1,
    meta_momentum: Annotated[float, opt("Share of the last trusted gradient in the next one.", TRAINING)] = 0.0,
    precision: Annotated[
        str, opt("What layers compute in: float32, bfloat16, or auto (bfloat16 where the hardware has it).", TRAINING)
    ] = "auto",
    workers: Annotated[
        int | None,
        opt("Processes that train the folds of a head; one for each core by default.", TRAINING),
    ] = None,
    seed: Seed = 0,
    device: Device = "auto",
) -> None:
    """Train on a noisy dataset, steered by verified labels, and write a run directory.

    Example: noisecleaner fit images/ --trusted verified.csv --out runs/first
    """
    from noisecleaner.api import Columns, Decoding, Effort, FitConfig, Meta, Model, Regularisation, Source
    from noisecleaner.api import fit as run_fit

    columns = Columns(
        image=image_column,
        label=label_column,
        sample_id=id_column,
        trusted=trusted_column,
        embedding=embedding_column,
        probabilities=probabilities_column,
        row_ids=row_ids,
        irrelevant=irrelevant_column,
    )
    own, of_regularisers = _options(option or [], _regularisers(regulariser, unlabelled, irrelevant, irrelevant_column))
    if embedding_column or probabilities_column:
        refuse({"--threads": threads, "--max-pixels": max_pixels, "--image-column": image_column != "image"}, "images")
    config = FitConfig(
        source=Source(data, columns=columns, allow_absolute=allow_absolute),
        trusted=trusted,
        transfer=transfer,
        method=method,
        options=own,
        regularisation=Regularisation(regularisers=of_regularisers, unlabelled=unlabelled, irrelevant=irrelevant),
        model=Model(
            backbone=backbone,
            frozen=frozen,
            pretrained=pretrained,
            weights=weights,
            image_size=image_size,
            hidden=hidden,
        ),
        effort=Effort(
            epochs=epochs,
            batch_size=batch_size,
            trusted_batch=trusted_batch,
            learning_rate=learning_rate,
            weight_decay=weight_decay,
            folds=folds,
            checkpoint_seconds=checkpoint_seconds,
            meta=Meta(
                layers=meta,  # type: ignore[arg-type]  # a text until the library has checked it
                every=meta_every,
                momentum=meta_momentum,
            ),
            precision=precision,  # type: ignore[arg-type]  # likewise
            workers=cores() if workers is None else workers,
        ),
        decoding=Decoding(**only_given(threads=threads, max_pixels=max_pixels)),
        seed=seed,
        device=device,
        strict=strict,
    )
    fitted = run_fit(
        config, out, overwrite=overwrite, resume=resume, progress=terminal.TerminalProgress(), interrupts=ctx.obj
    )
    console.show_fitted(out, fitted)


def _regularisers(
    chosen: list[str] | None, unlabelled: str | None, irrelevant: str | None, column: str | None
) -> list[str]:
    """The regularisers that were named, and those whose rows were."""
    names = dict.fromkeys(chosen or [])
    if unlabelled:
        names["lautum"] = None
    if irrelevant or column:
        names["purified"] = None
    return list(names)


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
