"""`noisecleaner export-clean` and `noisecleaner corrupt`: what writes copies of a dataset."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from noisecleaner.commands import console, terminal
from noisecleaner.commands._config import Config
from noisecleaner.commands._groups import Without, grouped
from noisecleaner.commands._options import RowOptions
from noisecleaner.commands._shared import Corrections, Data, Out, Seed, cut_at, either, opt, refuse, split
from noisecleaner.registry import constants_in, names_in

_ROWS_ALONE = ", ".join(name for name, alone in constants_in("export.formats", "ROWS_ALONE").items() if alone)
_FORMATS = (
    f"{either(names_in('export.formats'))}. same: what the dataset was; {_ROWS_ALONE}: rows alone, images stay where "
    "they are."
)


def export_clean(
    *,
    scored: Annotated[Path, typer.Argument(help="Run directory after `score`, or the output of `score --data`.")],
    out: Out,
    on_flag: Annotated[str, opt("What happens to flagged rows: drop, relabel or keep.")] = "drop",
    threshold: Annotated[
        str | None,
        opt("Flag rows below it in the column that `score` cut, or auto; as they were scored by default."),
    ] = None,
    min_confidence: Annotated[
        float, opt("With relabel: drop rows whose suggestion is less certain.", min=0, max=1)
    ] = 0.0,
    format: Annotated[str, opt(_FORMATS)] = "same",
    data: Annotated[str | None, opt("Where the dataset is now, if it has moved since the fit.")] = None,
    corrections: Corrections = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only count.")] = False,
    config: Config = None,
) -> None:
    """Write a clean copy of the dataset; the dataset itself is never touched.

    Example: noisecleaner export-clean runs/first --out clean --on-flag drop
    """
    from noisecleaner.api import OnFlag, Policy
    from noisecleaner.api import export_clean as export
    from noisecleaner.registry import check_choice

    check_choice(on_flag, [choice.value for choice in OnFlag], parameter="`on_flag`")
    refuse({"--min-confidence": min_confidence and on_flag != "relabel"}, "--on-flag relabel")
    exported = export(
        scored,
        out,
        policy=Policy(on_flag=OnFlag(on_flag), threshold=cut_at(threshold), min_confidence=min_confidence),
        format=format,
        data=data,
        corrections=corrections,
        dry_run=dry_run,
        progress=terminal.TerminalProgress(),
    )
    console.show_exported(exported, dry_run)


@grouped
def corrupt(
    *,
    data: Data,
    out: Out,
    kind: Annotated[str, opt("symmetric, asymmetric or confusion.")] = "symmetric",
    rate: Annotated[float, opt("Share of labels to make wrong, in [0, 1].")] = 0.4,
    pair: Annotated[
        list[str] | None,
        opt("TRUE=WRONG, for asymmetric; repeatable. Each class to the next by default."),
    ] = None,
    seed: Seed = 0,
    rows: Annotated[RowOptions, Without("trusted_column", "probabilities_column", "none_label")],
) -> None:
    """Copy a dataset with known wrong labels put in: data.parquet, and truth.parquet to check against.

    Example: noisecleaner corrupt images/ --out noisy --kind symmetric --rate 0.4
    """
    from noisecleaner.api import Kind
    from noisecleaner.api import corrupt as put_noise
    from noisecleaner.registry import check_choice

    check_choice(kind, [choice.value for choice in Kind], parameter="`kind`")
    refuse({"--pair": bool(pair) and kind != "asymmetric"}, "--kind asymmetric")
    corruption = put_noise(
        rows.source(data),
        out,
        kind=Kind(kind),
        rate=rate,
        seed=seed,
        pairs=dict(split(text, "--pair") for text in pair or []),
        progress=terminal.TerminalProgress(),
    )
    console.show_corruption(corruption)
