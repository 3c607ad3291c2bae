"""What says that there is no label says so in every kind of table, and is counted."""

from __future__ import annotations

import json
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.sources import make, read, refusal, table, texts, told, vectors, write_metadata

from noisecleaner.ingest import Manifest
from noisecleaner.ingest.labels.missing import WORDS, missing, missing_notices
from noisecleaner.notices import Severity

#: As programs write a column of four labels of which two are missing.
COLUMNS: dict[str, list[object]] = {
    "numbers": [-1, 0, 1, -1],
    "numbers as text": ["-1", "0", "1", "-1"],
    "pandas floats as text": ["nan", "0.0", "1.0", "NaN"],
    "names": ["nan", "cat", "dog", "None"],
    "names and a number": ["-1", "cat", "dog", "-1"],
    "databases and spreadsheets": ["NULL", "cat", "dog", "#N/A"],
    "blanks": ["", "cat", "dog", "  "],
    "any case": ["NA", "cat", "dog", "n/a "],
}


def written(folder: Path, ending: str, labels: list[object]) -> Manifest:
    """Read labels of four images from a table, or the metadata of an image folder, of one kind."""
    made = make(folder, *(f"{row}.png" for row in range(len(labels))))
    rows = [{"image": name, "sample_id": name, "label": label} for name, label in zip(made, labels, strict=True)]
    path = folder / f"rows.{ending}"
    if ending.startswith("metadata"):
        named = [{"file_name": row["image"], "label": row["label"]} for row in rows]
        write_metadata(folder / ending, named)
        return read(folder)
    if ending == "csv":
        write_metadata(path, rows)
    elif ending == "jsonl":
        path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    else:
        table(path, **{name: [row[name] for row in rows] for name in rows[0]})
    return read(path)


@pytest.mark.parametrize("ending", ["csv", "jsonl", "parquet", "metadata.csv", "metadata.jsonl", "metadata.parquet"])
@pytest.mark.parametrize("kind", COLUMNS)
def test_a_missing_label_is_missing_in_every_kind_of_table(tmp_path: Path, ending: str, kind: str) -> None:
    manifest = written(tmp_path, ending, COLUMNS[kind])
    assert texts(manifest, "skip_reason") == ["no_label", None, None, "no_label"]
    assert manifest.classes in (("0", "1"), ("cat", "dog"))
    assert manifest.given.tolist() == [-1, 0, 1, -1]
    spelled = [label for label in COLUMNS[kind] if str(label).strip() in ("-1", "nan", "NaN", "None", "NULL", "#N/A")]
    (notice,) = [n for n in manifest.notices if n.code == "labels-missing"] if kind != "blanks" else [None]
    if notice is not None and spelled:
        assert f"{2 if kind != 'blanks' else 0} rows" in notice.message


@pytest.mark.parametrize(
    ("labels", "declared", "found"),
    [
        (["-1", "0", "1"], (), {"-1"}),
        (["-1", "1"], (), set()),
        (["-1", "-2", "5"], (), set()),
        (["-1", "cat"], (), {"-1"}),
        (["-1", "nan"], (), {"nan"}),
        (["-1", "nan", "0"], (), {"-1", "nan"}),
        (["-1", "1"], ("1", "2"), {"-1"}),
        (["-1", "1"], ("-1", "1"), set()),
        (["NA", "NL"], (), {"NA"}),
        (["NA", "NL"], ("NA", "NL"), set()),
        (["na", "NaN", ""], ("NA", "NL"), {"NaN", ""}),
        (["None"], ("none", "scratch"), set()),
        ([" NaN ", "x"], (), {" NaN "}),
        (["nana", "nonesuch", "none"], (), set()),
        (["None", "NONE"], (), {"None", "NONE"}),
        ([], (), set()),
    ],
)
def test_minus_one_and_words_are_missing_unless_somebody_has_declared_them(
    labels: list[str], declared: tuple[str, ...], found: set[str]
) -> None:
    assert missing(labels, declared=declared) == found


@given(
    st.sampled_from(sorted(WORDS - {"none"})),
    st.sampled_from([str.upper, str.title, str.lower]),
    st.sampled_from(["", " "]),
)
def test_words_are_missing_in_any_case_and_with_blanks(word: str, case: object, blank: str) -> None:
    spelled = blank + case(word) + blank  # type: ignore[operator]  # a method of str
    assert missing(["cat", spelled]) == {spelled}


def test_a_class_of_such_a_name_is_one_where_class_label_or_the_user_names_it(tmp_path: Path) -> None:
    labels = pa.array(["NA", "NL", "NA"])
    data = table(tmp_path / "d.parquet", sample_id=["a", "b", "c"], label=labels, embedding=[[1.0]] * 3)
    (tmp_path / "names.txt").write_text("NA\nNL\n")
    manifest = read(data, embedding="embedding", label_names=str(tmp_path / "names.txt"))
    assert (manifest.classes, manifest.given.tolist(), told(manifest)) == (("NA", "NL"), [0, 1, 0], [])
    own = table(
        tmp_path / "o.parquet",
        class_names={"label": ["none", "scratch"]},
        sample_id=["a", "b"],
        label=[0, 1],
        embedding=[[1.0]] * 2,
    )
    assert read(own, embedding="embedding").given.tolist() == [0, 1]


def test_a_dataset_of_one_class_and_such_a_word_says_what_became_of_the_word(tmp_path: Path) -> None:
    said = refusal(vectors(tmp_path / "d.parquet", ["None", "scratch", "None"]), embedding="embedding")
    assert "has 1 (scratch). 2 rows of" in said
    assert "carry None as their label: they are read as unlabelled. If one of them is a class" in said


def test_none_in_small_letters_is_a_class_and_that_is_said(tmp_path: Path) -> None:
    manifest = read(vectors(tmp_path / "d.parquet", ["none", "scratch", "none", "None"]), embedding="embedding")
    assert manifest.classes == ("none", "scratch")
    assert manifest.given.tolist() == [0, 1, 0, -1]
    words, name = told(manifest)
    assert (words.code, name.code) == ("labels-missing", "class-called-none")
    assert "2 rows of" in name.message
    assert "it is read as a class. Leave the cells empty" in name.message
    assert name.severity is Severity.WARNING
    said = refusal(tmp_path / "d.parquet", embedding="embedding", label_names=("scratch", "none"))
    assert "'None' is spelled 'none' in `Columns.label_names` (they differ in case)" in said
    declared = vectors(tmp_path / "e.parquet", ["none", "scratch", None])
    assert told(read(declared, embedding="embedding", label_names=("scratch", "none"))) == []


def test_folders_name_classes_whatever_they_are_called(tmp_path: Path) -> None:
    make(tmp_path, "none/a.png", "scratch/b.png", "-1/c.png")
    manifest = read(tmp_path)
    assert manifest.classes == ("-1", "none", "scratch")
    assert manifest.given.tolist() == [0, 1, 2]
    assert told(manifest) == []


def test_a_notice_counts_the_rows_and_says_how_to_declare_a_class() -> None:
    (words,) = missing_notices({"nan": 40, "None": 8, "": 5}, "d.csv")
    assert words.message.startswith("48 rows of d.csv carry None, nan as their label: they are read as unlabelled.")
    assert "`Columns(label_names=FILE)`" in words.message
    assert words.severity is Severity.WARNING
    (number,) = missing_notices({"-1": 48}, "d.csv")
    assert number.message == "48 rows of d.csv carry -1 as their label: they are read as unlabelled."
    assert number.severity is Severity.NOTE
    assert missing_notices({"": 3, " ": 1}, "d.csv") == ()
