"""Which label flagged rows carry, and which one they look like: a heat map of few classes, else the largest pairs.

Its cells are buttons of a table, so that they can be read, reached with the keyboard, and choose rows of the gallery.
"""

from __future__ import annotations

from dataclasses import dataclass

from noisecleaner.report.contents import Report
from noisecleaner.runs.summary import Confusion

#: Classes of which a heat map is drawn.
_CLASSES = 30
#: Pairs that are listed where there are more classes.
_PAIRS = 30
#: Shades of cells.
_SHADES = 8


@dataclass(frozen=True, kw_only=True)
class Cell:
    """Flagged rows of one pair, and how dark they are shown: 1 to 8."""

    given: str
    suggested: str
    rows: int
    shade: int


@dataclass(frozen=True, kw_only=True)
class Confusions:
    """The pairs of given and suggested label.

    Args:
        names: the classes of the map, in the order of its lines and columns; empty where pairs are listed.
        grid: a line for each given label, None where no row is flagged; empty likewise.
        pairs: the most frequent ones.
        left_out: pairs that are not shown.
    """

    names: tuple[str, ...]
    grid: tuple[tuple[Cell | None, ...], ...]
    pairs: tuple[Cell, ...]
    left_out: int


def confusions(report: Report) -> Confusions | None:
    """Make it; None where no flagged row has a suggestion."""
    if not report.confusions:
        return None
    most = report.confusions[0].rows
    cells = [_cell(pair, most) for pair in report.confusions]
    told = {bar.name for bar in report.classes} | {cell.suggested for cell in cells}
    if len(told) > _CLASSES:
        return Confusions(names=(), grid=(), pairs=tuple(cells[:_PAIRS]), left_out=len(cells[_PAIRS:]))
    at = {(cell.given, cell.suggested): cell for cell in cells}
    names = tuple(sorted(told))
    grid = tuple(tuple(at.get((given, suggested)) for suggested in names) for given in names)
    return Confusions(names=names, grid=grid, pairs=(), left_out=0)


def _cell(pair: Confusion, most: int) -> Cell:
    shade = max(1, round(_SHADES * pair.rows / most))
    return Cell(given=pair.given, suggested=pair.suggested, rows=pair.rows, shade=shade)
