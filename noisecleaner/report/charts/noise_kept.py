"""Noise of what is kept against the share that is kept, with its band; how many flagged rows are wrong beside it."""

from __future__ import annotations

from collections.abc import Iterator

from markupsafe import Markup

from noisecleaner.noise.rate import Interval, percent
from noisecleaner.report.charts._chart import Axes, Chart, Table, drawing, line, path, words
from noisecleaner.report.contents import Report

_NAME, _TITLE = "noise-kept", "How much noise a cut leaves"
_AXES = Axes(top=64, bottom=312)


def noise_kept(report: Report) -> Chart | None:
    """Draw it; None where no rate stands on verified rows."""
    if report.void or not any(point.effective_noise for point in report.curve):
        return None
    kept = report.summary.kept / max(1, report.summary.kept + report.summary.flagged)
    rate = report.summary.kept_noise
    text = f"The cut at {report.summary.by} {report.summary.threshold:g} keeps {percent(kept)} of the rows"
    text += f"; {rate.words()} of them are wrong." if rate.value is not None else "."
    svg = drawing(_NAME, _TITLE, text, height=356, parts=[*_legend(), *_curves(report), *_cut(kept, report)])
    return Chart(name=_NAME, title=_TITLE, text=text, svg=svg, table=_table(report))


def _legend() -> Iterator[Markup]:
    yield from _AXES.grid("share of the rows that is kept", "")
    yield line((44, 12), (72, 12), kind="first")
    yield words("wrong among the kept rows (95 % band)", 80, 16)
    yield line((44, 34), (72, 34), kind="second")
    yield words("wrong among the flagged rows (precision)", 80, 38)


def _curves(report: Report) -> Iterator[Markup]:
    noise = [(point.kept_fraction, point.effective_noise) for point in report.curve if point.effective_noise]
    above = [_AXES.at(x, band.high) for x, band in noise]
    yield path([*above, *(_AXES.at(x, band.low) for x, band in reversed(noise))], kind="area")
    precision = [(point.kept_fraction, point.precision) for point in report.curve if point.precision]
    yield path([_AXES.at(x, band.value) for x, band in precision], kind="second")
    yield path([_AXES.at(x, band.value) for x, band in noise], kind="first")


def _cut(kept: float, report: Report) -> Iterator[Markup]:
    """Mark where rows are cut."""
    (x, top), (_, bottom) = _AXES.at(kept, 1), _AXES.at(kept, 0)
    yield line((x, top), (x, bottom), kind="cut")
    yield words(
        f"cut at {report.summary.threshold:g}", x, top - 6, kind="strong", anchor="middle" if kept < 0.9 else "end"
    )


def _table(report: Report) -> Table:
    rows = [
        (
            f"{point.threshold:.4g}",
            f"{point.kept:,}",
            percent(point.kept_fraction),
            _told(point.effective_noise),
            _told(point.precision),
        )
        for point in report.curve
    ]
    return Table(
        header=("threshold", "kept rows", "share", "wrong among kept", "wrong among flagged"), rows=tuple(rows)
    )


def _told(rate: Interval | None) -> str:
    return "unknown" if rate is None else rate.words()
