"""What a chart is, and the pieces of SVG that charts are made of. Texts are escaped where they are put in."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from noisecleaner.texts import printable, shortened

#: Width of every chart in its own units; a page scales it.
WIDTH = 460
#: Lines of a table twin in the page; all of them are in report.json.
MOST_LINES = 200


@dataclass(frozen=True, kw_only=True)
class Table:
    """The numbers of a chart: a header, and rows of as many texts."""

    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


@dataclass(frozen=True, kw_only=True)
class Chart:
    """A picture with its words and numbers.

    Args:
        name: of its kind, which is an id in the page.
        title: a few words.
        text: what can be read from it, in a sentence or two.
        svg: the picture; empty where there is nothing to draw.
        table: its numbers.
    """

    name: str
    title: str
    text: str
    svg: Markup
    table: Table


def drawing(name: str, title: str, text: str, *, height: float, parts: Sequence[Markup]) -> Markup:
    """Put pieces into a picture that says what it is to those who cannot see it."""
    return Markup(
        '<svg role="img" aria-labelledby="{name}-t {name}-d" viewBox="0 0 {width} {height:g}">'
        '<title id="{name}-t">{title}</title><desc id="{name}-d">{text}</desc>{parts}</svg>'
    ).format(name=name, width=WIDTH, height=height, title=title, text=text, parts=Markup("").join(parts))


def words(text: str, x: float, y: float, *, kind: str = "", anchor: str = "start") -> Markup:
    """A text at its place; `kind` is a class of the style."""
    return Markup('<text x="{:.1f}" y="{:.1f}" class="{}" text-anchor="{}">{}</text>').format(x, y, kind, anchor, text)


def line(start: tuple[float, float], end: tuple[float, float], *, kind: str) -> Markup:
    """A straight line."""
    form = Markup('<line x1="{:.1f}" y1="{:.1f}" x2="{:.1f}" y2="{:.1f}" class="{}"/>')
    return form.format(*start, *end, kind)


def path(points: Sequence[tuple[float, float]], *, kind: str) -> Markup:
    """A line through points, or a filled area of the class `area`."""
    steps = "L".join(f"{x:.1f},{y:.1f}" for x, y in points)
    return Markup('<path d="M{}" class="{}"/>').format(steps, kind) if points else Markup("")


def named(label: str | None, most: int = 17) -> str:
    """A user's text, short enough for a chart and without what moves others about."""
    return "(none)" if label is None else shortened(printable(label), most)


@dataclass(frozen=True, kw_only=True)
class Axes:
    """Two axes of shares from 0 to 1, on a part of the picture, in its units."""

    left: float = 44
    right: float = WIDTH - 14
    top: float = 14
    bottom: float = 262

    def at(self, x: float, y: float) -> tuple[float, float]:
        """Where a point of two shares is."""
        return self.left + x * (self.right - self.left), self.bottom - y * (self.bottom - self.top)

    def grid(self, across: str, up: str) -> list[Markup]:
        """Lines, numbers and names of both axes."""
        parts = []
        for share in (0.0, 0.25, 0.5, 0.75, 1.0):
            (x, y), number = self.at(share, share), f"{share:.0%}".replace("%", " %")
            parts += [
                line((self.left, y), (self.right, y), kind="grid"),
                words(number, x, self.bottom + 18, anchor="middle"),
            ]
            parts += [words(number, self.left - 6, y + 4, anchor="end")]
        parts += [words(across, (self.left + self.right) / 2, self.bottom + 38, kind="axis", anchor="middle")]
        return [*parts, words(up, 0, self.top - 20, kind="axis")]
