"""The column of verified labels is the one that somebody verified, or none is taken."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.sources import read, refusal, table, texts, vectors

GIVEN = ["cat", "dog", "cat", "dog", "bird", "bird"] * 10
TRUE = ["cat", "dog", "dog", "dog", "bird", "cat"] * 10
IDS = [f"r{row}" for row in range(60)]


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return vectors(tmp_path / "d.parquet", GIVEN)


def sheet(folder: Path, **columns: object) -> Path:
    return table(folder / "t.parquet", sample_id=IDS, **columns)


def line(data: Path, trusted: Path, **options: object) -> str:
    """What is told of the verified labels."""
    notices = read(data, trusted=trusted, embedding="embedding", **options).notices
    return next(notice.message for notice in notices if notice.code == "verified-labels")


@pytest.mark.parametrize(
    "name",
    ["correct_label", "trueLabel", "verified", "gold", "y_true", "Reviewed label", "ground_truth", "final-one"],
)
def test_a_column_whose_name_says_so_is_taken_instead_of_a_copy_of_the_given_label(
    tmp_path: Path, data: Path, name: str
) -> None:
    trusted = sheet(tmp_path, label=GIVEN, **{name: TRUE})
    assert texts(read(data, trusted=trusted, embedding="embedding"), "trusted_label") == TRUE
    assert line(data, trusted) == (
        f"Verified labels: column {name!r} of {trusted}, 60 of 60 rows filled; 20 differ from the given label."
    )


def test_a_column_of_an_unknown_name_beside_the_label_column_is_asked_for(tmp_path: Path, data: Path) -> None:
    said = refusal(data, sheet(tmp_path, label=GIVEN, second_look=TRUE), embedding="embedding")
    assert "'label' differs from the given label in 0 of 60 rows" in said
    assert "'second_look' differs from the given label in 20 of 60 rows" in said
    assert "`Columns(trusted=NAME)`" in said


def test_two_columns_that_could_be_the_answer_are_asked_for(tmp_path: Path, data: Path) -> None:
    other = [given if row % 2 else true for row, (given, true) in enumerate(zip(GIVEN, TRUE, strict=True))]
    for columns in ({"label": TRUE, "annotator_2": other}, {"verified": TRUE, "final": other}):
        assert "cannot be told" in refusal(data, sheet(tmp_path, **columns), embedding="embedding")


def test_columns_that_say_the_same_are_one_answer(tmp_path: Path, data: Path) -> None:
    trusted = sheet(tmp_path, verified=TRUE, final=TRUE)
    assert "column 'verified'" in line(data, trusted)


def test_a_copy_of_the_given_label_is_no_rival(tmp_path: Path, data: Path) -> None:
    assert "column 'label'" in line(data, sheet(tmp_path, label=TRUE, old_label=GIVEN))
    assert "column 'trusted_label'" in line(data, sheet(tmp_path, label=GIVEN, trusted_label=TRUE))


def test_what_a_program_says_is_no_answer(tmp_path: Path, data: Path) -> None:
    trusted = sheet(tmp_path, label=TRUE, predicted=[*TRUE[1:], TRUE[0]], suggested_label=TRUE, given_label=GIVEN)
    assert "column 'label'" in line(data, trusted)


def test_numbers_that_only_look_like_classes_are_no_answer(tmp_path: Path) -> None:
    """Who verified is a number from 1 to 3, and so are the classes."""
    codes = {"cat": 1, "dog": 2, "bird": 3}
    data = vectors(tmp_path / "d.parquet", [codes[name] for name in GIVEN])
    trusted = sheet(tmp_path, label=[codes[name] for name in TRUE], annotator=[1 + row // 20 for row in range(60)])
    assert "column 'label'" in line(data, trusted)


def test_the_named_column_is_taken_whatever_else_there_is(tmp_path: Path, data: Path) -> None:
    some = [given if row % 2 else true for row, (given, true) in enumerate(zip(GIVEN, TRUE, strict=True))]
    trusted = sheet(tmp_path, label=TRUE, mine=some)
    assert "column 'mine'" in line(data, trusted, verified="mine")


def test_a_named_column_that_is_not_there_has_no_substitute(tmp_path: Path, data: Path) -> None:
    said = refusal(data, sheet(tmp_path, label=GIVEN, choice=TRUE), embedding="embedding", verified="chioce")
    assert "needs a column called 'chioce'" in said
    assert "Columns that hold classes: 'label', 'choice'" in said


def test_a_named_column_that_repeats_the_given_label_beside_the_answer_is_refused(tmp_path: Path, data: Path) -> None:
    """From fifty rows on: of fewer all may well be right."""
    said = refusal(data, sheet(tmp_path, trusted_label=GIVEN, choice=TRUE), embedding="embedding")
    assert "'trusted_label' differs from the given label in 0 of 60 rows" in said
    few = [label if row < 49 else None for row, label in enumerate(GIVEN)]
    assert "49 of 60 rows filled" in line(data, sheet(tmp_path, trusted_label=few, choice=TRUE))


@pytest.mark.parametrize(
    ("name", "words"),
    [("is_correct", ("yes", "no")), ("verdict", ("ok", "wrong")), ("ok", (1, 0)), ("right", (True, False))],
)
def test_a_sheet_that_judges_labels_without_naming_the_right_one_is_refused(
    tmp_path: Path, data: Path, name: str, words: tuple[object, object]
) -> None:
    judged = [words[given != true] for given, true in zip(GIVEN, TRUE, strict=True)]
    said = refusal(data, sheet(tmp_path, label=GIVEN, **{name: judged}), embedding="embedding")
    assert f"column {name!r} seems to say whether it is right" in said
    assert "repeats the given label in all of 60 rows" in said


def test_columns_of_yes_and_no_about_something_else_are_no_verdict(tmp_path: Path, data: Path) -> None:
    trusted = sheet(tmp_path, label=GIVEN, blurry=["yes", "no"] * 30, correct=["yes"] * 60)
    assert "0 differ from the given label" in line(data, trusted)


def test_a_table_without_any_such_column_says_which_hold_classes(tmp_path: Path, data: Path) -> None:
    said = refusal(data, sheet(tmp_path, choice=TRUE, text=IDS), embedding="embedding")
    assert "needs a column called 'trusted_label'" in said
    assert "Columns that hold classes: 'choice'." in said


def test_the_csv_of_label_studio_is_told_with_what_to_export(tmp_path: Path, data: Path) -> None:
    more = {name: ["1"] * len(IDS) for name in ("annotation_id", "annotator", "lead_time")}
    trusted = sheet(tmp_path, choice=TRUE, **more)
    said = refusal(data, trusted, embedding="embedding")
    assert "It looks like the CSV of Label Studio" in said
    assert "Export JSON there" in said


def test_a_table_of_plan_is_read_whatever_the_column_was_called_before(tmp_path: Path, data: Path) -> None:
    trusted = sheet(
        tmp_path, given_label=GIVEN, trusted_label=TRUE, suggested_label=GIVEN, sample_probability=[1.0] * 60
    )
    assert "column 'trusted_label'" in line(data, trusted, verified="mine")


def test_a_datasets_own_column_that_repeats_the_given_label_beside_the_answer_is_refused(tmp_path: Path) -> None:
    data = vectors(tmp_path / "d.parquet", GIVEN, trusted_label=GIVEN, second_look=TRUE)
    words = refusal(data, embedding="embedding")
    assert "'trusted_label' differs from the given label in 0 of 60 rows" in words
    assert "'second_look' differs from the given label in 20 of 60 rows" in words
    changed = vectors(tmp_path / "d.parquet", GIVEN, trusted_label=[*TRUE[:3], *GIVEN[3:]], second_look=TRUE)
    assert texts(read(changed, embedding="embedding"), "trusted_label")[:3] == TRUE[:3]
    few = vectors(tmp_path / "d.parquet", GIVEN, trusted_label=[*GIVEN[:49], *[None] * 11], second_look=TRUE)
    assert texts(read(few, embedding="embedding"), "trusted_label")[49:] == [None] * 11
