"""A group of options is a dataclass for the command, and an option for each field for typer."""

from __future__ import annotations

import inspect
from dataclasses import dataclass
from typing import Annotated

import typer
from typer.testing import CliRunner

from noisecleaner.commands._groups import Without, grouped
from noisecleaner.commands._shared import opt


@dataclass(frozen=True, kw_only=True)
class Place:
    """Two options."""

    city: Annotated[str, opt("Where it is.", "Places")] = "Bern"
    height: Annotated[int | None, opt("Above the sea.", "Places", min=0)] = None


@dataclass(frozen=True, kw_only=True)
class Visit(Place):
    """Those, and one more behind them."""

    paid: Annotated[bool, typer.Option("--paid", help="Whether it cost something.")] = False


@dataclass(frozen=True, kw_only=True)
class Time:
    """One option."""

    hour: Annotated[int, opt("Of the day.")] = 12


@grouped
def travel(*, before: bool = False, visit: Visit, after: bool = False) -> None:
    """Go there."""


def test_options_stand_where_the_group_stood_in_the_order_of_the_fields() -> None:
    assert list(inspect.signature(travel).parameters) == ["before", "city", "height", "paid", "after"]
    assert list(travel.__annotations__) == ["before", "city", "height", "paid", "after"]
    assert (travel.__name__, travel.__doc__) == ("travel", "Go there.")


def test_the_command_gets_the_dataclass() -> None:
    got = []

    @grouped
    def visiting(*, name: Annotated[str, typer.Argument()], visit: Visit) -> None:
        got.append((name, visit))

    app = typer.Typer()
    app.command()(visiting)
    runner = CliRunner()
    assert runner.invoke(app, ["Ann"]).exit_code == 0
    assert runner.invoke(app, ["Bob", "--city", "Chur", "--height", "593", "--paid"]).exit_code == 0
    assert runner.invoke(app, ["Bob", "--height", "-1"]).exit_code == 2
    assert got == [("Ann", Visit()), ("Bob", Visit(city="Chur", height=593, paid=True))]


def test_a_command_may_lack_options_of_a_group() -> None:
    got = []

    @grouped
    def visiting(*, visit: Annotated[Visit, Without("height", "paid")]) -> None:
        got.append(visit)

    app = typer.Typer()
    app.command()(visiting)
    runner = CliRunner()
    assert runner.invoke(app, ["--city", "Chur"]).exit_code == 0
    assert runner.invoke(app, ["--height", "593"]).exit_code == 2
    assert got == [Visit(city="Chur")]


def test_two_groups_are_told_apart() -> None:
    got = []

    @grouped
    def meet(*, place: Place, time: Time) -> None:
        got.append((place, time))

    app = typer.Typer()
    app.command()(meet)
    assert CliRunner().invoke(app, ["--hour", "9", "--city", "Chur"]).exit_code == 0
    assert got == [(Place(city="Chur"), Time(hour=9))]


def test_the_help_shows_panels_texts_and_defaults() -> None:
    app = typer.Typer()
    app.command()(travel)
    shown = CliRunner().invoke(app, ["--help"], env={"COLUMNS": "100"}).output
    assert shown.index("Options") < shown.index("Places")
    assert "Where it is. [default: Bern]" in shown
    assert "Above the sea." in shown
