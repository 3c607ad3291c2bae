"""What cannot be exported is refused, and nothing is left behind."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from support.datasets import Command, Outcome
from support.exports import (
    FORMAT,
    ScoredData,
    by_hand,
    names,
    picture,
    state,
    with_files,
    written,
)

from noisecleaner.errors import Interrupted


def refused(outcome: Outcome, said: str) -> None:
    assert outcome.code == 2
    assert said in outcome.err
    assert outcome.out == ""


def test_an_output_that_exists_is_refused_and_kept(tmp_path: Path, command: Command) -> None:
    scored = by_hand(tmp_path)
    (tmp_path / "file").write_text("mine")
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "file").write_text("mine")
    before = state(tmp_path)
    for name in ("file", "folder", "run", "data.parquet"):
        for more in ((), ("--dry-run",)):
            refused(command("export-clean", scored.run, "--out", tmp_path / name, *more), "exists already")
    assert state(tmp_path) == before
    (tmp_path / "empty").mkdir()
    assert command("export-clean", scored.run, "--out", tmp_path / "empty").code == 0
    assert command("export-clean", scored.run, "--out", tmp_path / "new" / "below").code == 0


def test_an_output_inside_the_dataset_is_refused(tmp_path: Path, images: ScoredData, command: Command) -> None:
    before = state(images.data)
    (tmp_path / "link").symlink_to(images.data, target_is_directory=True)
    for out in (images.data / "out", images.data / "red" / "out", tmp_path / "link" / "out"):
        refused(command("export-clean", images.run, "--out", out), "must lie outside the dataset")
    assert state(images.data) == before
    beside = images.data.with_name("data-clean")
    assert command("export-clean", images.run, "--out", beside).code == 0
    shutil.rmtree(beside)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--on-flag", "burn"), "drop, relabel, keep"),
        (("--format", "zip"), "csv, "),
        (("--threshold", "1.5"), "--threshold must lie in [0, 1]"),
        (("--threshold", "-0.5"), "--threshold must lie in [0, 1]"),
        (("--threshold", "nan"), "--threshold must lie in [0, 1]"),
        (("--min-confidence", "1.5"), "--min-confidence"),
        (("--data", "nowhere"), "nowhere is nothing"),
    ],
)
def test_an_option_that_cannot_be_used_is_refused(
    tmp_path: Path, command: Command, words: tuple[str, ...], said: str
) -> None:
    scored = by_hand(tmp_path)
    refused(command("export-clean", scored.run, "--out", tmp_path / "out", *words), said)
    assert names(tmp_path) == ["data.parquet", "run"]


@pytest.mark.parametrize("more", [(), ("--dry-run",)])
def test_a_folder_of_vectors_is_refused(
    tmp_path: Path, vectors: ScoredData, command: Command, more: tuple[str, ...]
) -> None:
    words = ("export-clean", vectors.run, "--out", tmp_path / "out", "--format", "folder")
    refused(command(*words, *more), "--format folder needs images")
    assert names(tmp_path) == []


def test_without_sound_scores_nothing_is_exported(tmp_path: Path, fitted: Path, command: Command) -> None:
    out = tmp_path / "out"
    for scored in (fitted / "trusted.parquet", tmp_path / "nowhere", tmp_path):
        refused(command("export-clean", scored, "--out", out), "Scores are required")
    scores = by_hand(tmp_path).run / "scores.parquet"
    scores.write_bytes(scores.read_bytes()[:-20])
    refused(command("export-clean", scores.parent, "--out", out), "cannot be read")
    pq.write_table(pa.table({"sample_id": ["1"]}), scores)
    refused(command("export-clean", scores.parent, "--out", out), "cannot be read")
    assert not out.exists()


def rewrite(data: Path, change: Callable[[list[dict[str, Any]]], object]) -> None:
    table = pq.read_table(data)
    rows = table.to_pylist()
    change(rows)
    pq.write_table(pa.Table.from_pylist(rows, schema=table.schema), data)


CHANGES: dict[str, tuple[Callable[[list[dict[str, Any]]], object], str]] = {
    "a row is gone": (lambda rows: rows.pop(), "sample ids have changed"),
    "a row is new": (lambda rows: rows.append({**rows[0], "sample_id": "new"}), "sample ids have changed"),
    "another order": (lambda rows: rows.reverse(), "sample ids have changed"),
    "another id": (lambda rows: rows[3].update(sample_id="other"), "sample ids have changed"),
    "another label": (lambda rows: rows[3].update(label="c"), "labels have changed"),
    "a label is gone": (lambda rows: rows[3].update(label=None), "labels have changed"),
}


@pytest.mark.parametrize("change", CHANGES)
def test_a_dataset_that_has_changed_since_is_refused(tmp_path: Path, command: Command, change: str) -> None:
    scored = by_hand(tmp_path)
    make, said = CHANGES[change]
    rewrite(scored.data, make)
    refused(command("export-clean", scored.run, "--out", tmp_path / "out"), said)
    assert names(tmp_path) == ["data.parquet", "run"]


def test_an_image_folder_that_has_changed_since_is_refused(
    tmp_path: Path, images: ScoredData, command: Command
) -> None:
    shutil.copytree(images.data, tmp_path / "data")
    words = ("export-clean", images.run, "--out", tmp_path / "out", "--data", tmp_path / "data")
    assert command(*words, "--dry-run").code == 0
    first = next((tmp_path / "data" / "red").glob("0*.png"))
    first.rename(tmp_path / "data" / "blue" / first.name)
    refused(command(*words), "have changed since")


def test_a_dataset_that_has_moved_is_named_with_data(tmp_path: Path, command: Command) -> None:
    scored = by_hand(tmp_path)
    (tmp_path / "elsewhere").mkdir()
    moved = scored.data.rename(tmp_path / "elsewhere" / "renamed.parquet")
    refused(command("export-clean", scored.run, "--out", tmp_path / "out"), "data.parquet is nothing")
    assert command("export-clean", scored.run, "--out", tmp_path / "out", "--data", moved).code == 0
    assert len(written(tmp_path / "out")) == 5


@FORMAT
def test_an_image_that_is_gone_leaves_no_output_behind(tmp_path: Path, command: Command, format: str) -> None:
    scored = with_files(tmp_path)
    (scored.data.parent / "17.png").unlink()
    words = ("export-clean", scored.run, "--out", tmp_path / "out", "--format", format)
    refused(command(*words), "must still be readable, but 17.png is not (missing_file)")
    assert names(tmp_path) == ["data", "run"]
    (scored.data.parent / "17.png").write_bytes(picture(17))
    assert command(*words).code == 0
    assert len(written(tmp_path / "out")) == 20


@FORMAT
@pytest.mark.parametrize("error", [OSError(28, "No space left on device"), MemoryError("too much"), Interrupted(2)])
def test_a_failing_write_leaves_no_output_behind(
    tmp_path: Path, command: Command, monkeypatch: pytest.MonkeyPatch, format: str, error: BaseException
) -> None:
    scored = with_files(tmp_path, rows=220)
    before = state(tmp_path)
    calls = {"left": 2}
    target, method = (Path, "write_bytes") if format == "folder" else (pq.ParquetWriter, "write_table")
    original = getattr(target, method)

    def failing(*words: Any, **options: Any) -> Any:
        calls["left"] -= 1
        if not calls["left"]:
            raise error
        return original(*words, **options)

    with monkeypatch.context() as patch:
        patch.setattr(target, method, failing)
        outcome = command("export-clean", scored.run, "--out", tmp_path / "out", "--format", format)
    assert calls["left"] == 0
    assert outcome.code == {OSError: 2, MemoryError: 2, Interrupted: 130}[type(error)]
    assert outcome.out == ""
    assert isinstance(error, Interrupted) or str(error.args[-1]) in outcome.err
    assert names(tmp_path) == ["data", "run"]
    assert state(tmp_path) == before


def test_an_output_that_cannot_be_made_is_refused(tmp_path: Path, command: Command) -> None:
    scored = by_hand(tmp_path)
    (tmp_path / "file").write_text("mine")
    outcome = command("export-clean", scored.run, "--out", tmp_path / "file" / "below")
    assert outcome.code == 2
    assert "Not a directory" in outcome.err
    assert names(tmp_path) == ["data.parquet", "file", "run"]
    assert (tmp_path / "file").read_text() == "mine"
