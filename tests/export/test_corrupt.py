"""The noise that is put in is the noise that was asked for, and the input is only read."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.datasets import CLASSES, Command, embeddings, image_folder, png
from support.sources import meant

from noisecleaner.errors import NoisecleanerError
from noisecleaner.export.corrupt import Kind, confusion_matrix, corrupt, flip
from noisecleaner.ingest import Columns, Source, ingest
from noisecleaner.ingest.labels.cells import class_names as names_of

NAMES = ("a", "b", "c", "d")
ROWS = 200_000
#: Five standard deviations of a share of `ROWS / 4` rows, at most.
WITHIN = 5 * 0.5 / np.sqrt(ROWS / 4)


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def shares(matrix: npt.NDArray[np.float64], seed: int = 0) -> npt.NDArray[np.float64]:
    """Flip many labels; return the share of given classes for each true one."""
    true = np.arange(ROWS) % len(matrix)
    given_labels = flip(true, matrix, rng(seed))
    counts = np.zeros(matrix.shape)
    np.add.at(counts, (true, given_labels), 1)
    return np.asarray(counts / counts.sum(axis=1, keepdims=True))


def state(path: Path) -> dict[str, tuple[bytes, int]]:
    """Bytes and modification time of a file or of all files of a folder."""
    files = [path] if path.is_file() else [p for p in sorted(path.rglob("*")) if p.is_file()]
    return {str(file): (file.read_bytes(), file.stat().st_mtime_ns) for file in files}


@settings(deadline=None)
@given(st.sampled_from(Kind), st.integers(2, 40), st.floats(0, 1) | st.just(1.0), st.integers(0, 2**32))
def test_the_rows_of_every_matrix_are_distributions_with_the_rate_off_the_diagonal(
    kind: Kind, classes: int, rate: float, seed: int
) -> None:
    matrix = confusion_matrix(kind, tuple(map(str, range(classes))), rate, rng(seed))
    assert matrix.shape == (classes, classes)
    assert (matrix >= 0).all()
    np.testing.assert_allclose(matrix.sum(axis=1), 1, atol=1e-12)
    np.testing.assert_allclose(np.diag(matrix), 1 - rate, atol=1e-12)
    labels = np.arange(classes).repeat(2)
    assert np.isin(flip(labels, matrix, rng(seed)), labels).all()


@pytest.mark.parametrize("rate", [0.1, 0.4, 0.75])
def test_symmetric_noise_goes_to_every_other_class_alike(rate: float) -> None:
    matrix = confusion_matrix(Kind.SYMMETRIC, NAMES, rate, rng())
    expected = np.full((4, 4), rate / 3)
    np.fill_diagonal(expected, 1 - rate)
    np.testing.assert_allclose(matrix, expected, atol=1e-12)
    np.testing.assert_allclose(shares(matrix), expected, atol=WITHIN)


def test_asymmetric_noise_goes_to_the_next_class() -> None:
    expected = 0.7 * np.eye(4) + 0.3 * np.roll(np.eye(4), 1, axis=1)
    matrix = confusion_matrix(Kind.ASYMMETRIC, NAMES, 0.3, rng())
    np.testing.assert_allclose(matrix, expected, atol=1e-12)
    np.testing.assert_allclose(shares(matrix), expected, atol=WITHIN)


def test_asymmetric_pairs_name_the_wrong_class_and_leave_the_others_alone() -> None:
    matrix = confusion_matrix(Kind.ASYMMETRIC, NAMES, 0.4, rng(), pairs={"a": "c", "d": "a"})
    expected = np.eye(4)
    expected[0] = [0.6, 0, 0.4, 0]
    expected[3] = [0.4, 0, 0, 0.6]
    np.testing.assert_allclose(matrix, expected, atol=1e-12)
    np.testing.assert_allclose(shares(matrix), expected, atol=WITHIN)


def test_confusion_noise_follows_a_random_matrix() -> None:
    matrix = confusion_matrix(Kind.CONFUSION, NAMES, 0.5, rng(1))
    other = confusion_matrix(Kind.CONFUSION, NAMES, 0.5, rng(2))
    assert np.abs(matrix - other).max() > 0.01
    assert np.ptp(matrix[0, 1:]) > 0.01
    np.testing.assert_allclose(shares(matrix), matrix, atol=WITHIN)


@pytest.mark.parametrize("kind", Kind)
@pytest.mark.parametrize("classes", [2, 3, 7, 100])
def test_at_rate_one_every_label_is_wrong_and_at_zero_none(kind: Kind, classes: int) -> None:
    names = tuple(map(str, range(classes)))
    labels = np.arange(5_000) % classes
    assert (flip(labels, confusion_matrix(kind, names, 1.0, rng()), rng()) != labels).all()
    assert (flip(labels, confusion_matrix(kind, names, 0.0, rng()), rng()) == labels).all()


def test_rows_without_a_label_stay_without() -> None:
    labels = np.array([0, -1, 1, -1, 2])
    noisy = flip(labels, confusion_matrix(Kind.SYMMETRIC, NAMES, 1.0, rng()), rng())
    assert noisy[[1, 3]].tolist() == [-1, -1]
    assert (noisy[[0, 2, 4]] >= 0).all()
    assert labels.tolist() == [0, -1, 1, -1, 2]


def test_the_share_of_wrong_labels_is_the_rate_in_expectation(tmp_path: Path) -> None:
    truth = embeddings(tmp_path / "data.parquet", rows=3_000, rate=0, width=2)
    source = Source(str(tmp_path / "data.parquet"), columns=Columns(embedding="embedding"))
    wrong = []
    for seed in range(20):
        done = corrupt(source, tmp_path / f"{seed}", kind=Kind.SYMMETRIC, rate=0.3, seed=seed)
        given_labels = class_names(done.data)
        wrong.append(sum(g != t for g, t in zip(given_labels, truth.values(), strict=True)))
        assert done.wrong == wrong[-1]
        assert done.rows == 3_000
    mean, deviation = 900, np.sqrt(3_000 * 0.3 * 0.7)
    assert abs(np.mean(wrong) - mean) < 5 * deviation / np.sqrt(20)
    assert 0.4 * deviation < np.std(wrong) < 2 * deviation  # drawn row by row, and anew for each seed


def class_names(path: Path) -> list[str | None]:
    """The label column as names; those of a ClassLabel as Hugging Face would read them."""
    table = pq.read_table(path)
    names = names_of(table.schema, "label")
    return [names[label] if names and label is not None else label for label in table["label"].to_pylist()]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    image_folder(tmp_path / "images", rows=60, rate=0)
    return tmp_path / "images"


def test_the_command_writes_a_noisy_copy_and_the_truth(tmp_path: Path, folder: Path, command: Command) -> None:
    before = state(folder)
    outcome = command("corrupt", folder, "--out", tmp_path / "noisy", "--rate", 0.5, "--seed", 3)
    assert outcome.code == 0
    assert state(folder) == before
    names = [".noisecleaner-manifest.json", "data.parquet", "truth.parquet"]
    assert sorted(p.name for p in (tmp_path / "noisy").iterdir()) == names
    clean, _ = ingest(Source(str(folder)))
    truth = pq.read_table(tmp_path / "noisy" / "truth.parquet")
    assert truth.column_names == ["sample_id", "true_label"]
    assert truth["sample_id"].to_pylist() == clean.table["sample_id"].to_pylist()
    assert truth["true_label"].to_pylist() == clean.table["given_label"].to_pylist()
    noisy = pq.read_table(tmp_path / "noisy" / "data.parquet")
    assert noisy["sample_id"].to_pylist() == truth["sample_id"].to_pylist()
    for row in noisy.to_pylist():
        assert row["image"]["bytes"] == (folder / row["sample_id"]).read_bytes()
        assert row["image"]["path"] == Path(row["sample_id"]).name
    given_labels = class_names(tmp_path / "noisy" / "data.parquet")
    wrong = sum(g != t for g, t in zip(given_labels, truth["true_label"].to_pylist(), strict=True))
    assert 10 < wrong < 50
    assert f"{wrong} of 60 labels were changed" in outcome.out


def test_the_copy_is_read_as_the_dataset_was(tmp_path: Path, folder: Path) -> None:
    done = corrupt(Source(str(folder)), tmp_path / "noisy", kind=Kind.SYMMETRIC, rate=0)
    clean, _ = ingest(Source(str(folder)))
    copied, _ = ingest(Source(str(done.data)))
    assert copied.classes == clean.classes == tuple(CLASSES)
    for name in ("sample_id", "given_label", "skip_reason"):
        assert copied.table[name].equals(clean.table[name])
    assert done.wrong == 0


@pytest.mark.parametrize("kind", Kind)
def test_the_same_seed_gives_the_same_bits_and_another_does_not(
    tmp_path: Path, folder: Path, command: Command, kind: Kind
) -> None:
    for name, seed in (("1", 7), ("2", 7), ("3", 8)):
        assert command("corrupt", folder, "--out", tmp_path / name, "--kind", kind, "--seed", seed).code == 0
    first, second, third = ((tmp_path / n / "data.parquet").read_bytes() for n in "123")
    assert first == second
    assert first != third
    assert class_names(tmp_path / "1" / "data.parquet") != class_names(tmp_path / "3" / "data.parquet")


def test_pairs_come_through_the_command(tmp_path: Path, folder: Path, command: Command) -> None:
    words = ("corrupt", folder, "--kind", "asymmetric", "--rate", 1, "--pair", "red=green", "--pair", "blue=red")
    assert command(*words, "--out", tmp_path / "noisy").code == 0
    true = pq.read_table(tmp_path / "noisy" / "truth.parquet")["true_label"].to_pylist()
    became = {"red": "green", "blue": "red", "green": "green"}
    assert class_names(tmp_path / "noisy" / "data.parquet") == [became[t] for t in true]


def test_every_other_column_is_copied_and_vectors_stay(tmp_path: Path) -> None:
    embeddings(tmp_path / "data.parquet", rows=250, width=3)
    table = pq.read_table(tmp_path / "data.parquet").append_column("note", pa.array([f"n{i}" for i in range(250)]))
    image = pa.array([{"bytes": b"%d" % i, "path": f"{i}.png"} for i in range(250)])
    pq.write_table(table.append_column("image", image), tmp_path / "data.parquet")
    source = Source(str(tmp_path / "data.parquet"), columns=Columns(embedding="embedding"))
    before = state(tmp_path / "data.parquet")
    done = corrupt(source, tmp_path / "noisy", kind=Kind.SYMMETRIC, rate=0.5)
    assert state(tmp_path / "data.parquet") == before
    copied = pq.read_table(done.data)
    assert copied.column_names == pq.read_schema(tmp_path / "data.parquet").names
    for name in ("sample_id", "embedding", "note"):
        assert copied[name].to_pylist() == table[name].to_pylist()
    assert copied["image"].to_pylist() == image.to_pylist()
    assert done.wrong > 50


def test_rows_that_cannot_be_used_stay_in_place(tmp_path: Path) -> None:
    content = png(0, rng(), (8, 8))
    (tmp_path / "1.png").write_bytes(content)
    columns = {"image": ["1.png", "gone.png", None], "label": ["a", "b", None], "sample_id": [1, 2, 3]}
    pq.write_table(pa.table(columns), tmp_path / "data.parquet")
    done = corrupt(Source(str(tmp_path / "data.parquet")), tmp_path / "noisy", kind=Kind.SYMMETRIC, rate=1)
    assert (done.rows, done.wrong) == (2, 2)
    assert class_names(done.data) == ["b", "a", None]
    images = pq.read_table(done.data)["image"].to_pylist()
    assert images == [{"bytes": content, "path": "1.png"}, None, None]
    assert pq.read_table(done.truth)["true_label"].to_pylist() == ["a", "b", None]


def test_renamed_columns_keep_their_names(tmp_path: Path, command: Command) -> None:
    columns = {"key": [5, 6], "kind": ["a", "b"], "vector": [[1.0], [2.0]]}
    pq.write_table(pa.table(columns), tmp_path / "data.parquet")
    names = ("--id-column", "key", "--label-column", "kind", "--embedding-column", "vector")
    words = ("corrupt", tmp_path / "data.parquet", "--out", tmp_path / "noisy", "--rate", 1)
    assert command(*words, *names).code == 0
    assert pq.read_table(tmp_path / "noisy" / "data.parquet").to_pydict() == {
        "key": [5, 6],
        "vector": [[1.0], [2.0]],
        "kind": ["b", "a"],
    }


def test_the_noisy_copy_opens_with_hugging_face_datasets(
    tmp_path: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    done = corrupt(Source(str(folder)), tmp_path / "noisy", kind=Kind.SYMMETRIC, rate=0.5)
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setenv("HF_DATASETS_OFFLINE", "1")
    datasets: Any = pytest.importorskip("datasets")
    cache = str(tmp_path / "cache")
    loaded = datasets.load_dataset("parquet", data_files=str(done.data), cache_dir=cache, split="train")
    assert loaded.features["label"].names == CLASSES
    assert isinstance(loaded.features["image"], datasets.Image)
    assert loaded.features["label"].int2str(loaded["label"][:]) == class_names(done.data)
    assert loaded[0]["image"].size == (32, 32)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--rate", "1.1"), "--rate must lie in [0, 1]"),
        (("--rate", "-0.1"), "--rate must lie in [0, 1]"),
        (("--rate", "nan"), "--rate must lie in [0, 1]"),
        (("--rate", "much"), "--rate"),
        (("--kind", "worst"), "symmetric, asymmetric, confusion"),
        (("--kind", "asymmetric", "--pair", "red=pink"), "pink are none; the classes are blue, green, red"),
        (("--kind", "asymmetric", "--pair", "pink=red"), "pink"),
        (("--kind", "asymmetric", "--pair", "red"), "NAME=VALUE"),
        (("--pair", "red=green"), "--kind asymmetric"),
        (("--kind", "confusion", "--pair", "red=green"), "--kind asymmetric"),
        (("--seed", "-1"), "--seed"),
        (("--label-column", "x", "--nonsense"), "--nonsense"),
    ],
)
def test_what_cannot_be_done_exits_with_2_and_writes_nothing(
    tmp_path: Path, folder: Path, command: Command, words: tuple[str, ...], said: str
) -> None:
    before = state(tmp_path)
    outcome = command("corrupt", folder, "--out", tmp_path / "noisy", *words)
    assert outcome.code == 2
    assert said in outcome.err
    assert outcome.out == ""
    assert state(tmp_path) == before
    assert sorted(p.name for p in tmp_path.iterdir()) == ["images"]


def test_an_output_that_exists_or_lies_in_the_dataset_is_refused(
    tmp_path: Path, folder: Path, command: Command
) -> None:
    (tmp_path / "there").mkdir()
    (tmp_path / "there" / "mine.txt").write_text("mine")
    (tmp_path / "link").symlink_to(folder, target_is_directory=True)
    before = state(tmp_path)
    for out in (tmp_path / "there", folder, folder / "noisy", folder / "red" / "noisy", tmp_path / "link" / "noisy"):
        assert command("corrupt", folder, "--out", out).code == 2
    assert state(tmp_path) == before
    (tmp_path / "empty").mkdir()
    assert command("corrupt", folder, "--out", tmp_path / "empty").code == 0
    assert command("corrupt", folder, "--out", tmp_path / "new" / "below").code == 0


def test_when_writing_fails_nothing_is_left(
    tmp_path: Path, folder: Path, command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("noisecleaner.export.corrupt.pq.write_table", full)
    outcome = command("corrupt", folder, "--out", tmp_path / "noisy")
    assert outcome.code == 2
    assert "No space left on device" in outcome.err
    assert sorted(p.name for p in tmp_path.iterdir()) == ["images"]


@settings(max_examples=20, deadline=None)
@given(st.lists(st.text(min_size=1, max_size=10).filter(meant), min_size=2, max_size=6, unique=True), st.floats(0, 1))
def test_any_class_names_survive_the_copy(names: list[str], rate: float) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "data.parquet"
        rows = [names[row % len(names)] for row in range(30)]
        pq.write_table(pa.table({"sample_id": list(range(30)), "label": rows, "v": [[1.0]] * 30}), path)
        source = Source(str(path), columns=Columns(embedding="v"))
        done = corrupt(source, Path(folder) / "noisy", kind=Kind.SYMMETRIC, rate=rate)
        copied, _ = ingest(Source(str(done.data), columns=Columns(embedding="v")))
        assert sorted(copied.classes) == sorted(names)
        assert pq.read_table(done.truth)["true_label"].to_pylist() == rows
        wrong = sum(g != t for g, t in zip(copied.table["given_label"].to_pylist(), rows, strict=True))
        assert wrong == done.wrong


def test_the_library_refuses_like_the_command(tmp_path: Path, folder: Path) -> None:
    with pytest.raises(NoisecleanerError, match="must lie in"):
        corrupt(Source(str(folder)), tmp_path / "noisy", kind=Kind.SYMMETRIC, rate=float("nan"))
    assert not (tmp_path / "noisy").exists()


def test_splits_of_the_dataset_are_a_column_of_the_one_file(tmp_path: Path) -> None:
    content = [png(0, rng(), (8, 8))] * 2
    for split in ("train", "test"):
        columns = {"image": content, "label": ["a", "b"], "sample_id": [f"{split} {row}" for row in range(2)]}
        (tmp_path / "ds").mkdir(exist_ok=True)
        pq.write_table(pa.table(columns), tmp_path / "ds" / f"{split}-00000-of-00001.parquet")
    done = corrupt(Source(str(tmp_path / "ds")), tmp_path / "noisy", kind=Kind.SYMMETRIC, rate=0.5)
    assert pq.read_table(done.data)["split"].to_pylist() == ["test", "test", "train", "train"]
