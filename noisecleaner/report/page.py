"""What a report tells -> one page of HTML, or the part of it that a notebook shows."""

from __future__ import annotations

import re

from jinja2 import Environment

from noisecleaner.pages.frame import Frame, environment, mark, styled, template
from noisecleaner.report import wording
from noisecleaner.report.charts._chart import MOST_LINES, Chart, named
from noisecleaner.report.charts.classes import classes
from noisecleaner.report.charts.confusions import confusions
from noisecleaner.report.charts.noise_kept import noise_kept
from noisecleaner.report.charts.reliability import reliability
from noisecleaner.report.contents import Report
from noisecleaner.texts import printable, shortened

#: Stands at the beginning of each page: what has it may be replaced by another.
MARK = mark("report")
_HERE = "noisecleaner.report"
#: Characters of an id or label that a page shows; report.json has all of them.
_LONGEST = 120


def page(report: Report) -> str:
    """Make the whole page. Equal reports give equal bytes."""
    day = f", {report.day}" if report.day else ""
    frame = Frame(
        mark=MARK,
        title=f"Label noise of {wording.named(report)}",
        style=template(_HERE, "page.css"),
        script=template(_HERE, "page.js"),
        foot=f"{day}. The numbers of this page are in the JSON file beside it; those of all rows in scores.parquet of "
        "the run.",
    )
    return frame.around(_render("contents.html.j2", report, whole=True))


def fragment(report: Report) -> str:
    """Make what a notebook shows: numbers and charts, without rows, pictures and script."""
    style = styled(template(_HERE, "page.css"))
    return f"<style>{style}</style>{_render('contents.html.j2', report, whole=False)}"


def _render(template: str, report: Report, *, whole: bool) -> str:
    charts = {chart.name: chart for chart in _charts(report)}
    places = {name: place for place, name in enumerate(_labels(report))}
    return (
        _environment()
        .get_template(template)
        .render(report=report, words=wording, charts=charts, confusions=confusions(report), places=places, whole=whole)
    )


def _charts(report: Report) -> list[Chart]:
    return [chart for draw in (noise_kept, classes, reliability) if (chart := draw(report)) is not None]


def _labels(report: Report) -> list[str]:
    """The labels that rows of the gallery and flagged pairs have; filters know them by their number."""
    rows, pairs = report.gallery.rows, report.confusions
    found = {row.given for row in rows} | {row.suggested for row in rows}
    found |= {pair.given for pair in pairs} | {pair.suggested for pair in pairs}
    return sorted(label for label in found if label is not None)


def _brief(text: str) -> str:
    return shortened(printable(text), _LONGEST)


def _unbroken(text: str) -> str:
    """Make a text safe to show, and keep the sign of a percentage with its number."""
    return re.sub(r"(?<=\d) %", "\N{NO-BREAK SPACE}%", printable(text))


def _environment() -> Environment:
    made = environment(_HERE, short=_brief, brief=named, safe_text=_unbroken)
    made.globals["most_lines"] = MOST_LINES
    return made
