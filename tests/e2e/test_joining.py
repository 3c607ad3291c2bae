"""Verified labels of every kind of origin, through the commands: the right noise, or exit code 2 and what to type."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from support.datasets import CLASSES, Command, Outcome, embeddings, image_folder

VECTORS = ["--embedding-column", "embedding", "--epochs", "2", "--folds", "3"]
ROWS = 300


@pytest.fixture
def truth(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """A dataset of 300 rows in the working folder, beside its true classes."""
    monkeypatch.chdir(tmp_path)
    return embeddings(tmp_path / "data.parquet", rows=ROWS)


@pytest.fixture
def given(truth: dict[str, str]) -> dict[str, str]:
    rows = pq.read_table("data.parquet", columns=["sample_id", "label"]).to_pylist()
    return {row["sample_id"]: row["label"] for row in rows}


def sheet(**columns: Sequence[object]) -> None:
    """Write verified.csv."""
    lines = [",".join(map(str, row)) for row in zip(*columns.values(), strict=True)]
    Path("verified.csv").write_text("\n".join([",".join(columns), *lines]) + "\n")


@pytest.fixture
def fit(command: Command) -> Callable[..., Outcome]:
    def run(*words: object) -> Outcome:
        return command("fit", "data.parquet", "--trusted", "verified.csv", "--out", "run", *VECTORS, *words)

    return run


def refused(outcome: Outcome, *says: str) -> None:
    assert outcome.code == 2, outcome.err
    paragraph = outcome.err.splitlines()[-1]
    assert paragraph.startswith("Error: ")
    for words in says:
        assert words in paragraph
    assert not Path("run").exists()


def noise() -> dict[str, Any]:
    return dict(json.loads(Path("run/noise.json").read_text()))


def holds(rate: dict[str, float], share: float) -> bool:
    return rate["low"] <= share <= rate["high"]


def test_a_folder_of_images_sorted_anew_measures_the_noise(
    tmp_path: Path, command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Only right ones keep their path: joined by that alone, none would be wrong."""
    monkeypatch.chdir(tmp_path)
    truth = image_folder(Path("data"), rows=240)
    names = list(truth)[:120]
    for name in names:
        target = Path("checked") / truth[name] / name.split("/")[1]
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes((Path("data") / name).read_bytes())
    words = ["--backbone", "cifar-quick", "--no-frozen", "--epochs", "1", "--folds", "3", "--image-size", "16"]
    fitted = command("fit", "data", "--trusted", "checked", "--out", "run", *words)
    assert fitted.code == 0, fitted.err
    wrong = sum(name.split("/")[0] != truth[name] for name in names)
    assert f"checked were joined to rows of the dataset: {120 - wrong} by id, {wrong} by content." in fitted.err
    assert "Fitted 240 rows (0 skipped) with 120 audited trusted rows" in fitted.out
    assert command("score", "run").code == 0
    overall = noise()["overall"]
    assert (overall["audited"], overall["errors"]) == (120, wrong)
    assert holds(overall, sum(name.split("/")[0] != true for name, true in truth.items()) / 240)
    # the same folder after the fit, and once more when the images of the dataset are gone
    later = command("score", "run", "--trusted", "checked")
    assert (later.code, f"{120 - wrong} by id, {wrong} by content." in later.err) == (0, True)
    Path("data").rename("elsewhere")
    later = command("score", "run", "--trusted", "checked")
    assert later.code == 0, later.err
    assert f"{wrong} by file name. {wrong} could not be compared" in later.out
    assert noise()["overall"] == overall


def test_a_review_sheet_of_two_columns_takes_the_one_that_says_what_is_right(
    truth: dict[str, str], given: dict[str, str], fit: Callable[..., Outcome], command: Command
) -> None:
    ids = list(truth)[:150]
    sheet(sample_id=ids, label=[given[i] for i in ids], correct_label=[truth[i] for i in ids])
    fitted = fit()
    assert fitted.code == 0, fitted.err
    wrong = sum(given[i] != truth[i] for i in ids)
    line = f"column 'correct_label' of verified.csv, 150 of 150 rows filled; {wrong} differ from the given label."
    assert line in fitted.err
    assert command("score", "run").code == 0
    assert holds(noise()["overall"], sum(given[i] != truth[i] for i in truth) / ROWS)


def test_sheets_that_do_not_say_which_column_is_right_are_refused(
    truth: dict[str, str], given: dict[str, str], fit: Callable[..., Outcome]
) -> None:
    ids = list(truth)[:150]
    labels, true = [given[i] for i in ids], [truth[i] for i in ids]
    sheet(sample_id=ids, label=labels, second=true)
    refused(fit(), "'label' differs from the given label in 0 of 150 rows", "'second' differs", "--trusted-column NAME")
    sheet(sample_id=ids, trusted_label=labels, second=true)
    refused(fit(), "'trusted_label' differs from the given label in 0 of 150 rows", "leave the other columns")
    sheet(sample_id=ids, label=labels, verdict=["ok" if a == b else "wrong" for a, b in zip(labels, true, strict=True)])
    refused(fit(), "column 'verdict' seems to say whether it is right (ok, wrong)", "trusted_label")
    sheet(sample_id=ids, choice=true)
    refused(fit("--trusted-column", "choise"), "a column called 'choise'", "'choice'")


def test_no_error_among_many_is_said_beside_the_noise(
    truth: dict[str, str], given: dict[str, str], fit: Callable[..., Outcome], command: Command
) -> None:
    ids = list(truth)[:150]
    sheet(sample_id=ids, trusted_label=[given[i] for i in ids])
    assert fit().code == 0
    scored = command("score", "run")
    assert scored.code == 0
    lines = scored.out.splitlines()
    # a fifth of the labels is wrong, and networks know which
    assert lines[0].startswith("Noise    cannot tell, because the verified rows cannot measure it")
    assert any("None of the 150 verified labels differs from the given one" in line for line in lines[1:6])
    assert command("gate", "run", "--max-noise", "0.9").code == 3


def test_a_prefilled_column_tells_no_rate_and_no_gate_passes(
    truth: dict[str, str], given: dict[str, str], command: Command
) -> None:
    """A reviewer changed what was wrong in the first 80 rows."""
    filled = [truth[i] if row < 80 else given[i] for row, i in enumerate(truth)]
    own = pq.read_table("data.parquet").append_column("trusted_label", pa.array(filled))
    pq.write_table(own, "data.parquet")
    assert command("fit", "data.parquet", "--out", "run", *VECTORS).code == 0
    scored = command("score", "run")
    assert scored.out.startswith("Noise    cannot tell")
    assert "Every one of 300 rows is verified (column 'trusted_label' of" in scored.out
    assert noise()["overall"]["rate"] is None
    assert command("gate", "run", "--max-noise", "0.5").code == 3
    pq.write_table(own.append_column("sample_probability", pa.array([1.0] * ROWS)), "data.parquet")
    assert command("fit", "data.parquet", "--out", "again", *VECTORS).code == 0
    changed = sum(given[i] != label for i, label in zip(truth, filled, strict=True))
    assert f"{100 * changed / ROWS:.1f} %" in command("score", "again").out.splitlines()[0]


def test_classes_in_another_order_and_labels_of_other_rows_are_said_beside_the_noise(
    truth: dict[str, str], given: dict[str, str], fit: Callable[..., Outcome], command: Command
) -> None:
    ids = list(truth)[:150]
    moved = dict(zip(CLASSES, [*CLASSES[1:], CLASSES[0]], strict=True))
    sheet(sample_id=ids, trusted_label=[moved[truth[i]] for i in ids])
    assert fit().code == 0
    scored = command("score", "run")
    assert scored.out.startswith("Noise    cannot tell")
    assert "green is blue" in scored.out
    sheet(sample_id=ids, trusted_label=np.random.default_rng(0).permutation([truth[i] for i in ids]))
    assert fit("--overwrite").code == 0
    assert "Most likely it is a wrong column, other ids" in command("score", "run").out


def test_rows_verified_twice_count_once_or_are_refused(
    truth: dict[str, str], fit: Callable[..., Outcome], command: Command
) -> None:
    ids = [i for i in list(truth)[:100] for _ in range(2)]
    sheet(sample_id=ids, choice=[truth[i] for i in ids], batch=[1, 2] * 100)
    fitted = fit("--trusted-column", "choice")
    assert fitted.code == 0, fitted.err
    assert "100 rows of verified.csv verify a row again, with the same label" in fitted.err
    assert command("score", "run").code == 0
    assert noise()["overall"]["audited"] == 100
    other = [truth[i] if row % 9 else "red" for row, i in enumerate(ids)]
    sheet(sample_id=ids, choice=other, batch=[1, 2] * 100)
    outcome = command("fit", "data.parquet", "--trusted", "verified.csv", "--trusted-column", "choice", "--out", "new")
    assert outcome.code == 2
    outcome = fit("--trusted-column", "choice", "--overwrite")
    assert outcome.code == 2
    assert "rows have labels that contradict each other, such as 's0" in outcome.err


def test_ids_of_another_name_or_shape_are_named(truth: dict[str, str], fit: Callable[..., Outcome]) -> None:
    ids, labels = list(truth)[:100], list(truth.values())[:100]
    sheet(task_key=ids, trusted_label=labels)
    refused(fit(), "Column 'task_key' of verified.csv matches 100 of 100 rows", "--trusted-id-column task_key")
    refused(fit("--id-column", "task_key"), "--trusted-id-column NAME")
    sheet(sample_id=[f"upload/{i.upper()}.PNG" for i in ids], trusted_label=labels)
    refused(fit(), "100 of 100 labelled rows", "'upload/S00000.PNG' is 's00000' in the dataset")
    sheet(task_key=ids, trusted_label=labels)
    assert fit("--trusted-id-column", "task_key").code == 0


def test_a_later_score_finds_rows_and_columns_likewise(
    truth: dict[str, str], given: dict[str, str], fit: Callable[..., Outcome], command: Command
) -> None:
    ids = list(truth)
    sheet(sample_id=ids[:60], trusted_label=[given[i] for i in ids[:60]])
    assert "None of the 60 verified labels differs" in fit().err
    more = ids[60:200]
    sheet(key=more, mine=[truth[i] for i in more])
    refused_words = command("score", "run", "--trusted", "verified.csv")
    assert refused_words.code == 2
    assert "Columns that hold classes: 'mine'." in refused_words.err
    assert "--trusted-column NAME" in refused_words.err
    unnamed = command("score", "run", "--trusted", "verified.csv", "--trusted-column", "mine")
    assert unnamed.code == 2
    assert "--trusted-id-column key" in unnamed.err
    words = ["--trusted-column", "mine", "--trusted-id-column", "key"]
    scored = command("score", "run", "--trusted", "verified.csv", *words)
    assert scored.code == 0, scored.err
    assert "None of the 60" not in scored.out  # what is said now is said of all of them
    assert noise()["overall"]["audited"] == 200
    sheet(sample_id=ids[:60], trusted_label=["mauve"] * 60)
    unknown = command("score", "run", "--trusted", "verified.csv")
    assert unknown.code == 2
    assert "--transfer" not in unknown.err
    assert "another fit" in unknown.err


def test_vectors_of_a_side_set_that_are_in_the_dataset_are_refused(truth: dict[str, str], command: Command) -> None:
    table = pq.read_table("data.parquet").slice(0, 40)
    side = {"sample_id": [f"side-{row}" for row in range(40)], "trusted_label": list(truth.values())[:40]}
    pq.write_table(pa.table({**side, "embedding": table["embedding"]}), "side.parquet")
    outcome = command("fit", "data.parquet", "--trusted", "side.parquet", "--out", "run", *VECTORS)
    refused(
        outcome, "40 in side.parquet have the vector of a row with another id", "'side-0' has the vector of 's00000'"
    )


def test_verified_rows_that_are_not_among_new_ones_are_said(
    truth: dict[str, str], fit: Callable[..., Outcome], command: Command
) -> None:
    ids = list(truth)[:150]
    sheet(sample_id=ids, trusted_label=[truth[i] for i in ids])
    assert fit().code == 0
    new = embeddings(Path("new.parquet"), rows=120, seed=5)
    table = pq.read_table("new.parquet")
    names = [f"n{row}" for row in range(120)]
    pq.write_table(table.set_column(0, "sample_id", pa.array(names)), "new.parquet")
    vectors = np.random.default_rng(3).normal(size=(70, 16)).tolist()
    labels = [*list(new.values())[:60], *[CLASSES[0]] * 10]
    own = [*np.stack(table["embedding"].to_numpy(zero_copy_only=False))[:60].tolist(), *vectors[:10]]
    more = {"sample_id": [*names[:60], *[f"x{row}" for row in range(10)]], "trusted_label": labels, "embedding": own}
    pq.write_table(pa.table(more), "more.parquet")
    words = ["--data", "new.parquet", "--trusted", "more.parquet", "--out", "judged", "--embedding-column", "embedding"]
    scored = command("score", "run", *words)
    assert scored.code == 0, scored.err
    assert "10 verified rows are not among the rows of" in scored.out
