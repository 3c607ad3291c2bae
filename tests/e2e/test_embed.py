"""Embed here, audit there: a folder of vectors is a dataset, and says what made it."""

from __future__ import annotations

import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from support.datasets import Command, image_folder, write_trusted
from support.embedding import tiny, typed

FAST = ["--folds", "3", "--epochs", "2", "--device", "cpu"]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: Command) -> list[str]:
    """`images`, `t.parquet` and, embedded, `emb`; returns how the network is named."""
    monkeypatch.chdir(tmp_path)
    truth = image_folder(tmp_path / "images", rows=120)
    (tmp_path / "images" / sorted(truth)[7]).write_bytes(b"")
    write_trusted(tmp_path / "t.parquet", truth)
    words = typed(tiny(tmp_path))
    outcome = command("embed", "images", "--out", "emb", "--rows-per-shard", 64, "--device", "cpu", *words)
    assert outcome.code == 0, outcome.err
    assert "Embedded 120 rows (1 skipped: 1 empty_file)" in " ".join(outcome.out.split())
    return words


def fit(command: Command, data: str, out: str, *words: object) -> pa.Table:
    outcome = command("fit", data, "--trusted", "t.parquet", "--out", out, *FAST, *words)
    assert outcome.code == 0, outcome.err
    assert command("score", out).code == 0
    return pq.read_table(f"{out}/scores.parquet").drop_columns(["path"])


def test_a_fit_of_the_folder_gives_the_scores_of_a_fit_of_the_images(command: Command, folder: list[str]) -> None:
    of_images = fit(command, "images", "of_images", *folder)
    assert fit(command, "emb", "of_emb").equals(of_images)
    # images of the dataset, vectors of the folder: pages show them
    assert (
        fit(command, "images", "joined", "--embedding-column", "emb/")
        .drop_columns(["skip_reason"])
        .equals(of_images.drop_columns(["skip_reason"]))
    )
    assert of_images["skip_reason"].to_pylist().count("empty_file") == 1


def test_labels_in_another_table_join_the_folder_by_their_ids(command: Command, folder: list[str]) -> None:
    rows = pa.concat_tables([pq.read_table(path) for path in sorted(Path("emb").glob("*.parquet"))])
    pq.write_table(rows.select(["sample_id", "label"])[::-1], "labels.parquet")
    found = fit(command, "labels.parquet", "run", "--embedding-column", "emb/")
    assert set(found["sample_id"].to_pylist()) == set(rows["sample_id"].to_pylist())
    assert found["skip_reason"].null_count == 119


def test_new_rows_may_come_as_vectors_of_the_same_network(command: Command, folder: list[str], tmp_path: Path) -> None:
    fit(command, "images", "of_images", *folder)
    for data, out in (("images", "new1"), ("emb", "new2")):
        outcome = command("score", "of_images", "--data", data, "--out", out, "--device", "cpu")
        assert outcome.code == 0, outcome.err
    one, two = (pq.read_table(f"{out}/scores.parquet").drop_columns(["path"]) for out in ("new1", "new2"))
    assert one.select(["sample_id", "flagged", "skip_reason"]).equals(
        two.select(["sample_id", "flagged", "skip_reason"])
    )
    for number in ("label_quality", "suggested_confidence"):
        pairs = zip(one[number].to_pylist(), two[number].to_pylist(), strict=True)
        assert all(a is b is None or abs(a - b) < 1e-6 for a, b in pairs)


def test_vectors_of_another_network_are_refused_in_one_paragraph(
    command: Command, folder: list[str], tmp_path: Path
) -> None:
    fit(command, "images", "of_images", *folder)
    fit(command, "emb", "of_emb")
    other = typed(tiny(tmp_path, seed=1))
    assert command("embed", "images", "--out", "emb2", "--device", "cpu", *other).code == 0
    for run in ("of_images", "of_emb"):
        outcome = command("score", run, "--data", "emb2", "--out", "new")
        assert outcome.code == 2
        assert "weights of the digest" in " ".join(outcome.err.split())
        assert not Path("new").exists()


def test_a_run_of_images_asks_what_made_vectors(command: Command, folder: list[str]) -> None:
    fit(command, "images", "of_images", *folder)
    rows = pa.concat_tables([pq.read_table(path) for path in sorted(Path("emb").glob("*.parquet"))])
    pq.write_table(rows.replace_schema_metadata(), "plain.parquet")
    outcome = command("score", "of_images", "--data", "plain.parquet", "--embedding-column", "embedding")
    assert outcome.code == 2
    assert "that do not say what made them" in " ".join(outcome.err.split())


def test_a_run_of_vectors_names_the_network_that_images_need(command: Command, folder: list[str]) -> None:
    fit(command, "emb", "of_emb")
    outcome = command("score", "of_emb", "--data", "images")
    assert outcome.code == 2
    assert "made by cifar-quick at 16 px (squash), but the new rows bring images" in " ".join(outcome.err.split())


def test_a_plan_and_ids_read_the_folder(command: Command, folder: list[str]) -> None:
    outcome = command("ids", "emb")
    assert outcome.out.splitlines() == command("ids", "images").out.splitlines()
    outcome = command("plan", "emb", "--n", 20, "--out", "plan.parquet")
    assert outcome.code == 0
    assert "noisecleaner review" not in outcome.out  # it would have no images to show
    assert pq.read_table("plan.parquet").num_rows == 20


def test_shards_of_two_networks_are_no_dataset(command: Command, folder: list[str], tmp_path: Path) -> None:
    other = typed(tiny(tmp_path, seed=1))
    assert command("embed", "images", "--out", "emb2", "--device", "cpu", *other).code == 0
    Path("emb2/part-00000.parquet").rename("emb/part-00007.parquet")
    outcome = command("ids", "emb")
    assert outcome.code == 2
    assert "All vectors of a dataset need one maker" in " ".join(outcome.err.split())


def test_the_same_again_does_nothing_and_other_options_are_refused(command: Command, folder: list[str]) -> None:
    words = ["embed", "images", "--out", "emb", "--device", "cpu", *folder]
    before = {path: path.stat().st_mtime_ns for path in Path("emb").iterdir()}
    outcome = command(*words, "--rows-per-shard", 64, "--resume", "--format", "json")
    assert outcome.code == 0, outcome.err
    assert json.loads(outcome.out)["skipped"] == {"empty_file": 1}
    assert "nothing was done" in outcome.err
    for more, says in (
        (["--rows-per-shard", "64"], "emb exists already"),
        (["--resume"], "--rows-per-shard 64 (now --rows-per-shard 16384)"),
        (["--rows-per-shard", "100"], "Give --rows-per-shard 64."),
    ):
        outcome = command(*words, *more)
        assert outcome.code == 2
        assert says in " ".join(outcome.err.split())
    assert before == {path: path.stat().st_mtime_ns for path in Path("emb").iterdir()}
