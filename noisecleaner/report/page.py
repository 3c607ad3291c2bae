"""What a report tells -> one page of HTML, or the part of it that a notebook shows."""

from __future__ import annotations

import base64
import hashlib
import json
from functools import cache
from importlib.resources import files

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from noisecleaner import __version__
from noisecleaner.report import wording
from noisecleaner.report.charts._chart import MOST_LINES, Chart, named
from noisecleaner.report.charts.classes import classes
from noisecleaner.report.charts.confusions import confusions
from noisecleaner.report.charts.noise_kept import noise_kept
from noisecleaner.report.charts.reliability import reliability
from noisecleaner.report.contents import Report
from noisecleaner.texts import printable, shortened

#: Stands at the beginning of each page: what has it may be replaced by another.
MARK = '<meta name="generator" content="noisecleaner-report">'
#: Characters of an id or label that a page shows; report.json has all of them.
_LONGEST = 120


def page(report: Report) -> str:
    """Make the whole page. Equal reports give equal bytes."""
    content, script = _render("contents.html.j2", report, whole=True), _read("page.js")
    nonce = _nonce(content, script)
    return (
        _environment()
        .get_template("page.html.j2")
        .render(
            report=report,
            title=f"Label noise of {wording.named(report)}",
            mark=Markup(MARK),  # noqa: S704  # a constant of ours
            nonce=nonce,
            style=Markup(_read("page.css")),  # noqa: S704  # a file of ours
            script=Markup(script),  # noqa: S704  # likewise
            contents=Markup(content),  # noqa: S704  # rendered, and so escaped, above
            version=__version__,
        )
    )


def fragment(report: Report) -> str:
    """Make what a notebook shows: numbers and charts, without rows, pictures and script."""
    return f"<style>{_read('page.css')}</style>{_render('contents.html.j2', report, whole=False)}"


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


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("noisecleaner.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["short"] = lambda text: shortened(printable(text), _LONGEST)
    environment.filters["brief"] = named
    environment.filters["safe_text"] = printable
    environment.globals["most_lines"] = MOST_LINES
    return environment


def _read(name: str) -> str:
    return (files("noisecleaner.report") / "templates" / name).read_text("utf-8")


def _nonce(*texts: str) -> str:
    """What lets this page's own script and style run, and no other: it changes with whatever the page holds."""
    digest = hashlib.sha256(json.dumps(texts).encode()).digest()
    return base64.b64encode(digest[:18]).decode("ascii")
