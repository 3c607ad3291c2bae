"""What another process has to tell: kept there, and told here."""

from __future__ import annotations

from collections.abc import Iterable

from noisecleaner.progress import Progress


class Notes(Progress):
    """Keeps what another process shall tell; steps are not counted across processes.

    Args:
        notes: what is kept already.
        warnings: likewise.
    """

    def __init__(self, notes: Iterable[str] = (), warnings: Iterable[str] = ()) -> None:
        self.notes, self.warnings = list(notes), list(warnings)

    def note(self, text: str) -> None:
        """Keep a choice that was made for the user."""
        self.notes.append(text)

    def warn(self, text: str) -> None:
        """Keep a warning."""
        self.warnings.append(text)

    def pass_on(self, progress: Progress) -> None:
        """Tell all of it."""
        for text in self.notes:
            progress.note(text)
        for text in self.warnings:
            progress.warn(text)
