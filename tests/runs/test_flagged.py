"""flagged.csv: what a person opens in a spreadsheet."""

from __future__ import annotations

import csv
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from support.reports import make_scored, scored_rows

from noisecleaner.ingest import Source
from noisecleaner.ingest.verified.corrections import read_corrections
from noisecleaner.progress import Progress
from noisecleaner.runs import writing
from noisecleaner.runs.cutoff import Cutoff
from noisecleaner.runs.flagged import flagged_rows
from noisecleaner.runs.scored_run import ScoredRun
from noisecleaner.runs.writing import write
from noisecleaner.texts import uncell

HOSTILE = ["=HYPERLINK(1)", "@x", "+1+1", "-1", "a;=1", 'say "x",\nthen', "\t=1", "'=1", "🐱 \u202ex", "007"]


class Told(Progress):
    """Remembers what was told."""

    def __init__(self) -> None:
        self.texts: list[str] = []

    def note(self, text: str) -> None:
        self.texts.append(text)


def written(
    folder: Path, cutoff: Cutoff | None = None, ids: list[str] | None = None, progress: Progress | None = None
) -> Path:
    scored = scored_rows(300, 120, ("cat", "=dog", "-3"))
    names = ids or scored.identity["sample_id"].to_pylist()
    identity = scored.identity.set_column(0, "sample_id", pa.array(names))
    made, source = replace(scored, identity=identity), Source("d.parquet")
    write(folder, made, cutoff or Cutoff(), run=folder, source=source, progress=progress)
    return folder / "flagged.csv"


def test_it_lists_all_flagged_rows_the_worst_first_with_the_numbers_of_the_scores(tmp_path: Path) -> None:
    frame = pd.read_csv(written(tmp_path), dtype={"sample_id": str})
    scores = ScoredRun(tmp_path).scores().to_pandas()
    flagged = scores[scores["flagged"].eq(True)].sort_values("label_quality", kind="stable")
    assert list(frame["sample_id"]) == list(flagged["sample_id"])
    assert list(frame["label_quality"].astype(np.float32)) == list(flagged["label_quality"])
    assert list(frame["suggested_confidence"].astype(np.float32)) == list(flagged["suggested_confidence"])
    wanted = ["sample_id", "path", "given_label", "suggested_label", "suggested_confidence", "label_quality"]
    assert list(frame.columns) == wanted


def test_the_longest_list_is_asked_for(tmp_path: Path) -> None:
    for top in (0, 7, 10_000):
        lines = pd.read_csv(written(tmp_path, Cutoff(top=top)))
        assert len(lines) == min(top, ScoredRun(tmp_path).counts.flagged)


def test_no_cell_runs_as_a_formula_and_every_id_can_be_told(tmp_path: Path) -> None:
    ids = [f"{HOSTILE[row % len(HOSTILE)]}{row // len(HOSTILE) or ''}" for row in range(300)]
    path = written(tmp_path, ids=ids)
    assert path.read_bytes().startswith(b"\xef\xbb\xbf")
    with path.open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    run = ScoredRun(tmp_path)
    assert [uncell(row["sample_id"]) for row in rows] == flagged_rows(run, ["sample_id"], 1000)["sample_id"].to_pylist()
    assert {row["given_label"] for row in rows} <= {"cat", "'=dog", "-3"}
    for row in rows:
        for text in (row["sample_id"], row["given_label"], row["suggested_label"]):
            assert not text.startswith(("=", "@", "\t"))
            assert not text.startswith(("+", "-")) or text[1:].isdigit()


def test_after_a_transfer_it_is_sorted_by_alpha(tmp_path: Path) -> None:
    scored = scored_rows(300, 120, ("cat", "dog"), model="transfer")
    rows = len(scored.alpha)
    alpha = np.linspace(1.1, 0, rows).astype(np.float32)
    moved = replace(scored, alpha=alpha, label_quality=np.full(rows, np.nan, np.float32))
    write(tmp_path, moved, Cutoff(by="alpha"), run=tmp_path, source=Source("d.parquet"))
    frame = pd.read_csv(tmp_path / "flagged.csv")
    assert frame.columns[-1] == "alpha"
    assert frame["alpha"].is_monotonic_increasing


def test_files_of_a_score_are_replaced_together_or_not_at_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = make_scored(tmp_path, rows=100, audited=40)
    before = {file.name: file.read_bytes() for file in run.iterdir()}

    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(writing, "write_flagged", full)
    with pytest.raises(OSError, match="No space left"):
        write(run, scored_rows(50, 20, ("cat", "dog")), Cutoff(threshold=0.2), run=run, source=Source("d.parquet"))
    assert {file.name: file.read_bytes() for file in run.iterdir()} == before


def test_a_column_that_is_filled_in_makes_corrections_of_it(tmp_path: Path) -> None:
    """As with a spreadsheet: the list is opened, a column is added, and the file is given back."""
    ids = [f"{HOSTILE[row % len(HOSTILE)]}{row // len(HOSTILE) or ''}" for row in range(300)]
    frame = pd.read_csv(written(tmp_path, ids=ids), dtype=str, keep_default_na=False)
    frame.assign(corrected_label="cat").to_csv(tmp_path / "fixed.csv", index=False)
    read = read_corrections(str(tmp_path / "fixed.csv"), Source("d.parquet"), ("cat", "=dog", "-3"))
    rows, labelled, _ = read.rows_of(pa.table({"sample_id": ids, "path": pa.nulls(300, pa.string())}))
    assert labelled.all()
    assert [ids[row] for row in rows] == [uncell(name) for name in frame["sample_id"]]


@pytest.mark.parametrize("version", ["now", "earlier"])
def test_a_list_that_somebody_has_edited_is_kept_beside_the_new_one(tmp_path: Path, version: str) -> None:
    path = written(tmp_path)
    fresh = path.read_bytes()
    if version == "earlier":
        noise = json.loads((tmp_path / "noise.json").read_bytes())
        (tmp_path / "noise.json").write_text(json.dumps({name: noise[name] for name in noise if name != "flagged_csv"}))
    told = Told()
    for number in ("", "-2"):
        edited = pd.read_csv(path, dtype=str).assign(corrected_label="cat").to_csv(index=False).encode()
        path.write_bytes(edited)
        written(tmp_path, progress=told)
        assert (tmp_path / f"flagged-edited{number}.csv").read_bytes() == edited
        assert path.read_bytes() == fresh
        assert told.texts[-1].endswith(f"flagged-edited{number}.csv.")
    written(tmp_path, progress=told)
    assert len(told.texts) == 2
    assert sorted(file.name for file in tmp_path.glob("*.csv")) == [
        "flagged-edited-2.csv",
        "flagged-edited.csv",
        "flagged.csv",
    ]


def test_a_single_cell_that_was_changed_is_an_edit(tmp_path: Path) -> None:
    path = written(tmp_path)
    path.write_bytes(path.read_bytes().replace(b"cat", b"dog", 1))
    before = path.read_bytes()
    written(tmp_path)
    assert (tmp_path / "flagged-edited.csv").read_bytes() == before


@pytest.mark.parametrize("damage", ["no JSON", "[]", "{}", '{"flagged_csv": 3}'])
def test_without_a_record_of_it_a_list_with_our_columns_is_ours(tmp_path: Path, damage: str) -> None:
    written(tmp_path)
    (tmp_path / "noise.json").write_text(damage)
    written(tmp_path)
    assert not (tmp_path / "flagged-edited.csv").exists()
