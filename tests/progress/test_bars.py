"""Progress that people watch: how much of it, and in whose words."""

from __future__ import annotations

import re

import pytest
from rich.console import Console

from noisecleaner.progress import Stage, bars
from noisecleaner.progress.bars import ProgressBars, Verbosity

Capture = pytest.CaptureFixture[str]


def told(verbosity: Verbosity, capfd: Capture) -> str:
    progress = ProgressBars(verbosity)
    progress.note("A `choice=1`.")
    progress.detail("A detail.")
    progress.warn("A doubt.")
    with progress.stage("Training", 10, "steps") as stage:
        stage.advance(10, loss=0.5)
    captured = capfd.readouterr()
    assert captured.out == ""
    return captured.err


def test_the_quiet_one_only_warns(capfd: Capture) -> None:
    assert told(Verbosity.QUIET, capfd) == "Warning: A doubt.\n"


def test_the_usual_one_tells_choices_and_how_far_it_came(capfd: Capture) -> None:
    said = told(Verbosity.NORMAL, capfd)
    assert said.startswith("A `choice=1`.\nWarning: A doubt.\nTraining: 10 steps in ")


def test_the_verbose_one_tells_when_as_well(capfd: Capture) -> None:
    assert re.search(r"^ +\d+\.\d\d s  A detail\.$", told(Verbosity.VERBOSE, capfd), re.MULTILINE)


def test_a_caller_has_words_of_his_own(capfd: Capture) -> None:
    ProgressBars(words=str.upper).note("a choice")
    assert capfd.readouterr().err == "A CHOICE\n"


@pytest.mark.parametrize("widgets", [False, True])
def test_a_notebook_draws_bars_where_it_can(widgets: bool, capfd: Capture, monkeypatch: pytest.MonkeyPatch) -> None:
    drawn = []

    class Drawn(bars.Bars):
        def start(self) -> None:
            drawn.append(True)

    monkeypatch.setattr(bars, "Bars", Drawn)
    monkeypatch.setattr(bars, "find_spec", lambda name: widgets)
    monkeypatch.setattr(bars, "on_stderr", lambda: Console(stderr=True, force_jupyter=True))
    with ProgressBars().stage("Training", 10, "steps") as stage:
        assert isinstance(stage, Stage)
    assert bool(drawn) is widgets


def test_one_image_is_no_images(capfd: pytest.CaptureFixture[str]) -> None:
    with ProgressBars().stage("Reading images", 1, "images") as stage:
        stage.advance()
    assert "Reading images: 1 image in " in capfd.readouterr().err
