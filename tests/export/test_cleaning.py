"""The clean copy holds exactly what the scores say, other tools open it, and the input is only read."""

from __future__ import annotations

import io
import json
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from PIL import Image
from support.datasets import CLASSES, Command, Outcome, embeddings, image_folder, png, write_trusted

from noisecleaner.cli import main
from noisecleaner.errors import Interrupted
from noisecleaner.export.file_names import safe_names
from noisecleaner.ingest import Columns, Source, ingest
from noisecleaner.tables import SCORES, write_table

IMAGE = pa.struct([("bytes", pa.binary()), ("path", pa.string())])
NOTES = ("given_label", "label_quality", "alpha", "beta", "suggested_label", "suggested_confidence")


def run(*words: object) -> None:
    with pytest.raises(SystemExit) as stop:
        main([str(word) for word in words])
    assert stop.value.code == 0


def state(path: Path) -> dict[str, tuple[bytes, int]]:
    """Bytes and modification time of a file or of all files of a folder."""
    files = [path] if path.is_file() else [p for p in sorted(path.rglob("*")) if p.is_file()]
    return {str(file): (file.read_bytes(), file.stat().st_mtime_ns) for file in files}


def names(folder: Path) -> list[str]:
    return sorted(p.name for p in folder.iterdir())


def read_scores(scored: Path) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = pq.read_table(scored / "scores.parquet").to_pylist()
    return rows


@dataclass(frozen=True)
class Expected:
    """What an export should hold: sample id -> label, and the counts it should report."""

    labels: dict[str, str]
    counts: dict[str, int]

    def line(self, verb: str, rows: int, out: Path, format: str) -> str:
        c = self.counts
        return (
            f"{verb} {len(self.labels)} of {rows} rows to {out} ({format}): {c['dropped']} dropped, "
            f"{c['relabelled']} relabelled, {c['verified']} with their verified label, "
            f"{c['skipped']} without a score left out."
        )


def expect(
    rows: Sequence[Mapping[str, Any]], on_flag: str, threshold: float | None = None, min_confidence: float = 0
) -> Expected:
    """Decide row by row, as the manual tells it."""
    labels: dict[str, str] = {}
    counts = dict.fromkeys(("dropped", "relabelled", "verified", "skipped"), 0)
    for row in rows:
        flagged = row["flagged"] if threshold is None else row["label_quality"] and row["label_quality"] < threshold
        label = row["given_label"]
        if row["skip_reason"]:
            counts["skipped"] += 1
            continue
        if row["trusted_label"]:
            counts["verified"] += 1
            label = row["trusted_label"]
        elif flagged and on_flag == "relabel" and row["suggested_confidence"] >= max(min_confidence, bar(row)):
            counts["relabelled"] += 1
            label = row["suggested_label"]
        elif flagged and on_flag != "keep":
            counts["dropped"] += 1
            continue
        labels[row["sample_id"]] = label
    return Expected(labels, counts)


def bar(row: Mapping[str, Any]) -> float:
    """A suggestion must be more likely than the label it replaces."""
    return float(np.nextafter(np.float32(row["label_quality"]), np.float32(2)))


def named(table: pa.Table) -> list[str]:
    """The label column as names, as Hugging Face would read them."""
    classes = json.loads(table.schema.metadata[b"huggingface"])["info"]["features"]["label"]["names"]
    return [classes[index] for index in table["label"].to_pylist()]


def written(out: Path) -> dict[str, str]:
    """Sample id -> label of an export of either format."""
    (file,) = out.rglob("*.parquet")
    table = pq.read_table(file)
    return dict(zip(table["sample_id"].to_pylist(), named(table), strict=True))


# Data: images with a real run, embeddings with a real run, and scores made by hand


@dataclass(frozen=True)
class Scored:
    """A dataset and its scores."""

    data: Path
    run: Path

    @property
    def rows(self) -> list[dict[str, Any]]:
        return read_scores(self.run)


@pytest.fixture(scope="module")
def images(tmp_path_factory: pytest.TempPathFactory) -> Scored:
    """An image folder with two broken images, fitted for one epoch and scored so that half of the rows are flagged."""
    folder = tmp_path_factory.mktemp("images")
    truth = image_folder(folder / "data", rows=90)
    write_trusted(folder / "trusted.parquet", truth, every=2)
    (folder / "data" / "red" / "text.png").write_text("this is no image")
    (folder / "data" / "blue" / "cut.png").write_bytes(png(2, np.random.default_rng(0))[:-100])
    run(
        *("fit", folder / "data", "--trusted", folder / "trusted.parquet", "--out", folder / "run"),
        *("--backbone", "cifar-quick", "--no-frozen", "--epochs", 1, "--folds", 1),
    )
    run("score", folder / "run")
    quality = [row["label_quality"] for row in read_scores(folder / "run") if row["label_quality"] is not None]
    run("score", folder / "run", "--threshold", float(np.median(quality)))
    return Scored(folder / "data", folder / "run")


@pytest.fixture(scope="module")
def vectors(fitted: Path, tmp_path_factory: pytest.TempPathFactory) -> Scored:
    """The fitted embeddings, scored in a copy of the run."""
    copy = tmp_path_factory.mktemp("vectors") / "run"
    shutil.copytree(fitted / "run", copy)
    run("score", copy)
    return Scored(fitted / "data.parquet", copy)


@dataclass(frozen=True)
class Row:
    """One row of scores made by hand."""

    sample_id: str
    given: str
    suggested: str | None = "b"
    quality: float | None = 0.9
    confidence: float | None = 0.8
    flagged: bool | None = False
    trusted: str | None = None
    skip: str | None = None
    path: str | None = None


ROWS = [
    Row("good", "a"),
    Row("bad", "a", quality=0.1, flagged=True),
    Row("bad and unsure", "a", quality=0.2, confidence=0.3, flagged=True),
    Row("bad but verified right", "a", quality=0.1, flagged=True, trusted="a"),
    Row("bad and verified wrong", "a", quality=0.1, flagged=True, trusted="c"),
    Row("good but verified wrong", "b", "a", trusted="c"),
    Row("at the limit", "c", quality=0.5),
    Row("unreadable", "a", None, None, None, None, skip="unreadable"),
    Row("without label", "a", None, None, None, None, skip="no_label", trusted="b"),
]


def write_scores(folder: Path, source: Source, rows: Sequence[Row], classes: Sequence[str] = "abc") -> Path:
    nothing = pa.nulls(len(rows), pa.float32())
    columns = {
        "sample_id": [r.sample_id for r in rows],
        "path": pa.array([r.path for r in rows], pa.string()),
        "given_label": [r.given for r in rows],
        "trusted_label": pa.array([r.trusted for r in rows], pa.string()),
        "alpha": pa.array([row / 10 for row in range(len(rows))], pa.float32()),
        "beta": nothing,
        "margin": nothing,
        "label_quality": pa.array([r.quality for r in rows], pa.float32()),
        "suggested_label": pa.array([r.suggested for r in rows], pa.string()),
        "suggested_confidence": pa.array([r.confidence for r in rows], pa.float32()),
        "flagged": pa.array([r.flagged for r in rows], pa.bool_()),
        "skip_reason": pa.array([r.skip for r in rows], pa.string()),
    }
    meta = {"source": asdict(source), "classes": list(classes)}
    folder.mkdir(parents=True, exist_ok=True)
    write_table(folder / "scores.parquet", [pa.table(columns, schema=SCORES)], SCORES, meta)
    return folder


def picture(row: int) -> bytes:
    return png(row % 3, np.random.default_rng(row), (8, 8))


def by_hand(folder: Path, rows: Sequence[Row] = ROWS, classes: Sequence[str] = "abc", **more: Any) -> Scored:
    """A Parquet file with images, and scores for its rows."""
    structs = [{"bytes": picture(i), "path": row.path} for i, row in enumerate(rows)]
    columns = {
        "sample_id": [r.sample_id for r in rows],
        "label": [r.given for r in rows],
        "image": pa.array(structs, IMAGE),
        **more,
    }
    pq.write_table(pa.table(columns), folder / "data.parquet")
    source = Source(str(folder / "data.parquet"))
    return Scored(folder / "data.parquet", write_scores(folder / "run", source, rows, classes))


def with_files(folder: Path, rows: int = 20) -> Scored:
    """A table that names image files, and scores that keep every row."""
    (folder / "data").mkdir()
    made = [Row(f"{row:02d}.png", "abc"[row % 3], path=f"{row:02d}.png") for row in range(rows)]
    for index, row in enumerate(made):
        (folder / "data" / row.sample_id).write_bytes(picture(index))
    columns = {"image": [r.path for r in made], "label": [r.given for r in made]}
    pq.write_table(pa.table(columns), folder / "data" / "data.parquet")
    source = Source(str(folder / "data" / "data.parquet"))
    return Scored(folder / "data" / "data.parquet", write_scores(folder / "run", source, made))


# What is kept, and as what

ON_FLAG = pytest.mark.parametrize("on_flag", ["drop", "relabel", "keep"])
FORMAT = pytest.mark.parametrize("format", ["folder", "parquet"])


@pytest.mark.parametrize(
    ("options", "labels"),
    [
        (("drop",), {}),
        (("relabel",), {"bad": "b", "bad and unsure": "b"}),
        (("relabel", "--min-confidence", 0.5), {"bad": "b"}),
        (("relabel", "--min-confidence", 0.9), {}),
        (("keep",), {"bad": "a", "bad and unsure": "a"}),
        (("drop", "--threshold", 0.15), {"bad and unsure": "a"}),
        (("relabel", "--threshold", 0.15), {"bad": "b", "bad and unsure": "a"}),
        (("drop", "--threshold", 0), {"bad": "a", "bad and unsure": "a"}),
        (("keep", "--threshold", 1), {"bad": "a", "bad and unsure": "a"}),
    ],
)
@FORMAT
def test_flagged_rows_are_treated_as_asked_and_verified_ones_as_verified(
    tmp_path: Path, command: Command, format: str, options: tuple[object, ...], labels: dict[str, str]
) -> None:
    scored = by_hand(tmp_path)
    outcome = command("export-clean", scored.run, "--out", tmp_path / "out", "--format", format, "--on-flag", *options)
    assert outcome.code == 0
    always = {
        "good": "a",
        "bad but verified right": "a",
        "bad and verified wrong": "c",
        "good but verified wrong": "c",
        "at the limit": "c",
    }
    assert written(tmp_path / "out") == always | labels
    relabelled = sum(label == "b" for label in labels.values())
    assert f"Wrote {5 + len(labels)} of 9 rows" in outcome.out
    assert f"{2 - len(labels)} dropped, {relabelled} relabelled, 3 with their verified label, 2 without" in outcome.out


@pytest.mark.parametrize(("threshold", "dropped"), [(0.5, 2), (0.51, 3), (1, 4)])
def test_a_threshold_flags_what_lies_below_it(tmp_path: Path, command: Command, threshold: float, dropped: int) -> None:
    scored = by_hand(tmp_path)
    outcome = command("export-clean", scored.run, "--out", tmp_path / "out", "--threshold", threshold)
    assert f"{dropped} dropped" in outcome.out
    assert ("at the limit" in written(tmp_path / "out")) == (threshold == 0.5)


@ON_FLAG
@FORMAT
def test_counts_and_labels_agree_with_the_scores(
    tmp_path: Path, images: Scored, command: Command, on_flag: str, format: str
) -> None:
    out = tmp_path / "out"
    outcome = command("export-clean", images.run, "--out", out, "--on-flag", on_flag, "--format", format)
    rows = images.rows
    expected = expect(rows, on_flag)
    assert outcome.code == 0
    assert outcome.out.strip() == expected.line("Wrote", len(rows), out, format)
    assert written(out) == expected.labels
    assert expected.counts["skipped"] == 2
    assert expected.counts["verified"] == 45
    assert on_flag == "keep" or expected.counts["dropped"] + expected.counts["relabelled"] > 10


@ON_FLAG
def test_counts_and_labels_agree_with_the_scores_of_embeddings(
    tmp_path: Path, vectors: Scored, command: Command, on_flag: str
) -> None:
    out = tmp_path / "out"
    outcome = command("export-clean", vectors.run, "--out", out, "--on-flag", on_flag)
    rows = vectors.rows
    expected = expect(rows, on_flag)
    assert outcome.out.strip() == expected.line("Wrote", 600, out, "parquet")
    assert written(out) == expected.labels
    assert on_flag == "keep" or expected.counts["dropped"] + expected.counts["relabelled"] > 50
    given_vectors = dict(
        zip(*pq.read_table(vectors.data, columns=["sample_id", "embedding"]).to_pydict().values(), strict=True)
    )
    table = pq.read_table(out / "data" / "train-00000-of-00001.parquet")
    assert table["embedding"].to_pylist() == [given_vectors[i] for i in table["sample_id"].to_pylist()]


def test_the_clean_copy_is_cleaner(tmp_path: Path, fitted: Path, vectors: Scored, command: Command) -> None:
    truth = json.loads((fitted / "truth.json").read_text())
    given_wrong = np.mean([row["given_label"] != truth[row["sample_id"]] for row in vectors.rows])
    for on_flag in ("drop", "relabel"):
        assert command("export-clean", vectors.run, "--out", tmp_path / on_flag, "--on-flag", on_flag).code == 0
        wrong = np.mean([label != truth[i] for i, label in written(tmp_path / on_flag).items()])
        assert wrong < given_wrong / 4


@pytest.mark.parametrize("threshold", [0.0, 0.3, 0.9, 1.0])
def test_a_threshold_overrides_the_flags_of_the_scores(
    tmp_path: Path, vectors: Scored, command: Command, threshold: float
) -> None:
    out = tmp_path / "out"
    outcome = command("export-clean", vectors.run, "--out", out, "--threshold", threshold)
    expected = expect(vectors.rows, "drop", threshold)
    assert outcome.out.strip() == expected.line("Wrote", 600, out, "parquet")
    assert written(out) == expected.labels
    table = pq.read_table(out / "data" / "train-00000-of-00001.parquet")
    quality = table["nc_label_quality"].to_pylist()
    assert table["nc_flagged"].to_pylist() == [q < threshold for q in quality]


@pytest.mark.parametrize("confidence", [0.5, 0.95])
def test_a_least_confidence_drops_what_is_less_sure(
    tmp_path: Path, vectors: Scored, command: Command, confidence: float
) -> None:
    rows = vectors.rows
    out = tmp_path / "out"
    words = ("--on-flag", "relabel", "--min-confidence", confidence)
    outcome = command("export-clean", vectors.run, "--out", out, *words)
    expected = expect(rows, "relabel", min_confidence=confidence)
    assert outcome.out.strip() == expected.line("Wrote", 600, out, "parquet")
    assert written(out) == expected.labels


@FORMAT
def test_notes_tell_for_each_row_what_was_known(tmp_path: Path, command: Command, format: str) -> None:
    scored = by_hand(tmp_path)
    words = ("--on-flag", "relabel", "--format", format)
    assert command("export-clean", scored.run, "--out", tmp_path / "out", *words).code == 0
    (file,) = (tmp_path / "out").rglob("*.parquet")
    by_id = {row["sample_id"]: row for row in scored.rows}
    for row in pq.read_table(file).to_pylist():
        for name in NOTES:
            assert row[f"nc_{name}"] == by_id[row["sample_id"]][name]
        assert row["nc_flagged"] == by_id[row["sample_id"]]["flagged"]


def test_classes_that_lost_all_rows_are_named(tmp_path: Path, command: Command) -> None:
    scored = by_hand(tmp_path, [Row("1", "a"), Row("2", "b", "c", 0.1, flagged=True), Row("3", "c", trusted="a")])
    outcome = command("export-clean", scored.run, "--out", tmp_path / "out", "--format", "folder")
    assert outcome.code == 0
    assert "No row is left of: b, c." in outcome.err
    assert names(tmp_path / "out") == ["a", "metadata.parquet"]


@FORMAT
def test_batches_of_which_nothing_is_kept_do_not_shift_the_rest(tmp_path: Path, command: Command, format: str) -> None:
    flagged = [*range(100, 200), 3, 250, 299]
    rows = [Row(str(i), "abc"[i % 3], quality=0.1 if i in flagged else 0.9, flagged=i in flagged) for i in range(300)]
    scored = by_hand(tmp_path, rows, number=list(range(300)))
    assert command("export-clean", scored.run, "--out", tmp_path / "out", "--format", format).code == 0
    kept = [i for i in range(300) if i not in flagged]
    assert written(tmp_path / "out") == {str(i): "abc"[i % 3] for i in kept}
    if format == "parquet":
        table = pq.read_table(tmp_path / "out" / "data" / "train-00000-of-00001.parquet")
        assert table["number"].to_pylist() == kept
        assert [row["bytes"] for row in table["image"].to_pylist()] == [picture(i) for i in kept]
    else:
        for i in kept:
            assert (tmp_path / "out" / "abc"[i % 3] / f"{i}.png").read_bytes() == picture(i)


@FORMAT
def test_when_everything_is_dropped_an_empty_copy_is_written(tmp_path: Path, command: Command, format: str) -> None:
    scored = by_hand(tmp_path, [Row("1", "a", quality=0.1, flagged=True), Row("2", "b", "a", 0.1, flagged=True)])
    outcome = command("export-clean", scored.run, "--out", tmp_path / "out", "--format", format)
    assert outcome.code == 0
    assert "Wrote 0 of 2 rows" in outcome.out
    assert written(tmp_path / "out") == {}


# The copy is a copy


@FORMAT
def test_images_are_byte_identical_and_the_input_is_untouched(
    tmp_path: Path, images: Scored, command: Command, format: str
) -> None:
    before, scores = state(images.data), state(images.run)
    assert command("export-clean", images.run, "--out", tmp_path / "out", "--format", format).code == 0
    assert state(images.data) == before
    assert state(images.run) == scores
    (file,) = (tmp_path / "out").rglob("*.parquet")
    rows = pq.read_table(file).to_pylist()
    assert len(rows) > 40
    for row in rows:
        source = images.data / row["sample_id"]
        if format == "parquet":
            assert row["image"] == {"bytes": source.read_bytes(), "path": source.name}
        else:
            assert (tmp_path / "out" / row["file_name"]).read_bytes() == source.read_bytes()


def test_a_folder_holds_each_kept_image_once_in_its_class(tmp_path: Path, images: Scored, command: Command) -> None:
    out = tmp_path / "out"
    assert command("export-clean", images.run, "--out", out, "--on-flag", "relabel").code == 0
    expected = expect(images.rows, "relabel").labels
    table = pq.read_table(out / "metadata.parquet")
    files = table["file_name"].to_pylist()
    assert sorted(files) == sorted(p.relative_to(out).as_posix() for p in out.rglob("*.png"))
    for file, sample_id in zip(files, table["sample_id"].to_pylist(), strict=True):
        assert file == f"{expected[sample_id]}/{Path(sample_id).name}"


@FORMAT
def test_the_copy_is_a_dataset_that_can_be_read_again(
    tmp_path: Path, images: Scored, command: Command, format: str
) -> None:
    out = tmp_path / "out"
    assert command("export-clean", images.run, "--out", out, "--on-flag", "relabel", "--format", format).code == 0
    manifest, _ = ingest(Source(str(out)))
    assert manifest.classes == tuple(CLASSES)
    labels = dict(zip(manifest.table["sample_id"].to_pylist(), manifest.table["given_label"].to_pylist(), strict=True))
    assert labels == expect(images.rows, "relabel").labels
    assert manifest.readable.all()


def test_other_columns_are_copied(tmp_path: Path, command: Command) -> None:
    rows = [Row(str(i), "ab"[i % 2]) for i in range(5)]
    scored = by_hand(tmp_path, rows, note=list("vwxyz"), size=pa.array([[i] for i in range(5)], pa.list_(pa.int8())))
    assert command("export-clean", scored.run, "--out", tmp_path / "out").code == 0
    table = pq.read_table(tmp_path / "out" / "data" / "train-00000-of-00001.parquet")
    assert table.column_names[:5] == ["sample_id", "note", "size", "image", "label"]
    assert table["note"].to_pylist() == list("vwxyz")
    assert table.schema.field("size").type == pa.list_(pa.int8())


def test_images_beside_embeddings_are_copied_too(tmp_path: Path, command: Command) -> None:
    rows = [Row(str(i), "ab"[i % 2], flagged=i == 2) for i in range(4)]
    by_hand(tmp_path, rows, vector=[[float(i)] for i in range(4)])
    source = Source(str(tmp_path / "data.parquet"), columns=Columns(embedding="vector"))
    write_scores(tmp_path / "run", source, rows)
    assert command("export-clean", tmp_path / "run", "--out", tmp_path / "out").code == 0
    table = pq.read_table(tmp_path / "out" / "data" / "train-00000-of-00001.parquet")
    assert [row["bytes"] for row in table["image"].to_pylist()] == [picture(i) for i in (0, 1, 3)]
    features = json.loads(table.schema.metadata[b"huggingface"])["info"]["features"]
    assert features["image"] == {"_type": "Image"}


def test_labels_and_ids_of_any_text_become_file_names_that_differ(tmp_path: Path, command: Command) -> None:
    classes = ["../up", "A b", "a b", "a/b", "con", "日" * 100]
    ids = ["x/1.png", "y/1.PNG", "z\\1.png", "..", ".hidden", "1", "two.words", "日" * 200, "q" * 400, "x/1"]
    rows = [Row(f"{sample_id} {row}", name) for row, name in enumerate(classes) for sample_id in ids]
    rows += [Row(sample_id, "a/b", path=sample_id) for sample_id in ids]
    scored = by_hand(tmp_path, rows, classes)
    before = names(tmp_path)
    assert command("export-clean", scored.run, "--out", tmp_path / "out", "--format", "folder").code == 0
    assert names(tmp_path) == sorted([*before, "out"])
    assert written(tmp_path / "out") == {row.sample_id: row.given for row in rows}
    table = pq.read_table(tmp_path / "out" / "metadata.parquet")
    files = table["file_name"].to_pylist()
    assert len({file.casefold() for file in files}) == len(rows)
    folders = dict(zip(table["sample_id"].to_pylist(), [file.split("/")[0] for file in files], strict=True))
    assert len({folders[row.sample_id] for row in rows}) == len(classes)
    for index, file in enumerate(files):
        assert (tmp_path / "out" / file).read_bytes() == picture(index)
        assert file.count("/") == 1


@pytest.mark.parametrize(
    ("format", "ending"),
    [("PNG", ".png"), ("JPEG", ".jpg"), ("TIFF", ".tif"), ("WEBP", ".webp"), ("GIF", ".gif"), ("JPEG2000", ".jp2")],
)
def test_an_image_without_a_file_name_gets_the_ending_of_its_format(
    tmp_path: Path, command: Command, format: str, ending: str
) -> None:
    buffer = io.BytesIO()
    Image.new("RGB", (8, 8), (9, 99, 199)).save(buffer, format)
    image = pa.array([buffer.getvalue()] * 2, pa.binary())
    pq.write_table(pa.table({"sample_id": ["1", "v2.5"], "label": ["a", "b"], "image": image}), tmp_path / "d.parquet")
    write_scores(tmp_path / "run", Source(str(tmp_path / "d.parquet")), [Row("1", "a"), Row("v2.5", "b")])
    assert command("export-clean", tmp_path / "run", "--out", tmp_path / "out", "--format", "folder").code == 0
    table = pq.read_table(tmp_path / "out" / "metadata.parquet")
    assert table["file_name"].to_pylist() == [f"a/1{ending}", f"b/v2{ending}"]


# Other tools


def test_torchvision_opens_the_folder(tmp_path: Path, images: Scored, command: Command) -> None:
    from torchvision.datasets import ImageFolder

    out = tmp_path / "out"
    assert command("export-clean", images.run, "--out", out, "--on-flag", "relabel").code == 0
    opened = ImageFolder(str(out))
    expected = expect(images.rows, "relabel").labels
    assert opened.classes == CLASSES
    by_name = {Path(sample_id).name: label for sample_id, label in expected.items()}
    assert {Path(file).name: opened.classes[target] for file, target in opened.samples} == by_name
    image, target = opened[0]
    assert (image.size, opened.classes[target]) == ((32, 32), by_name[Path(opened.samples[0][0]).name])


@pytest.fixture
def load_dataset(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Any]:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setenv("HF_DATASETS_OFFLINE", "1")
    datasets: Any = pytest.importorskip("datasets")

    def load(*words: str, **options: str) -> Any:
        return datasets.load_dataset(*words, cache_dir=str(tmp_path / "cache"), split="train", **options)

    return load


@FORMAT
def test_hugging_face_datasets_opens_either_format(
    tmp_path: Path, images: Scored, command: Command, load_dataset: Callable[..., Any], format: str
) -> None:
    import datasets

    out = tmp_path / "out"
    assert command("export-clean", images.run, "--out", out, "--on-flag", "relabel", "--format", format).code == 0
    builder = "imagefolder" if format == "folder" else "parquet"
    loaded = load_dataset(builder, data_dir=str(out))
    assert isinstance(loaded.features["image"], datasets.Image)
    assert isinstance(loaded.features["label"], datasets.ClassLabel)
    assert loaded.features["label"].names == CLASSES
    labels = loaded.features["label"].int2str(loaded["label"][:])
    assert dict(zip(loaded["sample_id"], labels, strict=True)) == expect(images.rows, "relabel").labels
    for row in loaded:
        with Image.open(images.data / row["sample_id"]) as image:
            assert np.array_equal(np.asarray(row["image"]), np.asarray(image))
        assert 0 <= row["nc_label_quality"] <= 1
    assert loaded.features["nc_given_label"].dtype == "string"
    assert loaded.features["nc_flagged"].dtype == "bool"


def test_hugging_face_datasets_opens_exported_embeddings(
    tmp_path: Path, vectors: Scored, command: Command, load_dataset: Callable[..., Any]
) -> None:
    assert command("export-clean", vectors.run, "--out", tmp_path / "out").code == 0
    loaded = load_dataset(str(tmp_path / "out"))
    assert loaded.features["label"].names == CLASSES
    assert len(loaded[0]["embedding"]) == 16
    assert loaded["sample_id"][:] == list(expect(vectors.rows, "drop").labels)


# Refusals


def refused(outcome: Outcome, said: str) -> None:
    assert outcome.code == 2
    assert said in outcome.err
    assert outcome.out == ""


@ON_FLAG
@FORMAT
def test_a_dry_run_prints_the_same_counts_and_writes_nothing(
    tmp_path: Path, command: Command, on_flag: str, format: str
) -> None:
    scored = by_hand(tmp_path)
    before = state(tmp_path)
    words = ("export-clean", scored.run, "--out", tmp_path / "out", "--on-flag", on_flag, "--format", format)
    dry = command(*words, "--dry-run")
    assert dry.code == 0
    assert state(tmp_path) == before
    assert names(tmp_path) == ["data.parquet", "run"]
    assert dry.out.startswith("Would write ")
    assert command(*words).out == dry.out.replace("Would write", "Wrote")


def test_an_output_that_exists_is_refused_and_kept(tmp_path: Path, command: Command) -> None:
    scored = by_hand(tmp_path)
    (tmp_path / "file").write_text("mine")
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "file").write_text("mine")
    before = state(tmp_path)
    for name in ("file", "folder", "run", "data.parquet"):
        for more in ((), ("--dry-run",)):
            refused(command("export-clean", scored.run, "--out", tmp_path / name, *more), "exists already")
    assert state(tmp_path) == before
    (tmp_path / "empty").mkdir()
    assert command("export-clean", scored.run, "--out", tmp_path / "empty").code == 0
    assert command("export-clean", scored.run, "--out", tmp_path / "new" / "below").code == 0


def test_an_output_inside_the_dataset_is_refused(tmp_path: Path, images: Scored, command: Command) -> None:
    before = state(images.data)
    (tmp_path / "link").symlink_to(images.data, target_is_directory=True)
    for out in (images.data / "out", images.data / "red" / "out", tmp_path / "link" / "out"):
        refused(command("export-clean", images.run, "--out", out), "must lie outside the dataset")
    assert state(images.data) == before
    beside = images.data.with_name("data-clean")
    assert command("export-clean", images.run, "--out", beside).code == 0
    shutil.rmtree(beside)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--on-flag", "burn"), "drop, relabel, keep"),
        (("--format", "zip"), "folder, parquet"),
        (("--threshold", "1.5"), "--threshold must lie in [0, 1]"),
        (("--threshold", "-0.5"), "--threshold must lie in [0, 1]"),
        (("--threshold", "nan"), "--threshold must lie in [0, 1]"),
        (("--min-confidence", "1.5"), "--min-confidence"),
        (("--data", "nowhere"), "nowhere is nothing"),
    ],
)
def test_an_option_that_cannot_be_used_is_refused(
    tmp_path: Path, command: Command, words: tuple[str, ...], said: str
) -> None:
    scored = by_hand(tmp_path)
    refused(command("export-clean", scored.run, "--out", tmp_path / "out", *words), said)
    assert names(tmp_path) == ["data.parquet", "run"]


@pytest.mark.parametrize("more", [(), ("--dry-run",)])
def test_a_folder_of_vectors_is_refused(
    tmp_path: Path, vectors: Scored, command: Command, more: tuple[str, ...]
) -> None:
    words = ("export-clean", vectors.run, "--out", tmp_path / "out", "--format", "folder")
    refused(command(*words, *more), "--format folder needs images")
    assert names(tmp_path) == []


def test_without_sound_scores_nothing_is_exported(tmp_path: Path, fitted: Path, command: Command) -> None:
    out = tmp_path / "out"
    for scored in (fitted / "trusted.parquet", tmp_path / "nowhere", tmp_path):
        refused(command("export-clean", scored, "--out", out), "Scores are required")
    scores = by_hand(tmp_path).run / "scores.parquet"
    scores.write_bytes(scores.read_bytes()[:-20])
    refused(command("export-clean", scores.parent, "--out", out), "cannot be read")
    pq.write_table(pa.table({"sample_id": ["1"]}), scores)
    refused(command("export-clean", scores.parent, "--out", out), "cannot be read")
    assert not out.exists()


def rewrite(data: Path, change: Callable[[list[dict[str, Any]]], object]) -> None:
    table = pq.read_table(data)
    rows = table.to_pylist()
    change(rows)
    pq.write_table(pa.Table.from_pylist(rows, schema=table.schema), data)


CHANGES: dict[str, tuple[Callable[[list[dict[str, Any]]], object], str]] = {
    "a row is gone": (lambda rows: rows.pop(), "sample ids have changed"),
    "a row is new": (lambda rows: rows.append({**rows[0], "sample_id": "new"}), "sample ids have changed"),
    "another order": (lambda rows: rows.reverse(), "sample ids have changed"),
    "another id": (lambda rows: rows[3].update(sample_id="other"), "sample ids have changed"),
    "another label": (lambda rows: rows[3].update(label="c"), "labels have changed"),
    "a label is gone": (lambda rows: rows[3].update(label=None), "labels have changed"),
}


@pytest.mark.parametrize("change", CHANGES)
def test_a_dataset_that_has_changed_since_is_refused(tmp_path: Path, command: Command, change: str) -> None:
    scored = by_hand(tmp_path)
    make, said = CHANGES[change]
    rewrite(scored.data, make)
    refused(command("export-clean", scored.run, "--out", tmp_path / "out"), said)
    assert names(tmp_path) == ["data.parquet", "run"]


def test_an_image_folder_that_has_changed_since_is_refused(tmp_path: Path, images: Scored, command: Command) -> None:
    shutil.copytree(images.data, tmp_path / "data")
    words = ("export-clean", images.run, "--out", tmp_path / "out", "--data", tmp_path / "data")
    assert command(*words, "--dry-run").code == 0
    first = next((tmp_path / "data" / "red").glob("0*.png"))
    first.rename(tmp_path / "data" / "blue" / first.name)
    refused(command(*words), "have changed since")


def test_a_dataset_that_has_moved_is_named_with_data(tmp_path: Path, command: Command) -> None:
    scored = by_hand(tmp_path)
    (tmp_path / "elsewhere").mkdir()
    moved = scored.data.rename(tmp_path / "elsewhere" / "renamed.parquet")
    refused(command("export-clean", scored.run, "--out", tmp_path / "out"), "data.parquet is nothing")
    assert command("export-clean", scored.run, "--out", tmp_path / "out", "--data", moved).code == 0
    assert len(written(tmp_path / "out")) == 5


def test_scores_of_new_rows_are_exported_from_their_own_dataset(
    tmp_path: Path, vectors: Scored, command: Command
) -> None:
    embeddings(tmp_path / "new.parquet", rows=50, seed=5)
    words = ("--data", tmp_path / "new.parquet", "--out", tmp_path / "scored", "--embedding-column", "embedding")
    assert command("score", vectors.run, *words).code == 0
    assert command("export-clean", tmp_path / "scored", "--out", tmp_path / "out").code == 0
    expected = expect(read_scores(tmp_path / "scored"), "drop")
    assert written(tmp_path / "out") == expected.labels
    assert 0 < expected.counts["dropped"] < 50


# Failure in the middle


@FORMAT
def test_an_image_that_is_gone_leaves_no_output_behind(tmp_path: Path, command: Command, format: str) -> None:
    scored = with_files(tmp_path)
    (scored.data.parent / "17.png").unlink()
    words = ("export-clean", scored.run, "--out", tmp_path / "out", "--format", format)
    refused(command(*words), "must still be readable, but 17.png is not (missing_file)")
    assert names(tmp_path) == ["data", "run"]
    (scored.data.parent / "17.png").write_bytes(picture(17))
    assert command(*words).code == 0
    assert len(written(tmp_path / "out")) == 20


@FORMAT
@pytest.mark.parametrize("error", [OSError(28, "No space left on device"), MemoryError("too much"), Interrupted(2)])
def test_a_failing_write_leaves_no_output_behind(
    tmp_path: Path, command: Command, monkeypatch: pytest.MonkeyPatch, format: str, error: BaseException
) -> None:
    scored = with_files(tmp_path, rows=220)
    before = state(tmp_path)
    calls = {"left": 2}
    target, method = (Path, "write_bytes") if format == "folder" else (pq.ParquetWriter, "write_table")
    original = getattr(target, method)

    def failing(*words: Any, **options: Any) -> Any:
        calls["left"] -= 1
        if not calls["left"]:
            raise error
        return original(*words, **options)

    with monkeypatch.context() as patch:
        patch.setattr(target, method, failing)
        outcome = command("export-clean", scored.run, "--out", tmp_path / "out", "--format", format)
    assert calls["left"] == 0
    assert outcome.code == {OSError: 2, MemoryError: 70, Interrupted: 130}[type(error)]
    assert outcome.out == ""
    assert isinstance(error, Interrupted) or str(error.args[-1]) in outcome.err
    assert names(tmp_path) == ["data", "run"]
    assert state(tmp_path) == before


def test_an_output_that_cannot_be_made_is_refused(tmp_path: Path, command: Command) -> None:
    scored = by_hand(tmp_path)
    (tmp_path / "file").write_text("mine")
    outcome = command("export-clean", scored.run, "--out", tmp_path / "file" / "below")
    assert outcome.code == 2
    assert "Not a directory" in outcome.err
    assert names(tmp_path) == ["data.parquet", "file", "run"]
    assert (tmp_path / "file").read_text() == "mine"


# File names

TEXTS = st.one_of(
    st.text(max_size=12),
    st.text(st.sampled_from("aAß./\\: \0\n-2é\u0301İK"), max_size=6),
    st.text(st.sampled_from("日a. "), min_size=170, max_size=300),
    st.sampled_from(["", ".", "..", "con", "CON.txt", "nul", "a", "a-2", "A-2", "a-3", "Lpt1", "_"]),
)


@settings(max_examples=200, deadline=None)
@given(st.lists(TEXTS, max_size=30))
@example(["a", "a", "a-2", "A", "a"])
@example(["a" * 179 + " b"])
@example(["日" * 200] * 3)
def test_safe_names_are_different_file_names(texts: list[str]) -> None:
    made = safe_names(texts)
    assert len(made) == len(texts)
    assert len({name.casefold() for name in made}) == len(made)
    for name in made:
        assert name
        assert not set(name) & set('/\\:*?"<>|\0\n\r\t')
        assert name.isprintable()
        assert not name.startswith((".", " "))
        assert not name.endswith((".", " "))
        assert name.split(".")[0].lower() not in ("con", "prn", "aux", "nul", "com1", "lpt1")
        assert len(name.encode()) <= 200


@settings(max_examples=50, deadline=None)
@given(st.lists(TEXTS, max_size=20))
def test_safe_names_do_not_depend_on_how_many_are_asked_for_at_once(texts: list[str]) -> None:
    used: dict[str, int] = {}
    assert [name for text in texts for name in safe_names([text], used)] == safe_names(texts)


def test_a_name_that_is_safe_and_free_stays_as_it_is() -> None:
    plain = ["cat", "Große Katze", "n02123045", "IMG_0001 (1)".replace("(", "=").replace(")", "="), "a.b", "猫"]
    assert safe_names(plain) == plain
    assert safe_names(["a/b", "a", "a", "A", "a"]) == ["a_b", "a", "a-2", "A-3", "a-4"]


def test_many_equal_names_take_no_time() -> None:
    made = safe_names(["image"] * 30_000)
    assert made[:3] == ["image", "image-2", "image-3"]
    assert len(set(made)) == 30_000
