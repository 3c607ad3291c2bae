"""Each chart shows the values of its table, at the places where its axes have them."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest
from support.reports import CLASSES, make_scored

from noisecleaner.noise.rate import percent
from noisecleaner.report.charts._chart import Axes
from noisecleaner.report.charts.classes import classes
from noisecleaner.report.charts.confusions import confusions
from noisecleaner.report.charts.noise_kept import noise_kept
from noisecleaner.report.charts.reliability import reliability
from noisecleaner.report.contents import Report
from noisecleaner.report.gathering import gather
from noisecleaner.runs.scored_run import ScoredRun
from noisecleaner.runs.summary import Confusion


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> Report:
    return gather(ScoredRun(make_scored(tmp_path_factory.mktemp("charts"))), rows=1)


def points(path: str) -> list[tuple[float, float]]:
    return [(float(x), float(y)) for x, y in re.findall(r"([\d.]+),([\d.]+)", path)]


def test_the_curve_goes_through_the_noise_of_what_is_kept(told: Report) -> None:
    chart = noise_kept(told)
    assert chart is not None
    drawn = {kind: points(path) for path, kind in re.findall(r'<path d="([^"]*)" class="(\w+)"', chart.svg)}
    measured = [point for point in told.curve if point.effective_noise]
    axes = Axes(top=64, bottom=312)
    for seen, point in zip(drawn["first"], measured, strict=True):
        assert point.effective_noise is not None
        assert seen == pytest.approx(axes.at(point.kept_fraction, point.effective_noise.value), abs=0.06)
    assert len(drawn["area"]) == 2 * len(measured)
    assert len(drawn["second"]) == sum(point.precision is not None for point in told.curve)
    kept = told.summary.kept / 299
    (cut,) = re.findall(r'x1="([\d.]+)"[^>]*class="cut"', chart.svg)
    assert float(cut) == pytest.approx(axes.at(kept, 0)[0], abs=0.06)
    assert f"keeps {percent(kept)} of the rows; {told.summary.kept_noise.words()}" in chart.text
    assert [row[1] for row in chart.table.rows] == [f"{point.kept:,}" for point in told.curve]


def test_bars_are_as_long_as_the_rates(told: Report) -> None:
    chart = classes(told)
    assert chart is not None
    widths = [float(width) for width in re.findall(r'width="([\d.]+)" height="12"', chart.svg)]
    rates = [bar.noise.value or 0.0 for bar in told.classes]
    assert [width / widths[0] for width in widths] == pytest.approx([rate / rates[0] for rate in rates], rel=0.01)
    assert chart.svg.count('class="tick"') == len(CLASSES)
    assert chart.svg.count('class="whisker"') == 3 * len(CLASSES)
    assert [row[0] for row in chart.table.rows] == [bar.name for bar in told.classes]


def test_of_many_classes_the_worst_are_drawn_and_all_are_in_the_table(told: Report) -> None:
    many = replace(told, classes=tuple(replace(told.classes[0], name=f"class {n}") for n in range(99)))
    chart = classes(many)
    assert chart is not None
    assert chart.svg.count('class="bar"') == 30
    assert len(chart.table.rows) == 99
    assert "The 30 worst of 99 classes are drawn." in chart.text


def test_reliability_shows_each_bin_with_its_count(told: Report) -> None:
    chart = reliability(told)
    assert chart is not None
    dots = [(float(x), float(y)) for x, y in re.findall(r'cx="([\d.]+)" cy="([\d.]+)"', chart.svg)]
    axes = Axes(top=34, bottom=282)
    for dot, part in zip(dots, told.calibration, strict=True):
        assert dot == pytest.approx(axes.at(part.forecast, part.seen), abs=0.06)
    assert [row[0] for row in chart.table.rows] == [str(part.rows) for part in told.calibration]
    assert told.summary.rankings is not None
    assert told.summary.rankings.overall.words() in chart.text


def test_a_heat_map_has_a_cell_for_each_pair(told: Report) -> None:
    heat = confusions(told)
    assert heat is not None
    assert heat.names == CLASSES
    cells = [cell for line in heat.grid for cell in line if cell]
    assert {(cell.given, cell.suggested): cell.rows for cell in cells} == {
        (pair.given, pair.suggested): pair.rows for pair in told.confusions
    }
    for given, line in zip(heat.names, heat.grid, strict=True):
        for suggested, cell in zip(heat.names, line, strict=True):
            assert cell is None or (cell.given, cell.suggested) == (given, suggested)
    assert max(cells, key=lambda cell: cell.rows).shade == 8
    assert heat.pairs == ()


def test_of_many_classes_the_largest_pairs_are_listed(told: Report) -> None:
    pairs = tuple(Confusion(given=f"g{n}", suggested=f"s{n}", rows=50 - n) for n in range(40))
    listed = confusions(replace(told, confusions=pairs))
    assert listed is not None
    assert listed.grid == ()
    assert [(cell.given, cell.rows) for cell in listed.pairs] == [(f"g{n}", 50 - n) for n in range(30)]
    assert listed.left_out == 10


def test_there_is_nothing_to_draw_without_numbers(told: Report) -> None:
    bare = replace(told, curve=(), classes=(), calibration=(), confusions=())
    assert noise_kept(bare) is classes(bare) is reliability(bare) is confusions(bare) is None
