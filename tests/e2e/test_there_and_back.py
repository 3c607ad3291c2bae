"""A copy goes to an annotation tool, people change labels there, and what the tool writes comes back as corrections."""

from __future__ import annotations

import json
import re
import zipfile
from collections.abc import Callable
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from support.annotations import annotation
from support.datasets import Command
from support.exports import with_files

#: Rows that people change there -> what they say.
CHANGED = {"00.png": "c", "01.png": "a", "07.png": "c", "19.png": "a"}


def label_studio(copy: Path) -> str:
    tasks = json.loads((copy / "tasks.json").read_text())
    for task in tasks:
        if task["data"]["sample_id"] in CHANGED:
            task["annotations"] = [annotation(CHANGED[task["data"]["sample_id"]])]
    return json.dumps(tasks)


def fiftyone(copy: Path) -> str:
    held = json.loads((copy / "labels.json").read_text())
    told = {key: label for key, label in held["labels"].items() if label["attributes"]["sample_id"] in CHANGED}
    for label in told.values():
        label["label"] = CHANGED[label["attributes"]["sample_id"]]
    return json.dumps({"classes": None, "labels": told})


def cvat(copy: Path) -> str:
    text = zipfile.ZipFile(copy / "dataset.zip").read("annotations.xml").decode()

    def changed(found: re.Match[str]) -> str:
        label = CHANGED.get(found[2])
        return "" if label is None else f'<tag label="{label}" source="manual">{found[1]}{found[2]}</attribute></tag>'

    return re.sub(r'<tag [^>]*>(<attribute name="sample_id">)([^<]*)</attribute>.*?</tag>', changed, text)


@pytest.mark.parametrize(
    ("format", "edit", "name"),
    [("label-studio", label_studio, "x.json"), ("fiftyone", fiftyone, "x.json"), ("cvat", cvat, "x.xml")],
)
def test_what_people_change_there_comes_back(
    command: Command, tmp_path: Path, format: str, edit: Callable[[Path], str], name: str
) -> None:
    run = with_files(tmp_path).run
    table = pq.read_table(tmp_path / "data" / "data.parquet")
    table = table.append_column("sample_id", table["image"])
    pq.write_table(table, tmp_path / "data" / "data.parquet")
    copied = command("export-clean", run, "--out", tmp_path / "copy", "--format", format)
    assert copied.code == 0, copied.err
    (tmp_path / name).write_text(edit(tmp_path / "copy"))
    lines = [f"{row},{label}\n" for row, label in CHANGED.items()]
    (tmp_path / "plain.csv").write_text("".join(["sample_id,corrected_label\n", *lines]))
    copies = []
    for corrections in ("plain.csv", name):
        out = tmp_path / f"clean-{Path(corrections).stem}"
        words = ["export-clean", run, "--out", out, "--format", "csv", "--corrections", tmp_path / corrections]
        outcome = command(*words)
        assert outcome.code == 0, outcome.err
        (written,) = out.rglob("*.csv")
        copies.append(written.read_text())
    assert copies[0] == copies[1]
    assert "00.png,c," in copies[1]
