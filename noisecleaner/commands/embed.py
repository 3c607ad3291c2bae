"""`noisecleaner embed`."""

from __future__ import annotations

from typing import Annotated

import typer

from noisecleaner.commands import console, terminal
from noisecleaner.commands._groups import Without, grouped
from noisecleaner.commands._options import FittedRowOptions, ModelOptions
from noisecleaner.commands._shared import Data, Device, Out, either, only_given, opt
from noisecleaner.registry import check_choice, names_in
from noisecleaner.texts import json_text


@grouped
def embed(
    *,
    data: Data,
    out: Out,
    resume: Annotated[bool, typer.Option("--resume", help="Go on with an interrupted run; its shards stay.")] = False,
    rows_per_shard: Annotated[int | None, opt("Rows of a file, a multiple of 64; 16,384 by default.", min=1)] = None,
    engine: Annotated[str, opt(f"Where it runs: {either(names_in('engines'))}.")] = "local",
    format: Annotated[str, opt("What is written to stdout: console, or json.")] = "console",
    rows: Annotated[FittedRowOptions, Without("embedding_column", "probabilities_column", "none_label")],
    model: Annotated[ModelOptions, Without("frozen", "hidden")],
    device: Device = "auto",
) -> None:
    """Make a vector of every image: a folder of Parquet files that `fit`, `score --data` and others read.

    Example: noisecleaner embed images/ --out emb && noisecleaner fit images/ --embedding-column emb/ --out run
    """
    from noisecleaner.api import EmbedConfig
    from noisecleaner.api import embed as run_embed

    check_choice(format, ["console", "json"], parameter="`format`")
    asked = EmbedConfig(
        source=rows.source(data),
        model=model.model(),
        decoding=rows.decoding(),
        device=device,
        engine=engine,
        strict=rows.strict,
        **only_given(rows_per_shard=rows_per_shard),
    )
    result = run_embed(asked, out, resume=resume, progress=terminal.TerminalProgress())
    if format == "json":
        console.show_text(json_text(result.to_json()))
    else:
        console.show_embedded(result, data)
