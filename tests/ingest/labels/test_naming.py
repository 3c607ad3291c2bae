"""A label column is read in one way: as names, or as positions where their order is known, or not at all."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.sources import both, make, read, refusal, table, texts, told, vectors, write_metadata

from noisecleaner.errors import NoisecleanerError
from noisecleaner.ingest import Manifest
from noisecleaner.ingest.labels.naming import LabelColumn, Reading
from noisecleaner.notices import Severity

GRADES = ("1", "2", "3", "4", "ungradable")
CLOTHES = ("tshirt", "trouser", "pullover", "dress")


def column(labels: Sequence[str | None], **rest: object) -> LabelColumn:
    return LabelColumn(text=pa.chunked_array([labels], pa.string()), where="t.csv", **rest)  # type: ignore[arg-type]


def known(labels: Sequence[str | None], classes: Sequence[str], told: Sequence[str] = ()) -> list[str | None]:
    return column(labels).known(classes, told=told).labels.to_pylist()


def codes(reading: Reading) -> list[str]:
    return [notice.code for notice in reading.notices]


# Names first, whatever they look like


@pytest.mark.parametrize("told", [(), GRADES], ids=["unordered", "ordered"])
def test_a_number_that_is_a_class_is_that_class(told: tuple[str, ...]) -> None:
    assert known(["2", "4", None, "ungradable"], GRADES, told) == ["2", "4", None, "ungradable"]
    assert known(["2", "4", "1"], GRADES, told) == ["2", "4", "1"]  # a file in which nobody wrote the word


def test_numbers_that_may_be_positions_too_are_names_and_that_is_said() -> None:
    reading = column(["2", "4"]).known(GRADES, told=GRADES)
    (notice,) = reading.notices
    assert (notice.code, notice.severity) == ("labels-by-name", Severity.NOTE)
    assert notice.message.endswith("not as positions in the class names: 2 is the class 2, not 3.")
    digits = tuple(str(digit) for digit in range(10))
    assert column(["2", "4"]).known(digits, told=digits).notices == ()  # both readings are one
    assert column(["2", "4"]).known(GRADES).notices == ()  # there is one reading


def test_numbers_of_which_some_are_names_and_all_may_be_positions_are_refused() -> None:
    with pytest.raises(NoisecleanerError, match=r"1, 2 are names of classes and 0 are none; .*\(1 would be 2\)"):
        known(["0", "1", "2"], GRADES, GRADES)
    assert known(["0", "1", "2"], GRADES) == ["0", "1", "2"]  # without an order 0 is an unknown class


@pytest.mark.parametrize(
    ("labels", "classes", "expected"),
    [
        (["7.0", "8.00"], ("7", "8"), ["7", "8"]),
        (["7", "8"], ("7.0", "8.0"), ["7.0", "8.0"]),
        (["7.0", "x"], ("7", "x"), ["7", "x"]),
        (["7.0", "7"], ("7", "7.0"), ["7.0", "7"]),
        (["7.5", "8.0"], ("7", "8"), ["7.5", "8"]),
        (["9.0"], ("7", "8"), ["9"]),
        (["-1.0", "7.0"], ("7", "8"), [None, "7"]),
    ],
)
def test_whole_numbers_with_a_fraction_match_those_without(
    labels: list[str], classes: tuple[str, ...], expected: list[str | None]
) -> None:
    assert known(labels, classes) == expected


# Positions where the order is known


@pytest.mark.parametrize("labels", [["0", "3", None, "1"], ["0.0", "3.0", None, "1.0"]])
def test_numbers_are_positions_where_the_order_is_known(labels: list[str | None]) -> None:
    reading = column(labels).known(sorted(CLOTHES), told=CLOTHES)
    assert reading.labels.to_pylist() == ["tshirt", "dress", None, "trouser"]
    (notice,) = reading.notices
    assert (notice.code, notice.severity) == ("labels-by-position", Severity.NOTE)
    assert "0 is tshirt, 1 is trouser, 3 is dress" in notice.message


def test_positions_outside_the_names_are_refused_because_all_may_be_off_by_one() -> None:
    with pytest.raises(NoisecleanerError, match=r"count from 0 to 3, because there are 4 class names, but .* holds 4"):
        known(["1", "2", "3", "4"], CLOTHES, CLOTHES)
    assert known(["-1", "3"], CLOTHES, CLOTHES) == [None, "dress"]  # nothing, as beside all names


def test_numbers_without_an_order_are_refused_with_the_mapping_that_would_have_been_used() -> None:
    with pytest.raises(NoisecleanerError) as error:
        known(["0", "1", "3"], sorted(CLOTHES))
    assert "0 would be dress, 1 would be pullover, 2 would be trouser, 3 would be tshirt" in error.value.message
    assert "t.csv holds 0, 1, 3" in error.value.message
    assert "`Columns(label_names=FILE)`" in error.value.hint


def test_names_for_classes_that_are_numbers_are_refused_likewise() -> None:
    with pytest.raises(NoisecleanerError) as error:
        known(["cat", "ant"], ("0", "1", "2"))
    assert "0 would be ant, 1 would be cat" in error.value.message
    assert "`Columns(label_names=FILE)`" in error.value.hint
    assert known(["cat", "0"], ("0", "1", "2")) == ["cat", "0"]  # one unknown name among numbers that are classes


def test_labels_that_are_partly_names_are_names() -> None:
    assert known(["1", "dog"], ("cat", "dog"), ("cat", "dog")) == ["1", "dog"]


def test_the_names_of_the_column_itself_are_its_own() -> None:
    reading = column(["b", "a", "7"], own=("b", "a")).known(("a", "b", "c"), told=("c", "b", "a"))
    assert reading.labels.to_pylist() == ["b", "a", "7"]
    assert reading.notices == ()


def test_labels_beside_the_classes_stay_and_have_no_part_in_the_reading() -> None:
    reading = column(["none", "0", "None"]).known(CLOTHES, told=CLOTHES, beside="none")
    assert reading.labels.to_pylist() == ["none", "tshirt", None]
    assert codes(reading) == ["labels-missing", "labels-by-position"]


# What says what the classes are


def test_labels_define_classes_under_their_own_names() -> None:
    reading = column(["10", "9", None, "nan"]).defining()
    assert (reading.classes, reading.ordered, codes(reading)) == (("9", "10"), False, ["labels-missing"])
    whole = column(["10.0", "9.0", "9"]).defining()
    assert (whole.classes, whole.labels.to_pylist(), codes(whole)) == (
        ("9", "10"),
        ["10", "9", "9"],
        ["labels-whole-numbers"],
    )
    assert column(["1.0", "1.5"]).defining().classes == ("1.0", "1.5")


def test_names_that_are_told_name_numbers_order_the_classes_and_declare_those_without_a_row() -> None:
    numbers, names = column(["3", "0", "-1"]).defining(CLOTHES), column(["dress", "tshirt", None]).defining(CLOTHES)
    for reading in (numbers, names):
        assert reading.labels.to_pylist() == ["dress", "tshirt", None]
        assert (reading.classes, reading.ordered) == (CLOTHES, True)
    assert "labels-by-position" in codes(numbers)
    assert codes(names) == []


def test_a_label_that_is_not_among_the_names_that_were_told_is_refused_with_what_it_looks_like() -> None:
    with pytest.raises(NoisecleanerError, match="which it does not name: 'Dress' is spelled 'dress' in") as error:
        column(["Dress", "tshirt"]).defining(CLOTHES)
    assert "they differ in case" in error.value.message
    with pytest.raises(NoisecleanerError, match=r"t\.csv holds 'hat', which it does not name"):
        column(["hat", "tshirt"]).defining(CLOTHES)


def test_a_few_labels_that_were_not_told_are_left_to_be_skipped_whether_names_or_numbers() -> None:
    reading = column(["0", "17", "3", "1.0", "2", "2"]).defining(CLOTHES)
    assert reading.labels.to_pylist() == ["tshirt", "17", "dress", "trouser", "pullover", "pullover"]
    assert reading.classes == tuple(CLOTHES)
    reading = column(["hat", "tshirt", "dress"]).defining(CLOTHES)
    assert (reading.labels.to_pylist(), reading.classes) == (["hat", "tshirt", "dress"], tuple(CLOTHES))
    with pytest.raises(NoisecleanerError, match="count from 0 to 3"):
        column(["0", "17", "18", "19"]).defining(CLOTHES)  # names of another dataset


def test_own_names_stay_where_others_are_told_and_have_to_be_among_them() -> None:
    own = column(["b", "a"], own=("b", "a")).defining(("a", "b", "c"))
    assert (own.classes, own.labels.to_pylist()) == (("a", "b", "c"), ["b", "a"])
    with pytest.raises(NoisecleanerError, match="must name every class"):
        column(["b", "a"], own=("b", "a")).defining(("a", "c"))


@given(st.lists(st.sampled_from(["0", "1", "2", "cat", "dog", "7.0", "-1", "nan", None]), max_size=12), st.booleans())
def test_a_reading_keeps_the_rows_and_never_mixes_names_and_positions(labels: list[str | None], ordered: bool) -> None:
    classes = ("cat", "dog", "eel")
    try:
        found = known(labels, classes, classes if ordered else ())
    except NoisecleanerError:
        return
    assert len(found) == len(labels)
    by_position = [before for before, after in zip(labels, found, strict=True) if after in classes and before != after]
    by_name = [before for before, after in zip(labels, found, strict=True) if after in classes and before == after]
    assert not (by_position and by_name)
    assert ordered or not by_position


# Through files


def ordered(manifest: Manifest) -> bool:
    return manifest.ordered


def test_verified_numbers_are_refused_for_classes_that_are_names(tmp_path: Path) -> None:
    data = vectors(tmp_path / "d.parquet", list(CLOTHES))
    for kind, labels in {"integers": [0, 3], "floats": [0.0, None], "text": ["0", "3"]}.items():
        trusted = table(tmp_path / f"{kind}.parquet", sample_id=["r0", "r1"], trusted_label=labels)
        said = refusal(data, trusted, embedding="embedding")
        assert "0 would be dress, 1 would be pullover" in said
        assert "`Columns(label_names=FILE)`" in said
    assert "0 would be dress" in refusal(
        vectors(tmp_path / "e.parquet", list(CLOTHES), trusted_label=[0, 1, 2, 3]), embedding="embedding"
    )


def test_verified_numbers_are_positions_in_the_names_of_a_file(tmp_path: Path) -> None:
    data = vectors(tmp_path / "d.parquet", list(CLOTHES))
    (tmp_path / "names.txt").write_text("\n".join(CLOTHES))
    (tmp_path / "t.csv").write_text("sample_id,trusted_label\nr0,0\nr1,3\nr2,-1\n")
    manifest = read(data, trusted=tmp_path / "t.csv", embedding="embedding", label_names=str(tmp_path / "names.txt"))
    assert manifest.classes == CLOTHES
    assert texts(manifest, "trusted_label") == ["tshirt", "dress", None, None]
    assert ordered(manifest)


def test_verified_numbers_are_positions_in_class_label(tmp_path: Path) -> None:
    data = vectors(tmp_path / "d.parquet", [0, 1, 2, 3], class_names={"label": list(CLOTHES)})
    (tmp_path / "t.csv").write_text("sample_id,trusted_label\nr0,0\nr1,3\n")
    assert texts(read(data, trusted=tmp_path / "t.csv", embedding="embedding"), "trusted_label")[:2] == [
        "tshirt",
        "dress",
    ]
    other = table(
        tmp_path / "t.parquet",
        class_names={"trusted_label": list(reversed(CLOTHES))},
        sample_id=["r0", "r1"],
        trusted_label=[0, 3],
    )
    assert texts(read(data, trusted=other, embedding="embedding"), "trusted_label")[:2] == ["dress", "tshirt"]


def test_a_verified_column_beside_class_label_has_its_names(tmp_path: Path) -> None:
    for kind in (pa.int8(), pa.float64()):
        path = vectors(
            tmp_path / "d.parquet",
            [0, 1, 2],
            class_names={"label": ["1", "2", "3"]},
            trusted_label=pa.array([0, 2, None], kind),
        )
        assert texts(read(path, embedding="embedding"), "trusted_label") == ["1", "3", None]


def test_text_verified_for_numbers_needs_names(tmp_path: Path) -> None:
    data = vectors(tmp_path / "d.parquet", [0, 1, 2, 3])
    trusted = table(tmp_path / "t.parquet", sample_id=["r0", "r3"], trusted_label=["tshirt", "dress"])
    assert "0 would be dress, 1 would be tshirt" in refusal(data, trusted, embedding="embedding")
    (tmp_path / "names.csv").write_text("id,name\n" + "".join(f"{i},{name}\n" for i, name in enumerate(CLOTHES)))
    manifest = read(data, trusted=trusted, embedding="embedding", label_names=str(tmp_path / "names.csv"))
    assert texts(manifest, "given_label") == list(CLOTHES)
    assert manifest.trusted.tolist() == [0, -1, -1, 3]


def test_new_rows_of_a_run_are_read_in_the_same_way_from_tables_and_folders(tmp_path: Path) -> None:
    grades = vectors(tmp_path / "g.parquet", ["2", "4", "1", "1"])
    assert read(grades, classes=GRADES, embedding="embedding").given.tolist() == [1, 3, 0, 0]
    made = make(tmp_path / "images", "a.png", "b.png")
    rows = [{"file_name": name, "label": label} for name, label in zip(made, ["1", "0"], strict=True)]
    write_metadata(tmp_path / "images" / "metadata.csv", rows)
    assert "0 would be cat" in refusal(tmp_path / "images", classes=("cat", "dog"))
    manifest = read(tmp_path / "images", classes=("cat", "dog"), label_names=("dog", "cat"))
    assert texts(manifest, "given_label") == ["cat", "dog"]
    assert manifest.given.tolist() == [0, 1]


def test_labels_of_new_rows_that_look_like_a_class_are_skipped_with_the_reason(tmp_path: Path) -> None:
    path = vectors(tmp_path / "d.parquet", ["cafe\u0301", "fox", "fox", "dog"])
    manifest = read(path, classes=("caf\u00e9", "dog"), embedding="embedding")
    assert texts(manifest, "skip_reason") == ["unknown_class", "unknown_class", "unknown_class", None]
    (notice,) = told(manifest)
    assert (notice.code, notice.severity) == ("labels-look-like-classes", Severity.WARNING)
    assert notice.message.startswith("1 row of ")
    assert "'cafe\\u0301' is spelled 'caf\\xe9' in the dataset (same letters, other Unicode form)." in notice.message
    assert told(read(path, classes=("cat", "dog"), embedding="embedding")) == []


def test_verified_labels_that_only_look_like_classes_are_refused_in_pairs(tmp_path: Path) -> None:
    data = vectors(tmp_path / "d.parquet", ["sea_horse", "007", "zebra"])
    trusted = table(tmp_path / "t.parquet", sample_id=["r0", "r1"], trusted_label=["Sea horse", "7"])
    said = refusal(data, trusted, embedding="embedding")
    assert "'Sea horse' is spelled 'sea_horse' in the dataset (they differ in underscores or hyphens and case)" in said
    assert "'7' is spelled '007' in the dataset (they differ in leading zeros)" in said


def test_a_class_that_no_row_carries_is_declared_by_a_file(tmp_path: Path) -> None:
    data = vectors(tmp_path / "d.parquet", ["ant", "bee", "ant"])
    trusted = table(tmp_path / "t.parquet", sample_id=["r0", "r1"], trusted_label=["zebra", "bee"])
    said = refusal(data, trusted, embedding="embedding")
    assert "holds zebra, and the classes are ant, bee" in said
    assert "declared by a file of all class names, `Columns(label_names=FILE)`" in said
    (tmp_path / "names.txt").write_text("ant\nbee\nzebra\n")
    manifest, _ = both(data, trusted, embedding="embedding", label_names=str(tmp_path / "names.txt"))
    assert manifest.classes == ("ant", "bee", "zebra")
    assert manifest.trusted.tolist() == [2, 1, -1]


def test_metadata_files_of_two_splits_number_the_classes_alike(tmp_path: Path) -> None:
    make(tmp_path, "train/1.png", "test/1.png")
    for split, names in (("train", ["cat", "dog"]), ("test", ["dog", "cat"])):
        table(tmp_path / split / "metadata.parquet", class_names={"label": names}, file_name=["1.png"], label=[0])
    assert "need the same class names" in refusal(tmp_path)


def test_labels_of_two_metadata_files_are_one_column(tmp_path: Path) -> None:
    make(tmp_path, "train/1.png", "train/2.png", "test/1.png")
    write_metadata(
        tmp_path / "train" / "metadata.csv",
        [{"file_name": "1.png", "label": "0"}, {"file_name": "2.png", "label": "1"}],
    )
    write_metadata(tmp_path / "test" / "metadata.csv", [{"file_name": "1.png", "label": "-1"}])
    manifest = read(tmp_path)
    assert manifest.classes == ("0", "1")
    assert texts(manifest, "skip_reason") == ["no_label", None, None]
