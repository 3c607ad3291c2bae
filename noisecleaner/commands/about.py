"""`noisecleaner methods` and `noisecleaner bench`: what the package can do, and how well."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from noisecleaner.commands import console, terminal
from noisecleaner.commands._shared import Device, opt, pair
from noisecleaner.registry import names_in


def methods() -> None:
    """List the methods and regularisers with their options, and the backbones.

    Example: noisecleaner methods
    """
    from noisecleaner.registry import backbone_families, backbone_names
    from noisecleaner.registry import methods as all_methods
    from noisecleaner.registry import regularisers as all_regularisers

    console.show_methods(all_methods(), all_regularisers(), [*backbone_names(), *backbone_families().values()])


def bench(
    ctx: typer.Context,
    paper: Annotated[str, typer.Argument(help=f"Experiment to rerun: {', '.join(names_in('bench'))}.")],
    out: Annotated[Path, opt("Directory of the results; finished runs in it are not repeated.")],
    data: Annotated[Path | None, opt("Directory with the datasets, such as cifar10/; none for synthetic ones.")] = None,
    seeds: Annotated[int, opt("How often each row of the paper's table is run.")] = 3,
    scale: Annotated[
        float | None, opt("Share of the paper's size, in (0, 1]; what suits two CPU cores by default.")
    ] = None,
    option: Annotated[list[str] | None, opt("NAME=VALUE, an option of the experiment; repeatable.")] = None,
    device: Device = "auto",
) -> None:
    """Rerun a paper's experiment at a size that fits the machine, and put the paper's numbers beside ours.

    Example: noisecleaner bench soseleto-cifar10 --data ../data --out bench
    """
    from noisecleaner.api import BenchConfig
    from noisecleaner.api import bench as run_bench

    options = dict(pair(text, "--option") for text in option or [])
    config = BenchConfig(paper, data=data, seeds=seeds, scale=scale, device=device, options=options)
    benchmark = run_bench(config, out, progress=terminal.TerminalProgress(), interrupts=ctx.obj)
    console.show_bench(benchmark)
