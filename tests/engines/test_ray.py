"""Ray: the same rows as with the local engine, bit for bit, and what is done is not done again.

What needs a cluster has the mark `ray`: `.ci/ray` runs it where Ray is installed.
"""

from __future__ import annotations

import signal
import sys
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from support.datasets import CLASSES, Command, image_folder, png, write_trusted
from support.embedding import tiny, typed

from noisecleaner.arrays import IntArray
from noisecleaner.engines import Map, Work
from noisecleaner.engines.ray import Share, Tasks, _in_order, _own_signals, _packed, _span, run
from noisecleaner.errors import NoisecleanerError
from noisecleaner.progress import Stage


def read(rows: IntArray) -> Iterator[pa.RecordBatch]:
    for row in rows.tolist():
        yield pa.RecordBatch.from_pydict({"row": [row]})


def noting(batches: Iterator[pa.RecordBatch], folder: Path, bad: int | None) -> Iterator[pa.RecordBatch]:
    """Leave a file for each row that is mapped, and fail at one of them, once another task has been committed."""
    for batch in batches:
        row = batch["row"][0].as_py()
        if row == bad and not (folder / "mended").exists():
            deadline = time.monotonic() + 60
            while not list((folder.parent / "scratch" / "checkpoint").glob("*")) and time.monotonic() < deadline:
                time.sleep(0.05)
            raise NoisecleanerError(f"Row {row} is odd.", "Mend it.")
        (folder / f"{row}-{len(list(folder.glob(f'{row}-*')))}").touch()
        yield batch.append_column("twice", pa.array([2 * row]))


def opened(threads: int | None, folder: Path, bad: int | None = None) -> Map:
    return partial(noting, folder=folder, bad=bad)


def test_tasks_begin_at_multiples_whatever_rows_are_missing() -> None:
    tasks = Tasks(np.array([0, 1, 5, 6, 12]), 4)
    assert [tasks.of(task).tolist() for task in range(len(tasks))] == [[0, 1], [5, 6], [], [12]]


def test_a_run_that_goes_on_has_the_tasks_of_the_first(tmp_path: Path) -> None:
    assert _span(tmp_path / "a", 100, 64) == 64 * 32
    large = _span(tmp_path / "b", 10**9, 64)
    assert large % 64 == 0
    assert 10**9 / 20_000 <= large < 10**9 / 20_000 + 64
    assert _span(tmp_path / "b", 100, 64) == large


def test_results_are_read_in_the_order_of_the_rows_and_those_that_are_asked_for(tmp_path: Path) -> None:
    for number, task in enumerate([2, 0, 1]):
        batches = (pa.RecordBatch.from_pydict({"row": [row]}) for row in range(2 * task, 2 * task + 2))
        result = pa.array([_packed(batches)], pa.large_binary())
        pq.write_table(pa.table({"id": [task], "result": result}), tmp_path / f"{number}.parquet")
    found = _in_order(tmp_path, Tasks(np.array([0, 1, 2, 4]), 2))
    assert [batch["row"][0].as_py() for batch in found] == [0, 1, 2, 4]


@pytest.mark.parametrize(
    ("resources", "on_gpu", "share"),
    [
        ({"CPU": 8.0}, None, Share(8, 1, 0)),
        ({"CPU": 8.0, "GPU": 2.0}, None, Share(2, 4, 1)),
        ({"CPU": 8.0, "GPU": 2.0}, False, Share(8, 1, 0)),
        ({"CPU": 1.0, "GPU": 4.0}, True, Share(4, 1, 1)),
        ({}, None, Share(1, 1, 0)),
    ],
)
def test_each_process_has_a_gpu_and_its_share_of_the_cores_or_one_core(
    resources: dict[str, float], on_gpu: bool | None, share: Share
) -> None:
    assert Share.of(resources, on_gpu) == share


def test_a_gpu_that_there_is_not_is_refused() -> None:
    with pytest.raises(NoisecleanerError, match="the Ray cluster has none"):
        Share.of({"CPU": 8.0}, True)


def test_a_missing_ray_is_told_with_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    work = Work(read=read, open=partial(opened, folder=tmp_path), batch=1)
    with pytest.raises(NoisecleanerError, match="needs Ray Data, but it is not installed") as told:
        list(run(work, np.arange(3), scratch=tmp_path, stage=Stage()))
    assert told.value.hint == "Install it: pip install 'noisecleaner[ray]'."


def test_signals_do_what_they_did_whoever_changes_that() -> None:
    before = signal.getsignal(signal.SIGTERM)
    with _own_signals():
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    assert signal.getsignal(signal.SIGTERM) == before


@pytest.mark.ray
def test_what_was_committed_before_a_failure_is_not_done_again(cluster: None, tmp_path: Path) -> None:
    notes, scratch = tmp_path / "notes", tmp_path / "scratch"
    notes.mkdir()
    work = Work(read=read, open=partial(opened, folder=notes, bad=150), batch=1)
    with pytest.raises(NoisecleanerError, match=r"Row 150 is odd\."):
        list(run(work, np.arange(160), scratch=scratch, stage=Stage()))
    tasks = {
        task for path in (scratch / "checkpoint").glob("*.parquet") for task in pq.read_table(path)["id"].to_pylist()
    }
    committed = {row for task in tasks for row in range(32 * task, 32 * task + 32)}
    assert committed
    assert 150 not in committed
    (notes / "mended").touch()
    table = pa.Table.from_batches(run(work, np.arange(160), scratch=scratch, stage=Stage()))
    assert table["twice"].to_pylist() == [2 * row for row in range(160)]
    times = {row: len(list(notes.glob(f"{row}-*"))) for row in range(160)}
    assert {times[row] for row in committed} == {1}
    again = pa.Table.from_batches(run(work, np.arange(160), scratch=scratch, stage=Stage()))  # all of it is done
    assert again.equals(table)
    assert times == {row: len(list(notes.glob(f"{row}-*"))) for row in range(160)}


@pytest.mark.ray
def test_the_folder_is_that_of_the_local_engine(
    cluster: None, command: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    rng = np.random.default_rng(0)
    images = [png(row % 3, rng, (16, 16)) if row != 77 else b"broken" for row in range(200)]
    labels = [CLASSES[row % 3] for row in range(200)]
    table = pa.table({"sample_id": [f"r{row}" for row in range(200)], "image": images, "label": labels})
    pq.write_table(table, "data.parquet", row_group_size=50)
    words = ["embed", "data.parquet", "--rows-per-shard", 64, "--device", "cpu", *typed(tiny(tmp_path))]
    for engine in ("local", "ray"):
        outcome = command(*words, "--engine", engine, "--out", engine)
        assert outcome.code == 0, outcome.err
    names = sorted(path.name for path in Path("local").iterdir())
    assert sorted(path.name for path in Path("ray").iterdir()) == names
    for name in names:
        assert Path("ray", name).read_bytes() == Path("local", name).read_bytes()


@pytest.mark.ray
def test_new_rows_get_the_scores_of_the_local_engine(
    cluster: None, command: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    truth = image_folder(tmp_path / "images", rows=120)
    (tmp_path / "images" / sorted(truth)[7]).write_bytes(b"")
    write_trusted(tmp_path / "t.parquet", truth)
    fit = ["fit", "images", "--trusted", "t.parquet", "--out", "run", "--folds", 3, "--epochs", 2, "--device", "cpu"]
    assert command(*fit, *typed(tiny(tmp_path))).code == 0
    for engine in ("local", "ray"):
        score = ["score", "run", "--data", "images", "--device", "cpu", "--engine", engine, "--out", engine]
        outcome = command(*score)
        assert outcome.code == 0, outcome.err
    one, two = (pq.read_table(f"{engine}/scores.parquet") for engine in ("local", "ray"))
    same = ["sample_id", "path", "flagged", "skip_reason", "suggested_label"]
    assert one.select(same).equals(two.select(same))
    qualities = [table["label_quality"].to_numpy(zero_copy_only=False) for table in (one, two)]
    np.testing.assert_allclose(*qualities, atol=1e-6)
    assert list(tmp_path.glob(".*vectors*")) == []
