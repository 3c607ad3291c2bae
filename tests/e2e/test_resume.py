"""Signals leave a checkpoint; a run that was interrupted or killed ends with the same trace, bit for bit."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from safetensors.torch import save_file
from support.datasets import Command, embeddings, image_folder, write_trusted

from noisecleaner.commands import terminal
from noisecleaner.files import read_record
from noisecleaner.images.decoder import Decoder
from noisecleaner.images.decoding import Wanted
from noisecleaner.networks.backbones import build
from noisecleaner.progress import Progress, Stage

VECTORS = ["data.parquet", "--trusted", "trusted.parquet", "--embedding-column", "embedding", "--folds", "3"]
IMAGES = ["images", "--trusted", "trusted.parquet", "--backbone", "preact-resnet18", "--no-frozen", "--epochs", "1"]
IMAGES += ["--image-size", "16", "--batch-size", "32"]


@pytest.fixture
def vectors(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    write_trusted(tmp_path / "trusted.parquet", embeddings(tmp_path / "data.parquet", rows=300), every=2)
    return tmp_path


@pytest.fixture
def images(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    write_trusted(tmp_path / "trusted.parquet", image_folder(tmp_path / "images", rows=150))
    return tmp_path


class SignalAt(Progress):
    """Sends a real signal to this process at the n-th step of a stage whose title holds a word."""

    def __init__(self, word: str, step: int, signum: int) -> None:
        self.word, self.left, self.signum = word, step, signum

    @contextmanager
    def stage(self, title: str, total: int, unit: str, done: int = 0) -> Iterator[Stage]:
        outer = self

        class Counting(Stage):
            def advance(self, count: int = 1, **numbers: float) -> None:
                if outer.word in title:
                    outer.left -= 1
                    if outer.left == 0:
                        os.kill(os.getpid(), outer.signum)

        yield Counting()


def results(run: Path) -> dict[str, bytes]:
    files = [run / "trace.parquet", *sorted((run / "auditor").iterdir())]
    return {file.name: file.read_bytes() for file in files}


def interrupt(command: Command, monkeypatch: pytest.MonkeyPatch, words: list[str], at: SignalAt) -> str:
    with monkeypatch.context() as patch:
        patch.setattr(terminal, "TerminalProgress", lambda: at)
        outcome = command("fit", *words)
    assert outcome.code == 128 + at.signum, outcome.err
    assert "Interrupted." in outcome.err
    return outcome.err


@pytest.mark.parametrize("method", ["soseleto --meta-momentum 0.9", "l2b --meta-every 3", "bilevel"])
@pytest.mark.parametrize(("signum", "step"), [(signal.SIGINT, 7), (signal.SIGTERM, 300)])
def test_an_interrupted_fit_goes_on_to_the_same_bits(
    command: Command, vectors: Path, monkeypatch: pytest.MonkeyPatch, method: str, signum: int, step: int
) -> None:
    words = [*VECTORS, "--method", *method.split()]
    assert command("fit", *words, "--out", "whole").code == 0
    said = interrupt(command, monkeypatch, [*words, "--out", "cut"], SignalAt("Training", step, signum))
    assert f"noisecleaner fit {' '.join(words)} --out cut --resume" in said
    assert any((vectors / "cut" / "checkpoint").glob("state-*.safetensors"))
    assert not (vectors / "cut" / "trace.parquet").exists()
    score = command("score", "cut")
    assert score.code == 2
    assert "--resume" in score.err
    resumed = command("fit", *words, "--out", "cut", "--resume")
    assert resumed.code == 0, resumed.err
    assert results(vectors / "cut") == results(vectors / "whole")
    assert not (vectors / "cut" / "checkpoint").exists()
    assert not (vectors / "cut" / "cache").exists()


@pytest.mark.parametrize("step", [170, 177])
def test_the_meta_set_survives_an_interruption(
    command: Command, vectors: Path, monkeypatch: pytest.MonkeyPatch, step: int
) -> None:
    """In the middle of an epoch, and at its end: 300 rows in three parts make 2 steps."""
    words = ["data.parquet", "--trusted", "none", "--method", "l2b", *VECTORS[3:]]
    assert command("fit", *words, "--out", "whole").code == 0
    interrupt(command, monkeypatch, [*words, "--out", "cut"], SignalAt("Training", step, signal.SIGINT))
    assert command("fit", *words, "--out", "cut", "--resume").code == 0
    assert results(vectors / "cut") == results(vectors / "whole")


@pytest.mark.parametrize("step", [20, 33])
def test_critic_and_running_covariances_survive_an_interruption(
    command: Command, vectors: Path, monkeypatch: pytest.MonkeyPatch, step: int
) -> None:
    table = pq.read_table("data.parquet")
    cameras = pa.array(["front" if row % 3 else "rear" for row in range(len(table))])
    labels = pa.array([None if row % 5 == 4 else label for row, label in enumerate(table["label"].to_pylist())])
    pq.write_table(table.append_column("camera", cameras).set_column(1, "label", labels), "data.parquet")
    words = [*VECTORS, "--hidden", "8", "--epochs", "20", "--regulariser", "lautum", "--irrelevant-column", "camera"]
    assert command("fit", *words, "--out", "whole").code == 0
    interrupt(command, monkeypatch, [*words, "--out", "cut"], SignalAt("Training", step, signal.SIGINT))
    assert command("fit", *words, "--out", "cut", "--resume").code == 0
    assert results(vectors / "cut") == results(vectors / "whole")


def test_batch_norm_momentum_and_augmentation_survive_an_interruption(
    command: Command, images: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert command("fit", *IMAGES, "--out", "whole").code == 0
    interrupt(command, monkeypatch, [*IMAGES, "--out", "cut"], SignalAt("Training", 3, signal.SIGINT))
    assert command("fit", *IMAGES, "--out", "cut", "--resume").code == 0
    assert results(images / "cut") == results(images / "whole")


def test_images_that_are_decoded_are_not_decoded_again(
    command: Command, images: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert command("fit", *IMAGES, "--out", "whole").code == 0
    interrupt(command, monkeypatch, [*IMAGES, "--out", "cut"], SignalAt("Decoding", 2, signal.SIGTERM))
    decoded: list[int] = []
    decode = Decoder.decode

    def counting(decoder: Decoder, encoded: bytes, wanted: Wanted) -> object:
        decoded.append(1)
        return decode(decoder, encoded, wanted)

    monkeypatch.setattr(Decoder, "decode", counting)
    assert command("fit", *IMAGES, "--out", "cut", "--resume").code == 0
    assert len(decoded) == 150 - 2 * 64  # two blocks were done
    assert results(images / "cut") == results(images / "whole")


def killed(words: list[str], delay: float) -> int:
    process = subprocess.Popen([sys.executable, "-m", "noisecleaner", "fit", *words], stderr=subprocess.DEVNULL)
    try:
        return process.wait(timeout=delay)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
        return -9


def test_kill_9_at_any_moment_loses_nothing(command: Command, vectors: Path) -> None:
    words = [*VECTORS, "--checkpoint-seconds", "0"]
    assert command("fit", *words, "--out", "whole").code == 0
    rng = random.Random(os.urandom(8))  # any moment: another one in each run of the tests
    delays = [rng.uniform(1.0, 9.0) for _ in range(4)]
    codes = [killed([*words, "--out", "cut", "--resume"], delay) for delay in delays]
    assert set(codes) <= {0, -9}
    last = command("fit", *words, "--out", "cut", "--resume")
    assert last.code == 0, (delays, last.err)
    assert results(vectors / "cut") == results(vectors / "whole"), delays
    leftovers = [p.name for p in vectors.rglob(".*") if ".tmp-" in p.name]
    assert not leftovers


@pytest.mark.parametrize("step", [1, 4])
def test_features_of_an_interrupted_fit_are_those_of_a_whole_one(
    command: Command, images: Path, monkeypatch: pytest.MonkeyPatch, step: int
) -> None:
    """150 rows in batches of 16, two of them unreadable: what resumes forms the same batches."""
    for name in sorted(images.glob("images/*/*.png"))[40:42]:
        name.write_bytes(b"no image")
    network = build("resnet18", size=96, pretrained=False, weights=None)
    save_file(network.state_dict(), images / "weights.safetensors")
    words = ["images", "--trusted", "trusted.parquet", "--backbone", "resnet18", "--weights", "weights.safetensors"]
    words += ["--image-size", "96", "--epochs", "1", "--frozen"]
    assert command("fit", *words, "--out", "whole").code == 0
    interrupt(command, monkeypatch, [*words, "--out", "cut"], SignalAt("Decoding", step, signal.SIGINT))
    noted = read_record(images / "cut" / "features.json")
    assert noted["done"] == 16 * step
    assert command("fit", *words, "--out", "cut", "--resume").code == 0
    assert (images / "cut" / "features.npy").read_bytes() == (images / "whole" / "features.npy").read_bytes()
    assert results(images / "cut") == results(images / "whole")


def test_resuming_a_finished_fit_changes_nothing(command: Command, vectors: Path) -> None:
    words = [*VECTORS, "--epochs", "1", "--out", "run"]
    assert command("fit", *words).code == 0
    before = results(vectors / "run")
    again = command("fit", *words, "--resume")
    assert again.code == 0
    assert "nothing was done" in again.err
    assert results(vectors / "run") == before


def test_resuming_with_other_options_or_other_data_is_refused(command: Command, vectors: Path) -> None:
    words = [*VECTORS, "--epochs", "1", "--out", "run"]
    assert command("fit", *words).code == 0
    other = command("fit", *words, "--resume", "--seed", "1")
    assert other.code == 2
    assert "seed" in other.err
    embeddings(vectors / "data.parquet", rows=300, rate=0.1)
    changed = command("fit", *words, "--resume")
    assert changed.code == 2
    assert "have changed since" in changed.err


def test_overwrite_replaces_a_run(command: Command, vectors: Path) -> None:
    words = [*VECTORS, "--epochs", "1", "--out", "run"]
    assert command("fit", *words).code == 0
    assert command("score", "run").code == 0
    before = results(vectors / "run")
    assert command("fit", *words, "--overwrite", "--seed", "1").code == 0
    assert results(vectors / "run") != before
    assert not (vectors / "run" / "scores.parquet").exists()  # scores of the old run would mislead
    assert [p.name for p in vectors.iterdir() if p.name.startswith(".")] == []


def test_interrupted_replacement_goes_on_and_interrupted_start_leaves_the_old_run(
    command: Command, vectors: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    words = [*VECTORS, "--epochs", "1", "--out", "run"]
    assert command("fit", *words).code == 0
    at = SignalAt("Training", 2, signal.SIGINT)
    interrupt(command, monkeypatch, [*words, "--overwrite", "--seed", "1"], at)
    assert command("fit", *words, "--resume", "--seed", "1").code == 0
    assert command("fit", *words[:-1], "fresh", "--seed", "1").code == 0
    assert results(vectors / "run") == results(vectors / "fresh")


def test_a_replacement_interrupted_before_it_began_leaves_the_old_run(
    command: Command, vectors: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from noisecleaner import fitting

    words = [*VECTORS, "--epochs", "1", "--out", "run"]
    assert command("fit", *words).code == 0
    before = results(vectors / "run")

    def interrupted(*arguments: object, **options: object) -> None:
        os.kill(os.getpid(), signal.SIGINT)

    monkeypatch.setattr(fitting, "read_corpus", interrupted)
    outcome = command("fit", *words, "--overwrite", "--seed", "1")
    assert outcome.code == 130
    assert "Start again with: noisecleaner fit" in outcome.err
    assert "--overwrite" in outcome.err
    assert results(vectors / "run") == before


def test_a_replacement_that_fails_late_brings_the_old_run_back(command: Command, vectors: Path) -> None:
    words = [*VECTORS, "--epochs", "30", "--out", "run"]
    assert command("fit", *words).code == 0
    before = results(vectors / "run")
    late = ["--learning-rate", "1e20", "--checkpoint-seconds", "0", "--overwrite"]
    outcome = command("fit", *words, *late)
    assert outcome.code == 2
    assert "converge" in outcome.err
    assert results(vectors / "run") == before
    assert [p.name for p in vectors.iterdir() if p.name.startswith(".")] == []


def test_two_fits_cannot_write_to_one_run(command: Command, vectors: Path) -> None:
    import fcntl

    with (vectors / ".run.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        outcome = command("fit", *VECTORS, "--out", "run")
    assert outcome.code == 2
    assert "another process is at it" in outcome.err
    assert not (vectors / "run").exists()


def test_the_same_seed_gives_the_same_bits_and_another_one_others(command: Command, vectors: Path) -> None:
    words = [*VECTORS, "--epochs", "2"]
    for name, seed in (("a", "5"), ("b", "5"), ("c", "6")):
        assert command("fit", *words, "--out", name, "--seed", seed).code == 0
    assert results(vectors / "a") == results(vectors / "b")
    assert pq.read_table(vectors / "a" / "trace.parquet") != pq.read_table(vectors / "c" / "trace.parquet")


def test_a_second_signal_does_not_wait(tmp_path: Path) -> None:
    script = (
        "import os, signal, time\n"
        "from noisecleaner.errors import Interrupted\n"
        "from noisecleaner.progress import Interrupts\n"
        "i = Interrupts()\n"
        "try:\n"
        "    with i.installed(), i.deferred():\n"
        "        os.kill(os.getpid(), signal.SIGINT)\n"
        "        assert i.pending()\n"
        "        os.kill(os.getpid(), signal.SIGINT)\n"
        "        time.sleep(60)\n"
        "except Interrupted as stop:\n"
        "    raise SystemExit(128 + stop.signum)\n"
    )
    started = time.monotonic()
    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == 130
    assert time.monotonic() - started < 30


def test_a_command_that_only_reads_says_that_nothing_was_written(
    command: Command, vectors: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert command("fit", *VECTORS, "--epochs", "1", "--out", "run").code == 0
    assert command("score", "run").code == 0
    with monkeypatch.context() as patch:
        patch.setattr(terminal, "TerminalProgress", lambda: SignalAt("Copying", 1, signal.SIGINT))
        outcome = command("export-clean", "run", "--out", "clean")
    assert outcome.code == 130
    assert "Start again with: noisecleaner export-clean run --out clean" in outcome.err
    assert sorted(p.name for p in vectors.iterdir()) == ["data.parquet", "run", "trusted.parquet"]
