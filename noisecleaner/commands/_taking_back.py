"""What to type when a table that `plan` wrote is filled in."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from typing import TYPE_CHECKING

from noisecleaner.commands.wording import option

if TYPE_CHECKING:
    from noisecleaner.ingest import Source
    from noisecleaner.planning.form import Form


def taking_back(form: Form) -> list[str]:
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
