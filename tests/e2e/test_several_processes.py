"""Several processes fit together: the same results, one voice, one exit code, a way to go on."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from support.commands import Ended, ended, environment, started, together
from support.datasets import embeddings, image_folder, write_trusted

from noisecleaner.files import read_arrays

HEADS = ["fit", "data.parquet", "--trusted", "trusted.parquet", "--embedding-column", "embedding", "--folds", "3"]
IMAGES = ["fit", "images", "--trusted", "trusted.parquet", "--no-frozen", "--backbone", "cifar-quick", "--rounds", "1"]
IMAGES += ["--image-size", "32", "--batch-size", "30", "--checkpoint-seconds", "0"]


@pytest.fixture
def vectors(tmp_path: Path) -> Path:
    write_trusted(tmp_path / "trusted.parquet", embeddings(tmp_path / "data.parquet", rows=300), every=2)
    return tmp_path


@pytest.fixture
def images(tmp_path: Path) -> Path:
    write_trusted(tmp_path / "trusted.parquet", image_folder(tmp_path / "images", rows=90), every=2)
    return tmp_path


def alone(words: list[object], folder: Path) -> Ended:
    command = [sys.executable, "-m", "noisecleaner", *map(str, words)]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False, timeout=120)
    return Ended(done.returncode, done.stdout, done.stderr)


def numbers(run: Path, column: str) -> np.ndarray:
    return pq.read_table(run / "trace.parquet")[column].to_numpy()


def await_file(run: Path, pattern: str = "checkpoint/state-*.safetensors") -> None:
    until = time.monotonic() + 60
    while not list(run.glob(pattern)):
        assert time.monotonic() < until, f"no {pattern} was written"
        time.sleep(0.02)


def test_heads_are_the_same_bit_for_bit_and_one_process_speaks(vectors: Path) -> None:
    assert alone([*HEADS, "--out", "one"], vectors).code == 0
    leader, other = together([*HEADS, "--out", "two"], 2, vectors)
    assert (leader.code, other.code) == (0, 0), leader.err
    assert leader.out.startswith("Fitted 300 rows")
    assert (other.out, other.err) == ("", "")
    assert (vectors / "two/trace.parquet").read_bytes() == (vectors / "one/trace.parquet").read_bytes()


@pytest.mark.parametrize("method", ["l2b", "soseleto"])
def test_weights_of_pixels_are_those_of_one_process_in_float32(images: Path, method: str) -> None:
    """What two processes choose by themselves one takes when it is asked for; L2B's α is a weight times the batch."""
    words = [*IMAGES, "--epochs", "1", "--method", method, "--option", "warmup=0"]
    assert alone([*words, "--precision", "float32", "--out", "one"], images).code == 0
    for out in ("two", "again") if method == "l2b" else ("two",):
        leader, other = together([*words, "--out", out], 2, images)
        assert (leader.code, other.code) == (0, 0), leader.err
    scale = 30 if method == "l2b" else 1
    expected, found = (numbers(images / out, "alpha") for out in ("one", "two"))
    assert np.isfinite(expected).all()
    assert np.abs(found - expected).max() < 1e-6 * scale
    assert len({trace.read_bytes() for trace in images.glob("*/trace.parquet") if trace.parent.name != "one"}) == 1


@pytest.mark.parametrize("extra", [["--method", "bilevel"], ["--out"]])
def test_what_is_refused_is_said_once_and_ends_all_with_one_code(images: Path, extra: list[str]) -> None:
    leader, other = together([*IMAGES, "--out", "run", *extra], 2, images)
    assert (leader.code, other.code) == (2, 2)
    assert leader.err.strip()
    assert (other.out, other.err) == ("", "")
    assert not (images / "run").exists()


def test_a_killed_process_ends_all_and_one_process_goes_on(images: Path) -> None:
    words = [*IMAGES, "--epochs", "200", "--out", "run"]
    with started(words, 3, images) as processes:
        await_file(images / "run")
        processes[2].kill()
        killed = time.monotonic()
        leader, second, _ = ended(processes)
    assert time.monotonic() - killed < 30
    assert (leader.code, second.code) == (143, 143), leader.err + second.err
    (message,) = [line for line in (leader.err + second.err).splitlines() if line.startswith("Error")]
    assert "one is gone" in message
    assert message.endswith("--out run --resume")
    (state,) = (images / "run/checkpoint").glob("state-*.safetensors")
    _, metadata = read_arrays(state)
    assert metadata["step"] > 0
    with started([*words, "--resume"], 1, images) as processes:
        processes[0].send_signal(signal.SIGTERM)
        processes[0].wait(60)


def test_where_the_leader_is_killed_another_one_says_so(vectors: Path) -> None:
    """torchrun sends the others a signal then."""
    with started([*HEADS, "--epochs", "2000", "--out", "run"], 2, vectors) as processes:
        await_file(vectors / "run", "run.json")
        processes[0].kill()
        processes[1].send_signal(signal.SIGTERM)
        _, other = ended(processes)
    assert other.code == 143, other.err
    assert "one is gone" in other.err
    assert other.err.strip().endswith("--out run --resume")


def test_a_signal_to_one_stops_all_at_a_step_and_others_go_on(images: Path) -> None:
    words = [*IMAGES, "--epochs", "40"]
    with started([*words, "--out", "run"], 2, images) as processes:
        await_file(images / "run")
        processes[1].send_signal(signal.SIGTERM)
        leader, other = ended(processes)
    assert (leader.code, other.code) == (143, 143), leader.err
    assert leader.err.splitlines()[-1].startswith("Error: Interrupted. Go on where it stopped")
    assert other.err == ""
    again = together([*words, "--out", "run", "--resume"], 3, images)
    assert [process.code for process in again] == [0, 0, 0], again[0].err
    assert np.isfinite(numbers(images / "run", "alpha")).all()


def test_torchrun_starts_them_and_frozen_features_are_shared_out(images: Path) -> None:
    words = ["fit", "images", "--trusted", "trusted.parquet", "--backbone", "efficientnet-lite0", "--image-size", "64"]
    assert alone([*words, "--out", "one"], images).code == 0
    run = [sys.executable, "-m", "torch.distributed.run", "--nproc-per-node", "2", "-m", "noisecleaner", *words]
    done = subprocess.run([*run, "--out", "two"], cwd=images, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("Fitted 90 rows") == 1
    assert (images / "two/features.npy").read_bytes() == (images / "one/features.npy").read_bytes()
    assert (images / "two/trace.parquet").read_bytes() == (images / "one/trace.parquet").read_bytes()


def test_a_process_without_its_place_is_told_how_to_start(vectors: Path) -> None:
    lost = {name: value for name, value in environment(0, 2, 1).items() if name != "MASTER_PORT"}
    command = [sys.executable, "-m", "noisecleaner", *HEADS, "--out", "run"]
    done = subprocess.run(command, cwd=vectors, env=lost, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 2
    assert "MASTER_PORT cannot be found" in done.stderr
    assert "torchrun" in done.stderr
