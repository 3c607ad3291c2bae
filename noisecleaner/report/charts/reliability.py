"""Whether label quality may be believed: what was said of verified rows, against how often it was so."""

from __future__ import annotations

from collections.abc import Iterator

from markupsafe import Markup

from noisecleaner.noise.estimate import wilson
from noisecleaner.noise.rate import percent
from noisecleaner.quality.calibration import ReliabilityBin
from noisecleaner.report.charts._chart import Axes, Chart, Table, drawing, line, path, words
from noisecleaner.report.contents import Report

_NAME, _TITLE = "reliability", "Whether label quality may be believed"
_AXES = Axes(top=34, bottom=282)


def reliability(report: Report) -> Chart | None:
    """Draw it; None where no verified row judges."""
    bins = report.calibration
    if report.void or not bins:
        return None
    text = f"{sum(part.rows for part in bins):,} verified rows, each judged by a model that has not seen it."
    if (measured := report.summary.reliability) is not None:
        text += f" Calibration error {measured.error:.3f} (chance alone: {measured.by_chance:.3f})."
    if report.summary.rankings is not None:
        text += f" The scores tell wrong from right with {report.summary.rankings.overall.words()}."
    parts = [*_AXES.grid("label quality that was told", ""), *_diagonal(), *(p for part in bins for p in _point(part))]
    parts.append(path([_AXES.at(part.forecast, part.seen) for part in bins], kind="first"))
    svg = drawing(_NAME, _TITLE, text, height=326, parts=parts)
    return Chart(name=_NAME, title=_TITLE, text=text, svg=svg, table=_table(bins))


def _diagonal() -> Iterator[Markup]:
    yield line(_AXES.at(0, 0), _AXES.at(1, 1), kind="cut")
    yield words("share of the rows whose label is right; line: perfect", 0, 14)


def _point(part: ReliabilityBin) -> Iterator[Markup]:
    """One bin, and Wilson's interval of what was seen there."""
    (x, y), ends = _AXES.at(part.forecast, part.seen), wilson(part.seen, size=part.rows)
    yield line(_AXES.at(part.forecast, ends.low), _AXES.at(part.forecast, ends.high), kind="whisker")
    yield Markup('<circle cx="{:.1f}" cy="{:.1f}" r="4.5" class="dot"/>').format(x, y)


def _table(bins: tuple[ReliabilityBin, ...]) -> Table:
    rows = [
        (
            f"{part.rows:,}",
            percent(part.forecast),
            wilson(part.seen, size=part.rows).words(),
        )
        for part in bins
    ]
    return Table(header=("verified rows", "mean label quality", "right (95 % interval)"), rows=tuple(rows))
