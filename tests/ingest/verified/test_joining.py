"""Verified labels find their rows, by whatever identifies them; what is unsure is said or refused."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from PIL import Image
from support.datasets import CLASSES, image_folder, png
from support.sources import both, make, read, refusal, table, texts, vectors

from noisecleaner.ingest import Manifest
from noisecleaner.notices import Notice, Severity


def said(manifest: Manifest, code: str) -> Notice:
    (notice,) = [notice for notice in manifest.notices if notice.code == code]
    return notice


def codes(manifest: Manifest) -> list[str]:
    return [notice.code for notice in manifest.notices if notice.code != "classes"]


@pytest.fixture
def truth(tmp_path: Path) -> dict[str, str]:
    """A folder `data` of 60 images, of which some are in the wrong class."""
    return image_folder(tmp_path / "data", rows=60)


def sorted_anew(folder: Path, truth: dict[str, str], count: int = 20) -> None:
    """What a reviewer leaves who moves wrong images into the folder of their class."""
    for name in list(truth)[:count]:
        target = folder / "checked" / truth[name] / name.split("/")[1]
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes((folder / "data" / name).read_bytes())


def verified(manifest: Manifest) -> dict[str | None, str]:
    pairs = zip(texts(manifest, "sample_id"), texts(manifest, "trusted_label"), strict=True)
    return {name: label for name, label in pairs if label is not None}


# Folders


def test_a_folder_of_images_sorted_anew_joins_wrong_rows_as_well_as_right_ones(
    tmp_path: Path, truth: dict[str, str]
) -> None:
    sorted_anew(tmp_path, truth)
    manifest, clean_only = both(tmp_path / "data", tmp_path / "checked")
    assert clean_only is None
    assert verified(manifest) == {name: truth[name] for name in list(truth)[:20]}
    wrong = sum(name.split("/")[0] != truth[name] for name in list(truth)[:20])
    assert wrong > 0
    notice = said(manifest, "verified-joined")
    assert notice.message == (
        f"20 verified rows of {tmp_path / 'checked'} were joined to rows of the dataset: {20 - wrong} by id, {wrong} "
        "by content."
    )
    assert notice.severity is Severity.NOTE
    assert said(manifest, "verified-labels").message.endswith(
        f"20 of 20 rows filled; {wrong} differ from the given label."
    )


def test_images_join_under_other_names_by_their_content(tmp_path: Path, truth: dict[str, str]) -> None:
    for number, name in enumerate(list(truth)[:20]):
        target = tmp_path / "checked" / truth[name] / f"img_{number}.png"
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes((tmp_path / "data" / name).read_bytes())
    manifest, clean_only = both(tmp_path / "data", tmp_path / "checked")
    assert clean_only is None
    assert verified(manifest) == {name: truth[name] for name in list(truth)[:20]}
    assert "0 by id, 20 by content." in said(manifest, "verified-joined").message


def test_images_saved_anew_join_by_their_names(tmp_path: Path, truth: dict[str, str]) -> None:
    for name in list(truth)[:20]:
        target = tmp_path / "checked" / truth[name] / f"{name.split('/')[1][:-4]}.jpg"
        target.parent.mkdir(parents=True, exist_ok=True)
        Image.open(tmp_path / "data" / name).convert("RGB").save(target, quality=90)
    manifest, clean_only = both(tmp_path / "data", tmp_path / "checked")
    assert clean_only is None
    assert verified(manifest) == {name: truth[name] for name in list(truth)[:20]}
    notice = said(manifest, "verified-joined")
    assert "0 by id, 20 by file name." in notice.message
    assert notice.severity is Severity.NOTE


def test_other_pictures_of_the_same_names_are_not_in_the_dataset(tmp_path: Path, truth: dict[str, str]) -> None:
    """A side set numbered like the dataset, in classes of which no path is the same."""
    rng = np.random.default_rng(7)
    names = [name for name in truth if not name.startswith("blue")][:10]
    for name in names:
        target = tmp_path / "side" / "blue" / name.split("/")[1]
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(png(2, rng))
    manifest, clean_only = both(tmp_path / "data", tmp_path / "side")
    assert verified(manifest) == {}
    assert clean_only is not None
    assert (clean_only.trusted == CLASSES.index("blue")).sum() == 10
    notice = said(manifest, "verified-namesakes")
    assert notice.message.startswith("10 verified images of")
    assert notice.severity is Severity.WARNING


def test_an_image_of_the_same_path_that_shows_another_picture_is_refused(tmp_path: Path, truth: dict[str, str]) -> None:
    first, second, third = list(truth)[:3]
    for name, content in ((first, second), (third, third)):
        target = tmp_path / "checked" / name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes((tmp_path / "data" / content).read_bytes())
    words = refusal(tmp_path / "data", tmp_path / "checked")
    assert f"1 of 2 in {tmp_path / 'checked'} show another picture: {first!r} shows {second!r}." in words


def test_an_image_of_the_same_path_that_is_nowhere_in_the_dataset_is_refused(
    tmp_path: Path, truth: dict[str, str]
) -> None:
    name = next(iter(truth))
    (tmp_path / "checked" / name).parent.mkdir(parents=True)
    (tmp_path / "checked" / name).write_bytes(png(0, np.random.default_rng(5)))
    assert f"{name!r} shows no row of the dataset" in refusal(tmp_path / "data", tmp_path / "checked")


def test_the_same_picture_saved_anew_under_its_path_is_itself(tmp_path: Path, truth: dict[str, str]) -> None:
    name = next(iter(truth))
    (tmp_path / "checked" / name).parent.mkdir(parents=True)
    Image.open(tmp_path / "data" / name).save(tmp_path / "checked" / name, "JPEG", quality=95)
    assert verified(read(tmp_path / "data", trusted=tmp_path / "checked")) == {name: name.split("/")[0]}


def test_images_that_are_in_the_dataset_twice_are_told_apart_by_name_or_refused(tmp_path: Path) -> None:
    content = make(tmp_path / "data", "a/1.png", "a/2.png", "b/3.png")
    (tmp_path / "data" / "b" / "4.png").write_bytes(content["a/1.png"])
    (tmp_path / "checked" / "b").mkdir(parents=True)
    (tmp_path / "checked" / "b" / "1.png").write_bytes(content["a/1.png"])
    assert verified(read(tmp_path / "data", trusted=tmp_path / "checked")) == {"a/1.png": "b"}
    (tmp_path / "checked" / "b" / "1.png").rename(tmp_path / "checked" / "b" / "other.png")
    words = refusal(tmp_path / "data", tmp_path / "checked")
    assert "'b/other.png' is 'a/1.png' and 'b/4.png'" in words


def test_an_image_that_was_copied_instead_of_moved_contradicts_itself(tmp_path: Path) -> None:
    content = make(tmp_path / "data", "a/1.png", "a/2.png", "b/3.png")
    for name in ("a/1.png", "b/1.png"):
        (tmp_path / "checked" / name).parent.mkdir(parents=True)
        (tmp_path / "checked" / name).write_bytes(content["a/1.png"])
    assert "1 row has labels that contradict each other" in refusal(tmp_path / "data", tmp_path / "checked")


def test_images_of_a_table_join_by_content_too(tmp_path: Path, truth: dict[str, str]) -> None:
    """A dataset of encoded images with ids, and the reviewer's folder of files called after them."""
    names = list(truth)
    images = [(tmp_path / "data" / name).read_bytes() for name in names]
    ids = [name.split("/")[1][:-4] for name in names]
    labels = [name.split("/")[0] for name in names]
    data = table(tmp_path / "d.parquet", sample_id=ids, label=labels, image=images)
    sorted_anew(tmp_path, truth)
    manifest, clean_only = both(data, tmp_path / "checked")
    assert clean_only is None
    assert verified(manifest) == {ids[row]: truth[names[row]] for row in range(20)}
    assert "0 by id, 20 by content." in said(manifest, "verified-joined").message


# Tables


def test_a_table_of_paths_joins_by_file_name(tmp_path: Path, truth: dict[str, str]) -> None:
    names = list(truth)[:20]
    for column in ("path", "image", "File Name"):
        lines = [f"C:\\export\\{name.split('/')[1]},{truth[name]}\n" for name in names]
        trusted = tmp_path / "t.csv"
        trusted.write_text("".join([f"{column},trusted_label\n", *lines]))
        manifest = read(tmp_path / "data", trusted=trusted)
        assert verified(manifest) == {name: truth[name] for name in names}
        notice = said(manifest, "verified-joined")
        assert "0 by id, 20 by file name. 20 could not be compared" in notice.message
        assert notice.severity is Severity.WARNING


def test_ids_of_which_none_is_known_give_way_to_file_names(tmp_path: Path, truth: dict[str, str]) -> None:
    names = list(truth)[:20]
    columns = {"sample_id": [f"task-{row}" for row in range(20)], "file": [name.split("/")[1] for name in names]}
    labels = [truth[name] for name in names]
    manifest = read(tmp_path / "data", trusted=table(tmp_path / "t.parquet", trusted_label=labels, **columns))
    assert verified(manifest) == {name: truth[name] for name in names}


def test_where_some_ids_are_known_the_others_are_meant_as_well(tmp_path: Path, truth: dict[str, str]) -> None:
    names = list(truth)[:20]
    columns = {"sample_id": [*names[:10], *map(str, range(10))], "file": [name.split("/")[1] for name in names]}
    labels = [truth[name] for name in names]
    words = refusal(tmp_path / "data", table(tmp_path / "t.parquet", trusted_label=labels, **columns))
    assert "10 of 20 labelled rows of" in words


def test_images_of_a_table_that_are_in_the_dataset_under_other_ids_are_refused(
    tmp_path: Path, truth: dict[str, str]
) -> None:
    first, second = list(truth)[:2]
    images = [(tmp_path / "data" / name).read_bytes() for name in (first, second)]
    trusted = table(tmp_path / "t.parquet", sample_id=[first, "x"], trusted_label=["red", "red"], image=images)
    words = refusal(tmp_path / "data", trusted)
    assert "1 in" in words
    assert f"'x' is {second!r}" in words


def test_embeddings_of_other_rows_are_refused_by_pairs(tmp_path: Path) -> None:
    rows = np.random.default_rng(0).normal(size=(6, 4)).astype(np.float32).tolist()
    data = vectors(tmp_path / "d.parquet", ["a", "b"] * 3, embedding=rows)
    side = table(
        tmp_path / "t.parquet",
        sample_id=["r0", "side-1", "r2"],
        trusted_label=["a"] * 3,
        embedding=[rows[0], rows[1], rows[5]],
    )
    words = refusal(data, side, embedding="embedding")
    assert "2 in" in words
    assert "'side-1' has the vector of 'r1', 'r2' has the vector of 'r5'" in words


def test_embeddings_that_tell_nothing_are_nobodys_twins(tmp_path: Path) -> None:
    """A new version of the same row, and zeros where a network failed."""
    rows = np.random.default_rng(0).normal(size=(6, 4)).astype(np.float32)
    rows[4:] = 0
    data = vectors(tmp_path / "d.parquet", ["a", "b"] * 3, embedding=rows.tolist())
    own = table(
        tmp_path / "t.parquet",
        sample_id=["r0", "new"],
        trusted_label=["a"] * 2,
        embedding=[(rows[0] + 1).tolist(), [0.0] * 4],
    )
    manifest, clean_only = both(data, own, embedding="embedding")
    assert verified(manifest) == {"r0": "a"}
    assert clean_only is not None


def test_class_probabilities_may_be_equal(tmp_path: Path) -> None:
    data = vectors(tmp_path / "d.parquet", ["a", "b"], probabilities=[[0.9, 0.1], [0.2, 0.8]])
    side = table(tmp_path / "t.parquet", sample_id=["x"], trusted_label=["a"], probabilities=[[0.9, 0.1]])
    assert both(data, side, probabilities="probabilities")[1] is not None


def test_an_id_column_of_its_own_name_is_named(tmp_path: Path) -> None:
    data = vectors(tmp_path / "d.parquet", ["a", "b"] * 3)
    trusted = table(tmp_path / "t.parquet", key=["r1", "r0"], trusted_label=["b", "b"])
    assert verified(read(data, trusted=trusted, embedding="embedding", trusted_id="key")) == {"r0": "b", "r1": "b"}
    assert "needs a column called 'kye'" in refusal(data, trusted, embedding="embedding", trusted_id="kye")


def test_a_row_that_was_verified_twice_counts_once(tmp_path: Path) -> None:
    data = vectors(tmp_path / "d.parquet", ["a", "b"] * 3)
    trusted = table(tmp_path / "t.parquet", sample_id=["r1", "r0", "r1"], trusted_label=["b", "b", "b"])
    manifest = read(data, trusted=trusted, embedding="embedding")
    assert verified(manifest) == {"r0": "b", "r1": "b"}
    assert said(manifest, "verified-repeats").message.startswith("1 row of")


def test_a_label_without_an_id_is_refused(tmp_path: Path) -> None:
    data = vectors(tmp_path / "d.parquet", ["a", "b"] * 3)
    (tmp_path / "t.csv").write_text("sample_id,trusted_label\nr0,a\n,b\n,\n")
    assert "1 in" in refusal(data, tmp_path / "t.csv", embedding="embedding")


def test_a_table_contradicts_the_datasets_own_column_aloud(tmp_path: Path) -> None:
    data = vectors(tmp_path / "d.parquet", ["a", "b"] * 3, trusted_label=["a", "a", "b", None, None, None])
    trusted = table(tmp_path / "t.parquet", sample_id=["r0", "r1", "r3"], trusted_label=["b", "a", "a"])
    manifest = read(data, trusted=trusted, embedding="embedding")
    assert verified(manifest) == {"r0": "b", "r1": "a", "r2": "b", "r3": "a"}
    notice = said(manifest, "verified-labels-disagree")
    assert notice.message.startswith("1 of 2 rows had been verified before with another label than that of")
    assert "r0 (a, now b)" in notice.message
    assert codes(manifest).count("verified-labels") == 2


def test_an_unreadable_image_that_is_nowhere_is_left_out_aloud(tmp_path: Path, truth: dict[str, str]) -> None:
    trusted = table(
        tmp_path / "t.parquet",
        sample_id=["x", "y"],
        trusted_label=["red", "red"],
        image=[png(0, np.random.default_rng(4)), None],
    )
    manifest, clean_only = both(tmp_path / "data", trusted)
    assert clean_only is not None
    assert said(manifest, "clean-only-unreadable").message.startswith("1 row of")
    nothing = table(tmp_path / "n.parquet", sample_id=["x"], trusted_label=["red"], image=pa.nulls(1, pa.binary()))
    assert "have an id that the dataset does not hold (such as 'x')" in refusal(tmp_path / "data", nothing)


def test_a_table_of_plan_whose_columns_were_sorted_apart_is_noticed(tmp_path: Path) -> None:
    data = vectors(tmp_path / "d.parquet", ["a", "a", "b", "b"])
    columns = {"sample_id": ["r0", "r1", "r2"], "trusted_label": ["a", "b", "b"]}
    right = table(tmp_path / "t.parquet", given_label=["a", "a", "b"], **columns)
    assert "given-labels-disagree" not in codes(read(data, trusted=right, embedding="embedding"))
    wrong = table(tmp_path / "t.parquet", given_label=["b", "a", "a"], **columns)
    notice = said(read(data, trusted=wrong, embedding="embedding"), "given-labels-disagree")
    assert notice.message.startswith("2 rows of")
    assert "(such as r0: b, in the dataset a)" in notice.message


def test_images_are_compared_also_where_vectors_stand_in_for_those_of_the_dataset(
    tmp_path: Path, truth: dict[str, str]
) -> None:
    sorted_anew(tmp_path, truth)
    np.save(tmp_path / "v.npy", np.random.default_rng(0).normal(size=(60, 4)))
    manifest, clean_only = both(tmp_path / "data", tmp_path / "checked", embedding=str(tmp_path / "v.npy"))
    assert clean_only is None
    assert verified(manifest) == {name: truth[name] for name in list(truth)[:20]}
    assert "could not be compared" not in said(manifest, "verified-joined").message


def test_rows_of_empty_cells_are_remembered(tmp_path: Path) -> None:
    ids = ["r0", "r1", "r2", "r3"]
    data = table(tmp_path / "data.parquet", sample_id=ids, embedding=[[1.0], [2.0], [3.0], [4.0]], label=list("abab"))
    trusted = table(tmp_path / "t.parquet", sample_id=["r3", "r0", "r9"], trusted_label=["b", None, None])
    manifest, _ = both(data, trusted, embedding="embedding")
    assert manifest.empty.tolist() == [0]
    assert read(data, embedding="embedding").empty.tolist() == []
