"""A listing: a title, and rows of text below a header; `console` prints it as a table."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from noisecleaner.bench import Benchmark
    from noisecleaner.registry import PlugIn


@dataclass(frozen=True)
class Listing:
    """Rows of text.

    Args:
        title: what is listed.
        header: the names of the columns.
        rows: one text for each column; without any, nothing is printed.
    """

    title: str
    header: Sequence[str]
    rows: Sequence[Sequence[str]]


def plug_in_listing(title: str, kind: str, plug_ins: Sequence[PlugIn]) -> Listing:
    """List plug-ins with their options: the default of each, and what else some may be."""
    rows = [(p.name, p.description, ", ".join(_option(p, name) for name in p.options)) for p in plug_ins]
    return Listing(title, (kind, "what it is", "options"), rows)


def _option(plug_in: PlugIn, name: str) -> str:
    default = plug_in.options[name]
    others = [word for word in plug_in.choices.get(name, ()) if word != default]
    return f"{name}={default}" + (f" (or {', '.join(others)})" if others else "")


def bench_listing(benchmark: Benchmark) -> Listing:
    """List the paper's numbers beside ours."""
    names = list(benchmark.lines[0].row.setting)
    rows = [
        (
            *(str(line.row.setting[name]) for name in names),
            line.row.method,
            line.metric.replace("_", " "),
            "" if line.paper is None else f"{line.paper:.4f}",
            f"{line.mean:.4f}" + ("" if line.deviation is None else f" ± {line.deviation:.4f}"),
            str(len(line.values)),
        )
        for line in benchmark.lines
    ]
    header = (*(name.replace("_", " ") for name in names), "method", "metric", "paper", "ours", "seeds")
    title = [benchmark.paper, f"scale {benchmark.scale:g}", benchmark.backbone, benchmark.device]
    return Listing(", ".join(filter(None, title)), header, rows)
