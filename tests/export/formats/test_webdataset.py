"""WebDataset: shards that webdataset and Hugging Face read, with the same bytes for the same rows."""

from __future__ import annotations

import glob
import tarfile
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from support.datasets import Command
from support.exports import Row, by_hand, picture, write_scores
from support.interop import CLASSES, CONTENTS, LABELS, SPLITS, exported

from noisecleaner.export.formats import webdataset as format_webdataset
from noisecleaner.ingest import Source


def read(out: Path, split: str) -> list[dict[str, Any]]:
    webdataset: Any = pytest.importorskip("webdataset")
    shards = sorted(glob.glob(f"{out}/{split}-*.tar"))
    opened = webdataset.WebDataset(shards, shardshuffle=False, empty_check=False)
    return [{"image": row["png" if "png" in row else "jpg"], **row} for row in opened.decode()]


def test_webdataset_reads_every_split_column_and_byte(tmp_path: Path, command: Command) -> None:
    out = exported(tmp_path, command, "webdataset")
    assert sorted(file.name for file in out.glob("*.tar")) == sorted(f"{split}-000000.tar" for split in SPLITS)
    found = {split: read(out, split) for split in SPLITS}
    rows = {row["json"]["sample_id"]: row for split in SPLITS for row in found[split]}
    assert {name: row["cls"] for name, row in rows.items()} == {n: CLASSES.index(c) for n, c in LABELS.items()}
    assert {row["json"]["split"] for row in found["validation"]} == {"validation"}
    assert len({row["__key__"] for row in rows.values()}) == 12
    known = rows["id 5"]["json"]
    assert (known["number"], known["ratio"], known["a.b"], known["tags"]) == (4, 1.5, [1, 2], True)
    assert (known["nc_flagged"], known["nc_label_quality"], known["nc_suggested_label"]) == (True, 0.125, CLASSES[2])
    assert rows["id 0"]["json"]["ratio"] is None
    assert rows["id 0"]["json"]["nc_path"] == "d0/img.jpeg"


def test_members_are_the_images_byte_by_byte_without_time_or_owner(tmp_path: Path, command: Command) -> None:
    out = exported(tmp_path, command, "webdataset")
    with tarfile.open(out / "train-000000.tar") as tar:
        members = tar.getmembers()
        content = {member.name: tar.extractfile(member).read() for member in members}  # type: ignore[union-attr]  # files
    assert {(m.mtime, m.uid, m.gid, m.uname, m.gname, m.mode) for m in members} == {(0, 0, 0, "", "", 0o644)}
    assert [member.name.partition(".")[2] for member in members] == ["jpg", "cls", "json"] * 4
    images = [content[member.name] for member in members if member.name.endswith("jpg")]
    assert images == [CONTENTS[f"id {row}"] for row in (0, 3, 6, 9)]


def test_hugging_face_reads_every_split_column_and_byte(
    tmp_path: Path, command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    import datasets

    out = exported(tmp_path, command, "webdataset")
    files = {split: f"{out}/{split}-*.tar" for split in SPLITS}
    options = {"cache_dir": str(tmp_path / "cache")}
    loaded = datasets.load_dataset(str(out), **options).cast_column("jpg", datasets.Image(decode=False))
    assert loaded.num_rows == dict.fromkeys(SPLITS, 4)
    assert loaded["train"].features["cls"].names == CLASSES
    rows = {row["json"]["sample_id"]: row for split in loaded.values() for row in split}
    assert {name: row["jpg"]["bytes"] for name, row in rows.items()} == CONTENTS
    assert {name: CLASSES[row["cls"]] for name, row in rows.items()} == LABELS
    known = rows["id 5"]["json"]
    assert (known["number"], known["ratio"], known["a.b"], known["tags"]) == (4, 1.5, [1, 2], True)
    assert datasets.load_dataset("webdataset", data_files=files, **options).num_rows == loaded.num_rows


def test_hugging_face_reads_a_column_that_begins_late_and_splits_of_any_name(
    tmp_path: Path, command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    import datasets

    rows = [Row(str(row), "abc"[row % 3]) for row in range(10)]
    scored = by_hand(tmp_path, rows, note=[None] * 8 + ["x", "y"], split=["fold 1"] * 9 + ["fold 2"])
    out = tmp_path / "out"
    assert command("export-clean", scored.run, "--out", out, "--format", "webdataset").code == 0
    loaded = datasets.load_dataset(str(out), cache_dir=str(tmp_path / "cache"))
    assert loaded.num_rows == {"fold_1": 9, "fold_2": 1}
    assert [row["note"] for row in loaded["fold_1"]["json"]] == [None] * 8 + ["x"]


def test_numbers_of_labels_are_those_of_the_owner(tmp_path: Path, command: Command) -> None:
    image = pa.array([picture(row) for row in range(4)], pa.binary())
    table = pa.table({"sample_id": list("wxyz"), "label": [3, 5, 7, 8], "image": image})
    pq.write_table(table, tmp_path / "d.parquet")
    rows = [Row(name, number, suggested=None) for name, number in zip("wxyz", "3578", strict=True)]
    write_scores(tmp_path / "run", Source(str(tmp_path / "d.parquet")), rows, list("3578"))
    out = tmp_path / "out"
    assert command("export-clean", tmp_path / "run", "--out", out, "--format", "webdataset").code == 0
    found = read(out, "train")
    assert [(row["__key__"], row["cls"], row["json"]["label"]) for row in found] == [
        ("w", 3, 3),
        ("x", 5, 5),
        ("y", 7, 7),
        ("z", 8, 8),
    ]
    assert [row["image"] for row in found] == image.to_pylist()


def test_shards_end_before_they_get_too_big(tmp_path: Path, command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(format_webdataset, "SHARD", 1500)
    scored = by_hand(tmp_path, [Row(str(row), "abc"[row % 3]) for row in range(7)])
    out = tmp_path / "out"
    assert command("export-clean", scored.run, "--out", out, "--format", "webdataset").code == 0
    shards = sorted(out.glob("*.tar"))
    assert [shard.name for shard in shards] == [f"train-{place:06d}.tar" for place in range(len(shards))]
    assert len(shards) > 2
    for shard in shards:
        with tarfile.open(shard) as tar:
            assert sum(member.size for member in tar) <= 1500
    assert [row["__key__"] for row in read(out, "train")] == [str(row) for row in range(7)]


def test_the_console_says_what_to_do_next(tmp_path: Path, command: Command) -> None:
    scored = by_hand(tmp_path)
    words = ("export-clean", scored.run, "--out", tmp_path / "out", "--format", "webdataset")
    assert "webdataset.WebDataset" not in command(*words, "--dry-run").out
    assert f"{tmp_path / 'out'}/train-*.tar" in command(*words).out.replace("\n", "")
