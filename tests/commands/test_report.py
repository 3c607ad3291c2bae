"""`noisecleaner report`: what it asks of the library, and what it says."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.asking import Asked
from support.datasets import Command
from support.reports import make_scored

from noisecleaner.commands.terminal import TerminalProgress
from noisecleaner.commands.wording import typed
from noisecleaner.notices import Notice


def test_options_reach_the_library(asked: Asked) -> None:
    call = asked("report", "report", "run", "--out", "page.html")
    assert call.positional == (Path("run"), Path("page.html"))
    assert call.named == {"rows": 200, "images": True, "data": None, "words": typed}
    call = asked("report", "report", "run", "--out", "p.html", "--rows", 9, "--no-images", "--data", "moved")
    assert call.named == {"rows": 9, "images": False, "data": "moved", "words": typed}


def test_it_tells_what_it_wrote(tmp_path: Path, command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    make_scored(Path("made"))
    outcome = command("report", "made/run", "--out", "page.html")
    assert outcome.code == 0, outcome.err
    assert outcome.out.startswith("Wrote page.html (200 rows, 177 of them with their image; 0.")
    assert outcome.out.endswith(" MB, needs no network) and its numbers to page.json.\n")


def test_errors_speak_command_line(tmp_path: Path, command: Command) -> None:
    outcome = command("report", tmp_path, "--out", tmp_path / "page.html")
    assert outcome.code == 2
    assert f"`noisecleaner score {tmp_path}`" in outcome.err
    outcome = command("report", make_scored(tmp_path / "made"), "--out", tmp_path / "page")
    assert outcome.code == 2
    assert "--out is" in outcome.err


def test_warnings_of_the_page_speak_command_line(tmp_path: Path, command: Command) -> None:
    run = make_scored(tmp_path / "made", notices=[Notice(code="again", message="Look: `recheck(RUN, count=60)`.")])
    assert command("report", run, "--out", tmp_path / "page.html").code == 0
    assert "noisecleaner plan RUN --recheck 60" in (tmp_path / "page.html").read_text()


def test_options_may_stand_in_a_file(asked: Asked, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("ours.toml").write_text('[report]\nrows = 50\nimages = false\nout = "pages/noise.html"\n')
    with monkeypatch.context() as patch:
        patch.setattr(TerminalProgress, "note", lambda *_: None)
        call = asked("report", "report", "run", "--config", "ours.toml", "--rows", 9)
    assert call.positional == (Path("run"), Path("pages/noise.html"))
    assert (call.named["rows"], call.named["images"]) == (9, False)
