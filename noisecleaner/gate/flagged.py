"""The flagged rows of a run, the worst first: read when a format asks for them, and never all of them in memory."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from noisecleaner.ingest import Source
from noisecleaner.runs.flagged import flagged_rows
from noisecleaner.runs.scored_run import ScoredRun
from noisecleaner.texts import printable, shortened

_NAMED = ("sample_id", "path", "given_label", "suggested_label")
_LONGEST = 200  # characters of a name in a sentence


@dataclass(frozen=True, kw_only=True)
class FlaggedRow:
    """One flagged row.

    Args:
        sample_id: its id.
        path: its image as the dataset names it, None where it lies in a table.
        given: its given label.
        suggested: the likeliest other label, None where none is more likely than not.
        by: the column that the threshold cuts.
        value: of the row in that column; None where it has none, because it lacks a label.
    """

    sample_id: str
    path: str | None
    given: str | None
    suggested: str | None
    by: str
    value: float | None

    @property
    def sentence(self) -> str:
        """What a person reads: which label looks wrong, how sure that is, and what it should be."""
        label = "The missing label" if self.given is None else f"The label {_name(self.given)}"
        better = "no other class is surely right" if self.suggested is None else f"{_name(self.suggested)} is likelier"
        told = "" if self.value is None else f" ({self.by} {self.value:.4f})"
        return f"{label} of {_name(self.sample_id)} looks wrong{told}; {better}."


@dataclass(frozen=True, kw_only=True)
class FlaggedRows:
    """The flagged rows of a run.

    Args:
        run: the scored run; None has none.
    """

    run: ScoredRun | None = None

    def __len__(self) -> int:
        """How many there are."""
        return self.run.counts.flagged if self.run else 0

    @property
    def source(self) -> Source | None:
        """Where the rows came from."""
        return self.run.metadata.source if self.run else None

    def worst(self, most: int) -> Iterator[FlaggedRow]:
        """List the rows with the lowest values, in the order of the dataset where they are equal.

        Args:
            most: how many to list; so many, and one batch, are in memory.

        Raises:
            NoisecleanerError: scores.parquet is damaged.
        """
        if self.run is None:
            return
        by = self.run.metadata.by
        for part in flagged_rows(self.run, [*_NAMED, by], most).to_batches():
            for sample_id, path, given, suggested, value in zip(*(c.to_pylist() for c in part.columns), strict=True):
                yield FlaggedRow(sample_id=sample_id, path=path, given=given, suggested=suggested, by=by, value=value)


def _name(text: str) -> str:
    return f"'{shortened(printable(text), _LONGEST)}'"
