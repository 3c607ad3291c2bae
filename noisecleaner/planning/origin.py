"""What a table to fill in knows of the data it was drawn from: enough to show its images and name its classes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from noisecleaner.ingest import Source
from noisecleaner.runs.scored_run import ScoredRun


@dataclass(frozen=True, kw_only=True)
class Origin:
    """Where the rows of a plan come from, kept in the metadata of its Parquet file.

    Args:
        source: the rows that were drawn from.
        classes: their class names.
        none_label: the verified label that says that none of the classes is right; None where no label can.
        run: the directory with the scores that rows were drawn by; None where there was none yet.
    """

    source: Source
    classes: tuple[str, ...]
    none_label: str | None
    run: str | None

    @classmethod
    def of(cls, scored: ScoredRun) -> Origin:
        """Say where the rows of a scored run come from.

        Raises:
            NoisecleanerError: the verified label that was to say that no class is right is a class.
        """
        source, classes = scored.metadata.source, scored.metadata.classes
        return cls(source=source, classes=classes, none_label=source.no_class(classes), run=str(scored.path))

    def to_json(self) -> dict[str, Any]:
        """Describe the origin as a JSON object."""
        return {
            "run": self.run,
            "source": self.source.to_json(),
            "classes": list(self.classes),
            "none_label": self.none_label,
        }

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> Origin:
        """Bring back what `to_json` described.

        Raises:
            ValueError: it is no such thing; KeyError, TypeError and AttributeError likewise.
        """
        classes, none_label, run = (content[name] for name in ("classes", "none_label", "run"))
        if not (isinstance(classes, list) and all(isinstance(name, str) for name in classes)):
            raise ValueError("its classes are missing")
        if not all(text is None or isinstance(text, str) for text in (none_label, run)):
            raise ValueError("its words are no text")
        return cls(source=Source.from_json(content["source"]), classes=tuple(classes), none_label=none_label, run=run)
