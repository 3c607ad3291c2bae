"""Label Studio: the tasks and the interface that its SDK accepted, and the SDK itself where it is installed."""

from __future__ import annotations

import json
from pathlib import Path
from urllib.parse import parse_qs, urlsplit
from xml.dom.minidom import parseString

import pytest
from support.datasets import Command
from support.exports import Row, by_hand
from support.interop import CLASSES, CONTENTS, LABELS, exported, read_by

GOLDEN = Path(__file__).parent / "golden"
READ = """
import json, sys
from label_studio_sdk.converter import Converter
from label_studio_sdk.label_interface import LabelInterface
config = open(sys.argv[1] + "/label_config.xml", encoding="utf-8").read()
tasks = json.load(open(sys.argv[1] + "/tasks.json", encoding="utf-8"))
interface = LabelInterface(config)
predictions = [prediction for task in tasks for prediction in task["predictions"]]
wrong = [error for prediction in predictions for error in interface.validate_prediction(prediction, return_errors=True)]
done = [{**task, "id": n, "annotations": [{"id": n, **task["predictions"][0]}]} for n, task in enumerate(tasks)]
json.dump(done, open(sys.argv[2], "w"))
Converter(config, sys.argv[1], download_resources=False).convert_to_json_min(sys.argv[2], sys.argv[3], is_dir=False)
converted = json.load(open(sys.argv[3] + "/result.json", encoding="utf-8"))
print(json.dumps({"wrong": wrong, "labels": list(interface.get_control("label").labels), "converted": converted}))
"""


def test_tasks_and_interface_are_those_that_label_studio_accepted(tmp_path: Path, command: Command) -> None:
    out = exported(tmp_path, command, "label-studio")
    for name in ("tasks.json", "label_config.xml"):
        assert (out / name).read_text("utf-8") == (GOLDEN / f"label-studio-{name}").read_text("utf-8")


def test_tasks_name_their_images_their_columns_and_the_open_question(tmp_path: Path, command: Command) -> None:
    out = exported(tmp_path, command, "label-studio")
    tasks = json.loads((out / "tasks.json").read_text("utf-8"))
    contents = {}
    for task in tasks:
        (place,) = parse_qs(urlsplit(task["data"]["image"]).query)["d"]
        contents[task["data"]["sample_id"]] = (out / place).read_bytes()
    assert contents == CONTENTS
    (flagged,) = [task for task in tasks if task["data"]["nc_flagged"]]
    (prediction,) = flagged["predictions"]
    assert prediction["score"] == 0.75
    assert flagged["data"]["nc_given_label"] == CLASSES[1]
    config = parseString((out / "label_config.xml").read_bytes())  # noqa: S318  # ours
    choices = [choice.getAttribute("value") for choice in config.getElementsByTagName("Choice")]
    assert prediction["result"][0]["value"]["choices"] == [choices[2]]
    assert choices == [CLASSES[0], CLASSES[1], "a\ufffdb c", CLASSES[3]]
    ids = [prediction["result"][0]["id"] for task in tasks for prediction in task["predictions"]]
    assert len(set(ids)) == 12


def test_a_column_called_image_and_names_of_any_letters_are_kept(tmp_path: Path, command: Command) -> None:
    rows = [Row("1", "a", path="a b+c#?&é.png"), Row("2", "b")]
    scored = by_hand(tmp_path, rows, note=["x", "y"])
    out = tmp_path / "out"
    assert command("export-clean", scored.run, "--out", out, "--format", "label-studio").code == 0
    (first, _) = json.loads((out / "tasks.json").read_text("utf-8"))
    (place,) = parse_qs(urlsplit(first["data"]["image"]).query)["d"]
    assert (out / place).is_file()
    assert first["data"]["nc_path"] == "a b+c#?&é.png"


@pytest.mark.interop
def test_label_studio_accepts_every_prediction_and_gives_back_the_labels(tmp_path: Path, command: Command) -> None:
    out = exported(tmp_path, command, "label-studio")
    told = read_by("label_studio_sdk", READ, out, tmp_path / "done.json", tmp_path / "converted")
    assert told["wrong"] == []
    names = dict(zip(told["labels"], CLASSES, strict=True))
    rows = {row["sample_id"]: row for row in told["converted"]}
    assert {name: names[row["label"]] for name, row in rows.items()} == {**LABELS, "id 5": CLASSES[2]}
    assert [rows["id 5"][key] for key in ("split", "number", "ratio", "a.b", "tags")] == ["test", 4, 1.5, [1, 2], True]
