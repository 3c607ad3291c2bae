"""What to type to fill in a table that `plan` wrote, and when that is done."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING

from noisecleaner.commands.wording import option

if TYPE_CHECKING:
    from noisecleaner.ingest import Source
    from noisecleaner.planning.form import Form, ScoredForm


def filling_in(form: Form) -> list[str]:
    """Word the command that makes a page of it: a table of text does not know where its rows come from."""
    beside = [] if form.path.suffix == ".parquet" else ["--data", form.data]
    return ["noisecleaner", "review", str(form.path), *beside, "--out", str(form.path.with_suffix(".html"))]


def fitting(form: Form, options: Mapping[str, str | int]) -> list[str]:
    """Word the first fit.

    Args:
        form: the table.
        options: those by which the rows were read: option -> value, True for a switch.
    """
    words = [word for name, value in options.items() for word in ([name] if value is True else [name, str(value)])]
    trusted = ["--trusted", str(form.path), "--out", "runs/first"]
    return ["noisecleaner", "fit", form.data, *words, *trusted]


def taking_back(form: ScoredForm) -> list[str]:
    """Word the command: where new rows were scored, those are named again."""
    words = ["noisecleaner", "score"]
    if form.source is None:
        words += [str(form.scores)]
    else:
        words += [str(form.run), "--data", form.source.data, *_reading(form.source)]
        words += ["--out", str(form.scores)]
    return [*words, "--trusted", str(form.path)]


def _reading(source: Source) -> Iterator[str]:
    """The options by which a source was read, but for those that are usual."""
    usual = asdict(type(source.columns)())
    for name, value in asdict(source.columns).items():
        # an order of classes that is no file's is what the run has told, and will tell again
        if value != usual[name] and not isinstance(value, tuple):
            yield option(f"Columns.{name}")
            yield from [] if value is True else [str(value)]
    if source.allow_absolute:
        yield "--allow-absolute"
