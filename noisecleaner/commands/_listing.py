"""A listing: a title, and rows of text below a header; `console` prints it as a table."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


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
