"""Each kind of dataset in each format, read by Hugging Face `datasets`: splits, labels, columns, bytes of images."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from support.datasets import Command
from support.exported import scored
from support.outcomes import refused
from support.sources import IMAGE, make, table, write_metadata

from noisecleaner.ingest import Source

NAMES = [f"{split}/{name}" for split in ("train", "test") for name in ("a (1).png", "b.png", "c.png", "d.png")]
CLASSES = ["cat", "dog", "cat", "emu"] * 2
CODES = {"cat": 3, "dog": 5, "emu": 8}
ZIPS = ["01069", 'é, "x"; y', "7", "\u05d0 🐈"] * 2
#: Formats of which the tables hold no images.
ROWS = ("csv", "jsonl", "json")


@dataclass(frozen=True)
class Read:
    """A row as `datasets` reads it, with its split as its folder or its column tells it."""

    split: str
    label: Any
    extra: str | None
    image: bytes


@dataclass(frozen=True, kw_only=True)
class Given:
    """A dataset as it came in.

    Args:
        data: where it is.
        images: the bytes of each.
        labels: of each row, as its column has them; None where folders name the classes.
        names: what the numbers of a ClassLabel stand for.
        extra: whether there is a column zip.
        splits: whether it tells splits.
        held: whether its table holds the images.
    """

    data: Path
    images: Mapping[str, bytes]
    labels: list[Any] | None = None
    names: list[str] = field(default_factory=list)
    extra: bool = True
    splits: bool = True
    held: bool = False

    def text(self, name: str) -> str:
        """How a class is called."""
        codes = self.labels is not None and not self.names and not isinstance(self.labels[0], str)
        return str(CODES[name]) if codes else name

    def expected(self, *, named: bool) -> dict[str, Read]:
        """The rows of the copy; with the names of classes where folders tell them, or with their numbers."""
        numbers = [name if named else sorted(CODES).index(name) for name in CLASSES]
        labels = [*(numbers if self.labels is None else self.labels)]
        labels[1] = labels[3]
        splits = ["train"] * 4 + ["test"] * 4 if self.splits else ["train"] * 8
        texts = ZIPS if self.extra else [None] * 8
        rows = zip(self.images, splits, labels, texts, self.images.values(), strict=True)
        return {name: Read(split, label, text, image) for name, split, label, text, image in rows}


def class_folders(folder: Path) -> Given:
    names = [
        f"{label}/{name.partition('/')[2]} {row}.png"
        for row, (name, label) in enumerate(zip(NAMES, CLASSES, strict=True))
    ]
    return Given(data=folder, images=make(folder, *names), extra=False, splits=False)


def split_folders(folder: Path) -> Given:
    names = [
        "/".join([*name.split("/")[:1], label, *name.split("/")[1:]])
        for name, label in zip(NAMES, CLASSES, strict=True)
    ]
    return Given(data=folder, images=make(folder, *names), extra=False)


def metadata(folder: Path, ending: str, labels: list[Any], names: list[str]) -> Given:
    images = make(folder, *NAMES)
    for split in ("train", "test"):
        rows = [
            {"file_name": name.partition("/")[2], "zip": text, "label": label}
            for name, text, label in zip(NAMES, ZIPS, labels, strict=True)
            if name.startswith(split)
        ]
        if names:
            columns = {key: [row[key] for row in rows] for key in rows[0]}
            table(folder / split / "metadata.parquet", class_names={"label": names}, **columns)
        else:
            write_metadata(folder / split / f"metadata.{ending}", rows)
    return Given(data=folder, images=images, labels=labels, names=names)


def shards(folder: Path) -> Given:
    """Two files of training, one of test."""
    names, images = ["unused", *CODES], make(folder.with_name("images"), *NAMES)
    labels = [names.index(label) for label in CLASSES]
    for name, rows in (
        ("train-00000-of-00002", slice(2)),
        ("train-00001-of-00002", slice(2, 4)),
        ("test-0", slice(4, 8)),
    ):
        table(
            folder / f"{name}.parquet",
            class_names={"label": names},
            image=pa.array([{"bytes": images[key], "path": key} for key in NAMES[rows]], IMAGE),
            sample_id=NAMES[rows],
            label=labels[rows],
            zip=ZIPS[rows],
        )
    return Given(data=folder, images=images, labels=labels, names=names, held=True)


def split_column(folder: Path) -> Given:
    images, labels = make(folder.with_name("images"), *NAMES), [CODES[label] for label in CLASSES]
    content = pa.array([images[name] for name in NAMES])
    columns = {
        "sample_id": NAMES,
        "image": content,
        "label": pa.array(labels, pa.int16()),
        "split": ["train"] * 4 + ["test"] * 4,
    }
    path = table(folder / "d.parquet", **columns, zip=ZIPS)
    return Given(data=path, images=images, labels=labels, held=True)


def dictionary(folder: Path) -> Given:
    images = make(folder, *NAMES)
    labels = pa.array(CLASSES).dictionary_encode()
    path = table(folder / "d.parquet", image=NAMES, label=labels, zip=pa.array(ZIPS).dictionary_encode())
    return Given(data=path, images=images, labels=CLASSES)


def text(folder: Path, ending: str) -> Given:
    """One table, whose paths tell the splits."""
    images, labels = make(folder, *NAMES), [CODES[label] for label in CLASSES]
    rows = [{"image": name, "label": label, "zip": cell} for name, label, cell in zip(NAMES, labels, ZIPS, strict=True)]
    if ending == "json":
        (folder / "d.json").write_text(json.dumps(rows))
    else:
        write_metadata(folder / f"d.{ending}", rows)
    return Given(data=folder / f"d.{ending}", images=images, labels=labels)


def tables_of_splits(folder: Path) -> Given:
    given = text(folder, "csv")
    lines = given.data.read_text().splitlines(keepends=True)
    for split, rows in (("train", lines[1:5]), ("test", lines[5:])):
        (folder / f"{split}.csv").write_text("".join([lines[0], *rows]))
    given.data.unlink()
    return Given(data=folder / "*.csv", images=given.images, labels=given.labels)


KINDS: dict[str, Callable[[Path], Given]] = {
    "class folders": class_folders,
    "split folders": split_folders,
    "metadata.csv": lambda folder: metadata(folder, "csv", CLASSES, []),
    "metadata.jsonl": lambda folder: metadata(folder, "jsonl", [CODES[label] for label in CLASSES], []),
    "metadata.parquet": lambda folder: metadata(
        folder, "parquet", [[0, 1, 0, 2][row % 4] for row in range(8)], [*CODES]
    ),
    "shards": shards,
    "split column": split_column,
    "dictionary": dictionary,
    "csv": lambda folder: text(folder, "csv"),
    "jsonl": lambda folder: text(folder, "jsonl"),
    "json": lambda folder: text(folder, "json"),
    "csv of splits": tables_of_splits,
}


def rows_of(loaded: Any, *, held: bool) -> Iterator[tuple[str, Read]]:
    import datasets

    for name, rows in loaded.items():
        for row in rows.cast_column("image", datasets.Image(decode=False)) if held else rows:
            image = row["image"]
            content = (image["bytes"] or Path(image["path"]).read_bytes()) if held else Path(image).read_bytes()
            extra = None if row.get("zip") is None else str(row["zip"])
            yield row["sample_id"], Read(row.get("split") or name, row["label"], extra, content)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("format", ["folder", "parquet", *ROWS])
def test_nothing_of_the_owner_is_lost(
    tmp_path: Path, command: Command, monkeypatch: pytest.MonkeyPatch, kind: str, format: str
) -> None:
    """The second row gets the label of the fourth, and of the other rows everything stays."""
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    datasets: Any = pytest.importorskip("datasets")
    (tmp_path / "in").mkdir()
    given = KINDS[kind](tmp_path / "in")
    run = scored(tmp_path, Source(str(given.data)), suggested={list(given.images)[1]: given.text("emu")})
    words = ("export-clean", run, "--out", tmp_path / "out", "--format", format, "--on-flag", "relabel")
    if given.held and format in ROWS:
        refused(command(*words), f"--format {format} writes rows of text and numbers")
        return
    assert command(*words).code == 0
    builder = {"folder": "imagefolder", "jsonl": "json"}.get(format, format)
    more = {"converters": {"zip": str}} if format == "csv" else {}
    loaded = datasets.load_dataset(builder, data_dir=str(tmp_path / "out"), cache_dir=str(tmp_path / "cache"), **more)
    assert dict(rows_of(loaded, held=format not in ROWS)) == given.expected(named=format in ROWS)
    itself = datasets.load_dataset(str(tmp_path / "out"), cache_dir=str(tmp_path / "cache"))
    assert {name: len(rows) for name, rows in itself.items()} == {name: len(rows) for name, rows in loaded.items()}
    names = given.names or (sorted(CODES) if given.labels is None else [])
    if names and format not in ROWS:
        assert all(rows.features["label"].names == names for rows in loaded.values())


@pytest.mark.parametrize("kind", KINDS)
def test_torchvision_reads_the_folders_of_each_split(tmp_path: Path, command: Command, kind: str) -> None:
    from torchvision.datasets import ImageFolder

    (tmp_path / "in").mkdir()
    given = KINDS[kind](tmp_path / "in")
    run = scored(tmp_path, Source(str(given.data)))
    assert command("export-clean", run, "--out", tmp_path / "out", "--format", "folder").code == 0
    for split, rows in (("train", slice(4)), ("test", slice(4, 8))) if given.splits else (("", slice(8)),):
        opened = ImageFolder(str(tmp_path / "out" / split))
        assert opened.classes == sorted({given.text(name) for name in CLASSES})
        read = sorted((opened.classes[target], Path(path).read_bytes()) for path, target in opened.samples)
        names, images = map(given.text, CLASSES[rows]), list(given.images.values())[rows]
        assert read == sorted(zip(names, images, strict=True))


@pytest.mark.parametrize("kind", [kind for kind in KINDS if "folders" not in kind])
@pytest.mark.parametrize("format", ["parquet", *ROWS])
def test_pandas_reads_labels_and_columns_of_the_owner(tmp_path: Path, command: Command, kind: str, format: str) -> None:
    pandas: Any = pytest.importorskip("pandas")
    (tmp_path / "in").mkdir()
    given = KINDS[kind](tmp_path / "in")
    if given.held and format in ROWS:
        return
    run = scored(tmp_path, Source(str(given.data)))
    assert command("export-clean", run, "--out", tmp_path / "out", "--format", format).code == 0
    files = [path for path in (tmp_path / "out").rglob(f"*.{format}") if not path.name.startswith(".")]
    readers = {
        "parquet": pandas.read_parquet,
        "csv": lambda path: pandas.read_csv(path, dtype={"zip": str}),
        "json": lambda path: pandas.read_json(path, dtype={"zip": str}),
        "jsonl": lambda path: pandas.read_json(path, lines=True, dtype={"zip": str}),
    }
    frame = pandas.concat([readers[format](path) for path in files]).set_index("sample_id").sort_index()
    assert frame.index.tolist() == sorted(given.images)
    assert given.labels is not None
    labels = dict(zip(given.images, given.labels, strict=True))
    assert frame["label"].tolist() == [labels[name] for name in frame.index]
    assert frame["zip"].tolist() == [dict(zip(given.images, ZIPS, strict=True))[name] for name in frame.index]
