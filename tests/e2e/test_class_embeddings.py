"""Vectors of the classes, such as CLIP's of their names: what they add to the rows' embeddings, and what is refused."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from sklearn.metrics import roc_auc_score
from support.datasets import Command

from noisecleaner.arrays import Array
from noisecleaner.tables import SCORES, read_table

CLASSES = ["b, c", "a::b", "Äpfel", "d", "e", "f"]
WIDTH, ROWS, AUDITED = 48, 700, 150


@dataclass(frozen=True, kw_only=True)
class Rows:
    """Rows whose embeddings lie around the directions of their classes, and labels of which a third is wrong."""

    embeddings: Array
    true: Array
    given: Array

    @classmethod
    def made(cls, directions: Array, seed: int) -> Rows:
        rng = np.random.default_rng(seed)
        true = rng.integers(0, len(CLASSES), ROWS)
        given = np.where(rng.random(ROWS) < 0.35, (true + rng.integers(1, 3, ROWS)) % len(CLASSES), true)
        noise = rng.normal(size=(ROWS, WIDTH)) * 1.1
        return cls(embeddings=(directions[true] * 3 + noise).astype(np.float32), true=true, given=given)

    def write(self, path: str) -> None:
        names = np.array(CLASSES)
        ids, vectors = np.arange(ROWS).astype(str), list(self.embeddings)
        pq.write_table(pa.table({"sample_id": ids, "label": names[self.given], "embedding": vectors}), path)
        verified = {"sample_id": ids[:AUDITED], "trusted_label": names[self.true[:AUDITED]]}
        pq.write_table(pa.table(verified), "trusted.parquet")

    def auroc(self, folder: str) -> float:
        """How well label quality tells wrong rows that nobody verified."""
        quality = read_table(Path(folder) / "scores.parquet", SCORES)[0]["label_quality"].to_numpy()
        return float(roc_auc_score((self.given == self.true)[AUDITED:], quality[AUDITED:]))


@pytest.fixture
def directions() -> Array:
    vectors = np.random.default_rng(1).normal(size=(len(CLASSES), WIDTH))
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


@pytest.fixture
def fitted(directions: Array, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Rows:
    """The rows, and three files of vectors: of the classes, of more classes in another order, and at random."""
    monkeypatch.chdir(tmp_path)
    rows = Rows.made(directions, seed=0)
    rows.write("data.parquet")
    Path("names.txt").write_text("\n".join(CLASSES), "utf-8")
    np.save("classes.npy", directions)
    order = np.array([3, 0, 5, 1, 2, 4])
    np.savez(
        "classes.npz",
        ids=np.array(["more", *(CLASSES[place] for place in order)]),
        embeddings=np.vstack([np.ones(WIDTH), directions[order]]),
    )
    np.save("random.npy", np.random.default_rng(2).normal(size=directions.shape))
    return rows


FIT = ("fit", "data.parquet", "--embedding-column", "embedding", "--trusted", "trusted.parquet", "--device", "cpu")


def test_vectors_of_the_classes_tell_wrong_labels_and_random_ones_do_no_harm(
    fitted: Rows, directions: Array, command: Command
) -> None:
    for out, words in {
        "without": (),
        "with": ("--class-embeddings", "classes.npz"),
        "random": ("--label-names", "names.txt", "--class-embeddings", "random.npy"),
    }.items():
        done = command(*FIT, "--out", out, *words)
        assert done.code == 0, done.err
        assert command("score", out).code == 0
    found = {out: fitted.auroc(out) for out in ("without", "with", "random")}
    assert found["with"] > found["without"] + 0.005, found
    assert found["random"] > found["without"] - 0.01, found

    fresh = Rows.made(directions, seed=5)
    fresh.write("new.parquet")
    for out in ("without", "with"):
        scored = command("score", out, "--data", "new.parquet", "--out", f"new-{out}")
        assert scored.code == 0, scored.err
    assert fresh.auroc("new-with") > fresh.auroc("new-without") + 0.005

    other = command(
        *FIT, "--class-embeddings", "classes.npy", "--label-names", "names.txt", "--out", "with", "--resume"
    )
    assert other.code == 2
    assert "--class-embeddings" in other.err
    Path("with/auditor/zero-shot.safetensors").unlink()
    damaged = command("score", "with", "--data", "new.parquet", "--out", "again")
    assert damaged.code == 2
    assert "zero-shot.safetensors" in damaged.err


def test_swapped_names_are_told_at_the_fit_and_beside_the_scores(
    fitted: Rows, directions: Array, command: Command
) -> None:
    swapped = np.array([CLASSES[1], CLASSES[0], *CLASSES[2:]])
    np.savez("swapped.npz", ids=swapped, embeddings=directions)
    told = f"{CLASSES[0]} is most likely that of {CLASSES[1]}"
    for name, odd in (("swapped", True), ("classes", False)):
        fit = command(*FIT, "--out", name, "--epochs", "3", "--class-embeddings", f"{name}.npz")
        assert fit.code == 0, fit.err
        assert ("fit other names far better" in fit.err) == odd
        assert (told in " ".join(fit.err.split())) == odd
        assert ("fit other names far better" in " ".join(command("score", name).out.split())) == odd


def test_what_cannot_be_compared_is_refused_before_anything_is_written(fitted: Rows, command: Command) -> None:
    order = command(*FIT, "--class-embeddings", "classes.npy", "--out", "run")
    assert order.code == 2
    assert "nobody has told one" in order.err
    assert "--label-names FILE" in order.err
    images = command("fit", "data.parquet", "--probabilities-column", "embedding", "--trusted", "trusted.parquet",
                     "--class-embeddings", "classes.npz", "--out", "run")  # fmt: skip
    assert images.code == 2
    assert "--embedding-column NAME" in images.err
    away = command(*FIT, "--transfer", "--class-embeddings", "classes.npz", "--out", "run")
    assert away.code == 2
    assert "--class-embeddings" in away.err
    assert not Path("run").exists()
