"""The noise of each class, with its interval, and what the scores expect it to be."""

from __future__ import annotations

from collections.abc import Iterator

from markupsafe import Markup

from noisecleaner.noise.rate import percent
from noisecleaner.report.charts._chart import WIDTH, Chart, Table, drawing, line, named, words
from noisecleaner.report.contents import ClassBar, Report

_NAME, _TITLE = "classes", "Which classes are wrong most often"
#: Classes that are drawn, the worst ones; the table has more.
_DRAWN = 30
_STEP, _TOP = 24, 34
_LEFT, _RIGHT = 138, WIDTH - 58


def classes(report: Report) -> Chart | None:
    """Draw it; None where no class has a rate."""
    bars = [bar for bar in report.classes if bar.noise.value is not None]
    if report.void or not bars:
        return None
    drawn, worst = bars[:_DRAWN], bars[0]
    text = f"Most often wrong: {named(worst.name, 60)}, {worst.noise.words()}."
    text += f" The {_DRAWN} worst of {len(bars):,} classes are drawn." if len(bars) > _DRAWN else ""
    bottom = _TOP + _STEP * len(drawn)
    parts = [*_scale(drawn, bottom), *(part for place, bar in enumerate(drawn) for part in _bar(bar, place))]
    svg = drawing(_NAME, _TITLE, text, height=bottom + 42, parts=parts)
    return Chart(name=_NAME, title=_TITLE, text=text, svg=svg, table=_table(report))


def _x(share: float) -> float:
    return _LEFT + share * (_RIGHT - _LEFT)


def _scale(drawn: list[ClassBar], bottom: float) -> Iterator[Markup]:
    for share in (0.0, 0.25, 0.5, 0.75, 1.0):
        yield line((_x(share), _TOP - 6), (_x(share), bottom), kind="grid")
        yield words(f"{100 * share:.0f} %", _x(share), bottom + 16, anchor="middle")
    yield words("share of wrong labels", (_LEFT + _RIGHT) / 2, bottom + 36, kind="axis", anchor="middle")
    ends = any(bar.noise.interval for bar in drawn)
    yield words("bar: estimate" + (", line: 95 % interval" if ends else "") + _ticked(drawn), 0, 14)


def _ticked(drawn: list[ClassBar]) -> str:
    return ", tick: what the scores expect" if any(bar.expected is not None for bar in drawn) else ""


def _bar(bar: ClassBar, place: int) -> Iterator[Markup]:
    y = _TOP + _STEP * place
    middle, value = y + _STEP / 2 - 3, bar.noise.value or 0.0
    yield words(named(bar.name), _LEFT - 8, middle + 4, anchor="end", kind="label")
    form = Markup('<rect x="{:.1f}" y="{:.1f}" width="{:.1f}" height="12" class="bar"/>')
    yield form.format(_LEFT, middle - 6, _x(value) - _LEFT)
    if (ends := bar.noise.interval) is not None:
        yield line((_x(ends.low), middle), (_x(ends.high), middle), kind="whisker")
        for end in (ends.low, ends.high):
            yield line((_x(end), middle - 4), (_x(end), middle + 4), kind="whisker")
    if bar.expected is not None:
        yield line((_x(bar.expected), middle - 9), (_x(bar.expected), middle + 9), kind="tick")
    yield words(percent(value), WIDTH, middle + 4, anchor="end")


def _table(report: Report) -> Table:
    rows = [
        (
            bar.name,
            f"{bar.rows:,}",
            f"{bar.flagged:,}",
            bar.noise.words(),
            "unknown" if bar.expected is None else percent(bar.expected),
            f"{bar.noise.sample_size:,}",
        )
        for bar in report.classes
    ]
    header = ("given label", "rows", "flagged", "wrong (95 % interval)", "the scores expect", "verified rows")
    return Table(header=header, rows=tuple(rows))
