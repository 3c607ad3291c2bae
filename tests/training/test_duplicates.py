"""Rows that hold the same: what contradicts itself is counted and named, what proves nothing is not."""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from PIL import Image
from support.sources import table

from noisecleaner.arrays import Array
from noisecleaner.ingest import Columns, Manifest, Skip, Source, ingest
from noisecleaner.ingest.tables.splits import Splits
from noisecleaner.ingest.verified.corrections import correct, read_corrections
from noisecleaner.notices import Notice, Severity
from noisecleaner.training import duplicates
from noisecleaner.training.duplicates import Groups, find_duplicates


def picture(seed: int, *, quality: int | None = None) -> bytes:
    """A photograph-like image: smooth, and its own for each seed; saved anew as JPEG where a quality is given."""
    rng = np.random.default_rng(seed)
    small = Image.fromarray(rng.integers(0, 255, (5, 5, 3)).astype(np.uint8)).resize((64, 64), Image.Resampling.BICUBIC)
    file = io.BytesIO()
    small.save(file, "PNG") if quality is None else small.save(file, "JPEG", quality=quality)
    return file.getvalue()


def of_images(folder: Path, images: list[bytes], labels: list[str]) -> Manifest:
    ids = [f"r{row}" for row in range(len(images))]
    return ingest(Source(str(table(folder / "d.parquet", sample_id=ids, image=images, label=labels))))[0]


def of_vectors(folder: Path, vectors: list[list[float]], labels: list[str], column: str = "embedding") -> Manifest:
    ids = [f"r{row}" for row in range(len(vectors))]
    path = table(folder / "d.parquet", sample_id=ids, label=labels, **{column: vectors})
    return ingest(Source(str(path), columns=Columns(**{column: column})))[0]


def pixels(dataset: Manifest) -> Array:
    """What training from scratch looks at."""
    content = [image for _, image in dataset.payload.read(np.arange(len(dataset)))]
    return np.stack([np.asarray(Image.open(io.BytesIO(c)).convert("RGB").resize((32, 32))) for c in content])


def features(dataset: Manifest) -> Array:
    """What a frozen backbone might make of images: random projections of small ones."""
    small = pixels(dataset)[:, ::4, ::4].reshape(len(dataset), -1).astype(np.float32)
    projection = np.random.default_rng(0).normal(size=(small.shape[1], 300))
    return np.maximum((small - 128) @ projection / 500, 0).astype(np.float16)


def said(notices: object) -> dict[str, Notice]:
    return {notice.code: notice for notice in notices}


INPUTS = [pixels, features]


@pytest.mark.parametrize("inputs", INPUTS)
def test_pairs_of_identical_images_with_two_labels_are_certain_errors(
    tmp_path: Path, inputs: Callable[[Manifest], Array]
) -> None:
    images = [*map(picture, range(40)), *map(picture, range(5))]
    dataset = of_images(tmp_path, images, ["cat", "dog"] * 20 + ["dog", "cat", "dog", "cat", "cat"])
    found = find_duplicates(dataset, inputs(dataset))
    notices = said(found.notices(None))
    assert notices.keys() == {"identical-rows-other-labels", "identical-rows"}
    certain = notices["identical-rows-other-labels"]
    assert certain.severity is Severity.WARNING
    assert certain.message.startswith(
        "4 pairs of identical images carry two labels: at least one of each is wrong (such as r0 (cat) and r40 (dog))."
    )
    assert notices["identical-rows"].message.startswith("1 row repeats the image of another row with the same label")
    listed = found.table(None)
    assert listed["sample_id"].to_pylist() == [f"r{row}" for pair in range(5) for row in (pair, 40 + pair)]
    assert listed["group"].to_pylist() == [0, 0, 1, 1, 2, 2, 3, 3, 4, 4]
    assert set(listed["kind"].to_pylist()) == {"identical"}
    assert listed["given_label"].to_pylist()[:2] == ["cat", "dog"]
    assert listed["split"].null_count == 10


@pytest.mark.parametrize("inputs", INPUTS)
def test_of_larger_groups_all_but_the_most_frequent_label_are_wrong(
    tmp_path: Path, inputs: Callable[[Manifest], Array]
) -> None:
    images = [picture(0)] * 5 + [picture(1)] * 2 + [*map(picture, range(2, 30))]
    labels = ["cat", "cat", "dog", "cow", "cat", "cow", "dog"] + ["cat", "dog"] * 14
    dataset = of_images(tmp_path, images, labels)
    (notice,) = find_duplicates(dataset, inputs(dataset)).notices(None)
    assert notice.message.startswith(
        "7 rows hold 2 identical images with different labels: at least 3 of these labels are wrong (such as r0 (cat) "
        "and r2 (dog))."
    )


def test_a_correction_takes_the_place_of_the_given_label(tmp_path: Path) -> None:
    images = [*map(picture, range(20)), picture(0), picture(1)]
    dataset = of_images(tmp_path, images, ["cat", "dog"] * 10 + ["dog", "cat"])
    path = table(tmp_path / "fixed.parquet", sample_id=["r20"], corrected_label=["cat"])
    read = read_corrections(str(path), Source(str(tmp_path / "d.parquet")), dataset.classes)
    dataset = replace(dataset, table=correct(dataset.table, read)[0])
    assert find_duplicates(dataset, pixels(dataset)).identical.rows.tolist() == [0, 20, 1, 21]
    notices = said(find_duplicates(dataset, pixels(dataset)).notices(None))
    assert notices["identical-rows-other-labels"].message.startswith("1 pair")


def test_skipped_rows_and_rows_without_a_label_contradict_nobody(tmp_path: Path) -> None:
    images = [*map(picture, range(20)), picture(0), picture(1)]
    dataset = of_images(tmp_path, images, ["cat", "dog"] * 10 + ["dog", ""])
    dataset = dataset.keeping_unlabelled().skipping({20: Skip.UNREADABLE})
    found = find_duplicates(dataset, pixels(dataset))
    assert found.identical.rows.tolist() == [1, 21]
    assert "identical-rows-other-labels" not in said(found.notices(None))


def test_identical_images_across_splits_are_leakage(tmp_path: Path) -> None:
    images = [*map(picture, range(20)), picture(3), picture(4), picture(3)]
    dataset = of_images(tmp_path, images, ["cat"] * 10 + ["dog"] * 10 + ["cat"] * 3)
    splits = Splits(names=("train", "test"), rows=np.array([0] * 20 + [1, 0, 1]))
    found = find_duplicates(dataset, features(dataset))
    leak = said(found.notices(splits))["identical-rows-across-splits"]
    assert leak.severity is Severity.WARNING
    assert leak.message.startswith(
        "1 image stands in more than one split (train, test), 3 rows in all (such as r3 (train) and r20 (test)):"
    )
    assert found.table(splits)["split"].to_pylist() == ["train", "test", "test", "train", "train"]


def test_images_that_only_share_their_features_are_not_identical(tmp_path: Path) -> None:
    """A backbone may give two dark images the same numbers."""
    dataset = of_images(tmp_path, [*map(picture, range(20))], ["cat", "dog"] * 10)
    same = features(dataset)
    same[1] = same[0]
    assert len(find_duplicates(dataset, same)) == 0


def test_images_that_were_saved_anew_are_near_duplicates(tmp_path: Path) -> None:
    images = [*map(picture, range(60)), picture(0, quality=60), picture(1, quality=60), picture(2, quality=60)]
    dataset = of_images(tmp_path, images, ["cat", "dog"] * 30 + ["cat", "cat", "dog"])
    found = find_duplicates(dataset, features(dataset))
    assert len(found.identical) == 0
    assert found.near.rows.tolist() == [0, 60, 1, 61, 2, 62]
    (notice,) = found.notices(None)
    assert notice.severity is Severity.WARNING
    assert notice.message.startswith(
        "3 pairs of images look nearly the same, 2 of them with different labels (such as r1 (dog) and r61 (cat))."
    )
    assert set(found.table(None)["kind"].to_pylist()) == {"near"}


def test_near_duplicates_that_agree_are_only_noted_but_for_those_across_splits(tmp_path: Path) -> None:
    images = [*map(picture, range(60)), picture(0, quality=60)]
    dataset = of_images(tmp_path, images, ["cat", "dog"] * 30 + ["cat"])
    found = find_duplicates(dataset, features(dataset))
    (notice,) = found.notices(None)
    assert notice.severity is Severity.NOTE
    (notice,) = found.notices(Splits(names=("train", "val"), rows=np.array([0] * 60 + [1])))
    assert notice.severity is Severity.WARNING
    assert "1 of them across splits" in notice.message


def test_features_that_are_close_of_images_that_look_different_are_none(tmp_path: Path) -> None:
    dataset = of_images(tmp_path, [*map(picture, range(60))], ["cat", "dog"] * 30)
    close = features(dataset)
    close[1] = close[0]
    close[1, 0] += 1
    assert len(find_duplicates(dataset, close)) == 0


def test_images_of_noise_that_tells_nothing_bring_no_notice(tmp_path: Path) -> None:
    dataset = of_images(tmp_path, [*map(picture, range(200))], ["cat", "dog"] * 100)
    found = find_duplicates(dataset, features(dataset))
    assert len(found) == 0
    assert list(found.notices(None)) == []


def test_more_rows_than_are_compared_get_a_note(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(duplicates, "MOST_COMPARED", 59)
    images = [*map(picture, range(60)), picture(0, quality=60), picture(1)]
    dataset = of_images(tmp_path, images, ["cat", "dog"] * 30 + ["cat", "cat"])
    notices = said(find_duplicates(dataset, features(dataset)).notices(None))
    assert notices.keys() == {"identical-rows-other-labels", "near-duplicates-not-sought"}
    assert notices["near-duplicates-not-sought"].severity is Severity.NOTE


def test_embeddings_that_are_the_same_are_called_so(tmp_path: Path) -> None:
    vectors = np.random.default_rng(0).normal(size=(30, 4)).tolist()
    dataset = of_vectors(tmp_path, [*vectors, vectors[0]], ["cat", "dog"] * 15 + ["dog"])
    (notice,) = find_duplicates(dataset, np.array([*vectors, vectors[0]])).notices(None)
    assert notice.message.startswith("1 pair of identical embeddings carries two labels")


def test_embeddings_that_do_not_tell_rows_apart_prove_nothing(tmp_path: Path) -> None:
    vectors = [[float(row % 4), float(row % 3)] for row in range(60)]
    dataset = of_vectors(tmp_path, vectors, ["cat", "dog"] * 30)
    assert len(find_duplicates(dataset, np.array(vectors))) == 0


def test_class_probabilities_may_be_the_same_by_right(tmp_path: Path) -> None:
    vectors = [[1.0, 0.0]] * 5 + [[row / 40, 1 - row / 40] for row in range(35)]
    dataset = of_vectors(tmp_path, vectors, ["cat", "dog"] * 20, "probabilities")
    assert len(find_duplicates(dataset, np.array(vectors))) == 0


def test_groups_leave_out_rows_that_stand_alone() -> None:
    rows = np.array([10, 11, 12, 13, 14])
    groups = Groups.of(rows, np.array([10, 11, 10, 13, 13]))
    assert (groups.rows.tolist(), groups.groups.tolist()) == ([10, 12, 13, 14], [0, 0, 1, 1])
    assert len(groups) == 2
    nothing = groups.torn(np.full(20, 3))
    assert (len(nothing), nothing.fewest_wrong(np.full(20, 3))) == (0, 0)
    assert isinstance(pa.array(nothing.rows), pa.Array)
