"""`bench scale` watches processes; what a large dataset costs in time and memory, run by name with `-m slow`."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from sklearn.metrics import roc_auc_score

from noisecleaner.bench import BenchConfig, bench, scale
from noisecleaner.bench.scale import Scale
from noisecleaner.errors import NoisecleanerError

ROWS, WIDTH, CLASSES, TRUSTED = 50_000, 1280, 10, 500


def write(folder: Path) -> np.ndarray:
    """Write float16 embeddings of which 30 % carry a wrong label; return which."""
    rng = np.random.default_rng(0)
    true = rng.integers(0, CLASSES, ROWS)
    wrong = rng.random(ROWS) < 0.3
    given = np.where(wrong, (true + rng.integers(1, CLASSES, ROWS)) % CLASSES, true)
    centres = 0.12 * rng.normal(size=(CLASSES, WIDTH)).astype(np.float32)
    vectors = (rng.standard_normal((ROWS, WIDTH), dtype=np.float32) + centres[true]).astype(np.float16)
    ids = pa.array([f"r{row}" for row in range(ROWS)])
    column = pa.FixedSizeListArray.from_arrays(pa.array(vectors.reshape(-1)), WIDTH)
    pq.write_table(pa.table({"sample_id": ids, "label": given, "embedding": column}), folder / "data.parquet")
    rows = rng.choice(ROWS, TRUSTED, replace=False)
    trusted = pa.table({"sample_id": ids.take(pa.array(rows)), "trusted_label": true[rows]})
    pq.write_table(trusted, folder / "trusted.parquet")
    return wrong


def peak_gigabytes(folder: Path, command: list[str]) -> float:
    """Run a command in a process of its own; return its greatest resident memory.

    Taken from /proc, because the usage that the system reports of a child may be that of its parent.
    """
    script = (
        "import sys\nfrom noisecleaner.cli import main\n"
        "try:\n    main(sys.argv[1:])\n"
        "finally:\n    print(open('/proc/self/status').read().split('VmHWM:')[1].split()[0])"
    )
    words = [sys.executable, "-c", script, *command]
    done = subprocess.run(words, cwd=folder, check=True, stdout=subprocess.PIPE, text=True)
    return int(done.stdout.split()[-1]) / 2**20


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="reads peak memory from Linux's /proc")
def test_fifty_thousand_embeddings_take_under_four_minutes_and_three_gigabytes(tmp_path: Path) -> None:
    wrong = write(tmp_path)
    words = ["data.parquet", "--trusted", "trusted.parquet", "--embedding-column", "embedding", "--out", "run"]
    started = time.monotonic()
    commands = (["fit", *words, "--method", "l2b", "--epochs", "20"], ["score", "run"])
    gigabytes = max(peak_gigabytes(tmp_path, command) for command in commands)
    seconds = time.monotonic() - started
    quality = pq.read_table(tmp_path / "run" / "scores.parquet")["label_quality"].to_numpy()
    print(f"{seconds:.0f} s, {gigabytes:.2f} GB, AUROC {roc_auc_score(wrong, -quality):.4f}")  # noqa: T201  # the figure
    assert seconds < 240
    assert gigabytes < 3
    assert roc_auc_score(wrong, -quality) > 0.9


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="reads memory from Linux's /proc")
def test_large_datasets_are_scored_in_processes_of_their_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scale, "_SAMPLE", 300)
    smallest = [row.method for row in Scale.rows if row.setting["rows"] == 100_000]
    monkeypatch.setattr(Scale, "rows", tuple(scale.Row(name, {"rows": 100_000, "classes": 5}) for name in smallest))
    found = bench(BenchConfig("scale", seeds=1, scale=0.005, device="cpu"), tmp_path)
    assert {line.row.method for line in found.lines} == {"noisecleaner", "cleanlab", "cleanlab batched"}
    values = {(line.row.method, line.metric): line.mean for line in found.lines}
    for method in ("noisecleaner", "cleanlab", "cleanlab batched"):
        assert values[method, "rows_per_second"] == pytest.approx(500 / values[method, "work_seconds"])
        assert 10 < values[method, "peak_megabytes"] < 2_000
        assert 0.1 < values[method, "flagged"] < 0.3  # a fifth of the labels is wrong
    assert not list((tmp_path / "runs").glob(".bench-*"))


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="reads memory from Linux's /proc")
def test_gates_exports_and_fits_are_measured_likewise(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scale, "_SAMPLE", 300)
    monkeypatch.setattr(scale, "_VERIFIED_ROWS", 100)
    sizes = {"gate": 500, "export-clean": 500, "fit": 400}
    rows = tuple(scale.Row(method, {"rows": size, "classes": 5}) for method, size in sizes.items())
    monkeypatch.setattr(Scale, "rows", rows)
    found = bench(BenchConfig("scale", seeds=1, scale=1, device="cpu"), tmp_path)
    values = {(line.row.method, line.metric): line.mean for line in found.lines}
    for method, size in sizes.items():
        assert values[method, "bytes_per_row"] == pytest.approx(values[method, "peak_megabytes"] * 1e6 / size)
        assert 10 < values[method, "peak_megabytes"] < 2_000
    assert ("fit", "flagged") not in values


def test_a_measured_process_that_fails_is_an_error() -> None:
    with pytest.raises(NoisecleanerError, match="failed with 3: no such thing"):
        scale._watched([sys.executable, "-c", "import sys; print('no such thing'); sys.exit(3)"])
