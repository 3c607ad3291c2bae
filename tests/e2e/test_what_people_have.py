"""Verified labels and corrections as annotation tools and spreadsheets write them: the same as from a plain table."""

from __future__ import annotations

import csv
import io
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from support.annotations import WRITERS, annotation, image, task
from support.datasets import Command, embeddings, image_folder
from support.tables import WRITERS as TABLES

from noisecleaner.cli import main

FIT = ["--embedding-column", "embedding", "--epochs", "2", "--folds", "3", "--out", "run"]


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A fitted run; ids are paths, and the names of files are unique in folder `a` and not in `b` and `c`."""
    folder = tmp_path_factory.mktemp("have")
    truth = embeddings(folder / "data.parquet", rows=240)
    names = [
        f"a/{row:04d}.png" if row % 2 else f"{'bc'[row // 2 % 2]}/{row // 4:04d}x.png" for row in range(len(truth))
    ]
    table = pq.read_table(folder / "data.parquet")
    table = table.set_column(table.schema.get_field_index("sample_id"), "sample_id", pa.array(names))
    pq.write_table(table, folder / "data.parquet")
    answers = dict(zip(names, truth.values(), strict=True))
    (folder / "truth.json").write_text(json.dumps(answers))
    pq.write_table(
        pa.table({"sample_id": names[::4], "trusted_label": list(answers.values())[::4]}), folder / "t.parquet"
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        with pytest.raises(SystemExit) as stop:
            main(["fit", "data.parquet", "--trusted", "t.parquet", *FIT])
    assert stop.value.code == 0
    return folder


@pytest.fixture
def truth(home: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """Verified labels of half of the rows, those in `b` and `c`, in the working folder."""
    monkeypatch.chdir(home)
    return dict(list(json.loads(Path("truth.json").read_text()).items())[::2])


@pytest.fixture
def scored(command: Command) -> Callable[[str], tuple[Any, str]]:
    def run(trusted: str) -> tuple[Any, str]:
        outcome = command("score", "run", "--trusted", trusted)
        assert outcome.code == 0, outcome.err
        noise = json.loads(Path("run/noise.json").read_text())
        scores = pq.read_table("run/scores.parquet").select(["sample_id", "trusted_label", "label_quality"])
        return (noise["overall"], noise["per_given_class"], scores.to_pylist()), outcome.err + outcome.out

    return run


def plain(truth: dict[str, str], delimiter: str = ",") -> str:
    text = io.StringIO()
    csv.writer(text, delimiter=delimiter).writerows([("sample_id", "trusted_label"), *truth.items()])
    return text.getvalue()


@pytest.mark.parametrize("name", [name for name in WRITERS if name != "dropped-in"])
@pytest.mark.parametrize("before", ["", "/srv/media/"])
def test_annotation_tools_say_the_same_as_a_table(
    scored: Callable[[str], tuple[Any, str]], truth: dict[str, str], name: str, before: str
) -> None:
    Path("v.csv").write_text(plain(truth))
    expected, _ = scored("v.csv")
    ending = ".xml" if name == "cvat" else ".json"
    Path(f"v{ending}").write_text(WRITERS[name]({f"{before}{path}": label for path, label in truth.items()}))
    found, err = scored(f"v{ending}")
    assert found == expected
    joined = f"{len(truth)} verified rows of" in err
    assert joined == bool(before or name == "fiftyone")  # whole paths are ids, others are told


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_spreadsheets_say_the_same(
    scored: Callable[[str], tuple[Any, str]], truth: dict[str, str], delimiter: str
) -> None:
    Path("v.csv").write_text(plain(truth))
    expected, _ = scored("v.csv")
    Path("v.csv").write_text("\ufeff" + plain(truth, delimiter), "utf-8")
    Path("v.tsv").write_text(plain(truth, "\t"))
    table = pa.table({"sample_id": list(truth), "trusted_label": list(truth.values())})
    Path("v.xlsx").write_bytes(TABLES[".xlsx"](table))
    for name in ("v.csv", "v.tsv", "v.xlsx"):
        assert scored(name)[0] == expected


@pytest.mark.parametrize(
    "written",
    ["/data/local-files/?d=media/{}", "https://bucket.example/x/{}?sig=a%2Fb", "s3://bucket/x/{}", "C:\\x\\{}"],
)
def test_names_of_files_join_however_a_tool_writes_them(
    scored: Callable[[str], tuple[Any, str]], truth: dict[str, str], written: str
) -> None:
    tasks = [task(written.format(path), annotation(label)) for path, label in truth.items()]
    Path("v.json").write_text(json.dumps(tasks))
    _, err = scored("v.json")
    assert f"joined to rows of the dataset: 0 by id, {len(truth)} by path" in " ".join(err.split())


def test_uploads_join_by_the_name_behind_their_prefix(
    scored: Callable[[str], tuple[Any, str]], truth: dict[str, str], command: Command
) -> None:
    some = {path: label for path, label in json.loads(Path("truth.json").read_text()).items() if path.startswith("a/")}
    tasks = [
        task(f"/data/upload/12/ab12cd{number % 90 + 10}-{path[2:]}", annotation(label))
        for number, (path, label) in enumerate(some.items())
    ]
    Path("v.json").write_text(json.dumps(tasks))
    _, err = scored("v.json")
    assert f"0 by id, {len(some)} by file name" in " ".join(err.split())
    # names that are not unique are nobody's
    Path("v.json").write_text(json.dumps([task("/data/upload/12/ab12cd34-0003x.png", annotation("red"))]))
    outcome = command("score", "run", "--trusted", "v.json")
    assert outcome.code == 2
    assert "'/data/upload/12/ab12cd34-0003x.png'" in outcome.err


def test_ids_that_are_names_of_files_join_where_they_are_unique(
    scored: Callable[[str], tuple[Any, str]], truth: dict[str, str]
) -> None:
    some = {path: label for path, label in json.loads(Path("truth.json").read_text()).items() if path.startswith("a/")}
    Path("v.csv").write_text(plain({path[2:]: label for path, label in some.items()}))
    _, err = scored("v.csv")
    assert f"0 by id, {len(some)} by file name" in " ".join(err.split())


def test_an_old_encoding_is_read_and_told(scored: Callable[[str], tuple[Any, str]], truth: dict[str, str]) -> None:
    Path("v.csv").write_text(plain(truth))
    expected, _ = scored("v.csv")
    lines = [f"{path};{label};caf\u00e9" for path, label in truth.items()]
    Path("v.csv").write_text("\n".join(["sample_id;trusted_label;note", *lines]), "cp1252")
    found, err = scored("v.csv")
    assert found == expected
    assert "is not UTF-8 (byte 0xE9 in line 2); it was read as cp1252" in " ".join(err.split())


def test_a_workbook_may_be_the_dataset_and_its_corrections(command: Command, tmp_path: Path) -> None:
    image_folder(tmp_path / "images", rows=60)
    names = sorted(path.relative_to(tmp_path).as_posix() for path in (tmp_path / "images").rglob("*.png"))
    labels = [name.split("/")[1] for name in names]
    (tmp_path / "d.xlsx").write_bytes(TABLES[".xlsx"](pa.table({"image": names, "label": labels})))
    some = pa.table({"sample_id": names[::7], "corrected_label": ["red"] * len(names[::7])})
    (tmp_path / "c.xlsx").write_bytes(TABLES[".xlsx"](some))
    words = ["--method", "uniform", "--epochs", "1", "--folds", "3", "--out", tmp_path / "run"]
    fitted = command("fit", tmp_path / "d.xlsx", "--corrections", tmp_path / "c.xlsx", *words)
    assert fitted.code == 0, fitted.err
    assert f"{len(some)} corrections from the column corrected_label" in fitted.err


def test_without_openpyxl_a_workbook_is_refused(
    command: Command, truth: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    Path("w.xlsx").write_bytes(TABLES[".xlsx"](pa.table({"sample_id": ["a"], "trusted_label": ["red"]})))
    monkeypatch.setitem(sys.modules, "openpyxl", None)
    outcome = command("score", "run", "--trusted", "w.xlsx")
    assert outcome.code == 2
    assert "pip install 'noisecleaner[excel]'" in outcome.err
    assert "CSV UTF-8" in outcome.err


def test_two_people_are_second_looks(scored: Callable[[str], tuple[Any, str]], truth: dict[str, str]) -> None:
    twice = list(truth.items())[:40]
    tasks = [
        task(path, annotation(label, by=1), *([annotation(label, by=2)] if (path, label) in twice else []))
        for path, label in truth.items()
    ]
    Path("v.json").write_text(json.dumps(tasks))
    _, err = scored("v.json")
    assert "Cohen" in err or "40" in err
    seen = pq.read_table("run/scores.parquet")["second_label"]
    assert len(seen) - seen.null_count == 40


@pytest.mark.parametrize("column", ["verifier", "annotator"])
def test_a_column_says_who_verified(
    scored: Callable[[str], tuple[Any, str]], truth: dict[str, str], column: str
) -> None:
    lines = [f"{path},{label},{who}" for path, label in truth.items() for who in ("eva", "jan")]
    Path("v.csv").write_text("\n".join([f"sample_id,trusted_label,{column}", *lines]))
    scored("v.csv")
    seen = pq.read_table("run/scores.parquet")["second_label"]
    assert len(seen) - seen.null_count == len(truth)


@pytest.mark.parametrize("name", [name for name in WRITERS if name != "dropped-in"])
def test_corrections_of_annotation_tools(command: Command, truth: dict[str, str], tmp_path: Path, name: str) -> None:
    some = dict(list(truth.items())[:20])
    ending = ".xml" if name == "cvat" else ".json"
    copies = []
    Path("c.csv").write_text(plain(some).replace("trusted_label", "corrected_label"))
    Path(f"c{ending}").write_text(WRITERS[name](some))
    for file in ("c.csv", f"c{ending}"):
        out = tmp_path / f"clean{len(copies)}"
        outcome = command("export-clean", "run", "--out", out, "--corrections", file)
        assert outcome.code == 0, outcome.err
        (written,) = out.rglob("*.parquet")
        copies.append(pq.read_table(written).to_pylist())
    assert copies[0] == copies[1]


def test_blanks_and_case_of_labels_are_matched(scored: Callable[[str], tuple[Any, str]], truth: dict[str, str]) -> None:
    Path("v.json").write_text(WRITERS["label-studio"]({path: f" {label.upper()}" for path, label in truth.items()}))
    found, err = scored("v.json")
    Path("v.csv").write_text(plain(truth))
    assert found == scored("v.csv")[0]
    assert "v.json, column 'trusted_label' are read as classes that are spelled otherwise" in " ".join(err.split())
    assert "' RED' is spelled 'red' in the dataset (they differ in blanks and case)" in " ".join(err.split())


def test_an_export_is_no_dataset(command: Command, truth: dict[str, str]) -> None:
    Path("d.json").write_text(WRITERS["label-studio"](truth))
    Path("d.xml").write_text(WRITERS["cvat"](truth))
    for name in ("d.json", "d.xml"):
        outcome = command("fit", name, "--trusted", "t.parquet", "--out", "other")
        assert outcome.code == 2
        assert "--trusted FILE or --corrections FILE" in outcome.err


def test_hostile_files_end_in_a_paragraph(command: Command, truth: dict[str, str]) -> None:
    box = '<box label="cat" xtl="1" ytl="1" xbr="2" ybr="2"></box>'
    Path("b.xml").write_text(f"<annotations><meta/>{image('a.png', box)}</annotations>")
    Path("e.xml").write_text('<!DOCTYPE a [<!ENTITY e "x">]><annotations>&e;</annotations>')
    Path("n.json").write_text('{"a":' * 100_000)
    Path("n.jsonl").write_text('{"a":' * 100_000 + "1" + "}" * 100_000)
    for name, says in {"b.xml": "1 box", "e.xml": "entities", "n.json": "brackets", "n.jsonl": "brackets"}.items():
        outcome = command("score", "run", "--trusted", name)
        assert outcome.code == 2, outcome.err
        assert says in outcome.err
