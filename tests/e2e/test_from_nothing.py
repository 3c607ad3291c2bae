"""The README's lines from no verified label to a gate, typed as they stand; what a person does, keys do."""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from support.browser import needs_browser, opened, playwright
from support.datasets import SAMPLE, Command
from support.reviews import data_of, keys_of

from noisecleaner.networks.backbones.efficientnet_lite import installed

pytestmark = [
    needs_browser,
    pytest.mark.skipif(not installed(), reason="the README's lines need the extra `pretrained`"),
]
#: Enough for 300 rows to be drawn, and few enough for a moment.
IMAGES = 700


def lines() -> list[list[str]]:
    (block,) = re.findall(r"```bash\n(.*?)```", (SAMPLE.parent / "README.md").read_text("utf-8"), flags=re.DOTALL)
    return [shlex.split(line, comments=True)[1:] for line in block.splitlines()]


def image_folder(folder: Path) -> dict[str, str]:
    """Write the sample data as an image folder; return the path of each image below it, and what it shows."""
    table, true = pq.read_table(SAMPLE / "cifar10n.parquet").slice(0, IMAGES), pq.read_table(SAMPLE / "truth.parquet")
    names = json.loads(table.schema.metadata[b"huggingface"])["info"]["features"]["label"]["names"]
    shows = dict(zip(true["sample_id"].to_pylist(), true["true_label"].to_pylist(), strict=True))
    truth = {}
    for row in table.select(["sample_id", "image", "label"]).to_pylist():
        path = f"{names[row['label']]}/{row['sample_id']}.png"
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(row["image"]["bytes"])
        truth[path] = shows[row["sample_id"]]
    return truth


def answer(browser: playwright.Browser, page: Path, truth: dict[str, str]) -> None:
    """Answer every image of a page with what is true, and save the file beside it."""
    data = data_of(page)
    classes, digits = data["classes"], keys_of(data["classes"])
    with opened(browser, page) as tab:
        for row in data["shown"]:
            path, *labels = data["rows"][row]
            right = truth[path]
            keys = [digits[right]]
            if data["kind"] == "fix":
                places = [None if place is None else classes[place] for place in labels[:2]]
                keys = [str(places.index(right) + 1)] if right in places else ["/", *right, "Enter"]
            tab.page.wait_for_function("document.querySelector('#rv-image img').complete")
            for key in keys:
                tab.page.keyboard.press(key)
        assert tab.calm
        tab.page.fill("#rv-name", "Ada")
        tab.downloaded("#rv-download", page.parent)


def test_the_lines_lead_from_no_verified_label_to_a_gate(
    browser: playwright.Browser, command: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    truth = image_folder(tmp_path / "images")
    said = {}
    for words in lines():
        outcome = command(*words)
        assert outcome.code == 0, (words, outcome.err)
        said[words[0], "--flagged" in words or "--corrections" in words] = outcome.out
        if words[0] == "review":
            answer(browser, tmp_path / words[words.index("--out") + 1], truth)
    wrong = sum(path.split("/")[0] != label for path, label in truth.items()) / len(truth)
    overall = json.loads((tmp_path / "runs" / "first" / "noise.json").read_text())["overall"]
    assert overall["low"] < wrong < overall["high"]
    assert overall["audited"] == 300
    assert re.search(r"Fixed +\d+ labels corrected, \d+ kept; reviewers agreed .* rates unchanged", said["score", True])
    # what was verified or corrected is right, and so is most of what was neither
    left = [path.relative_to(tmp_path / "clean") for path in (tmp_path / "clean").rglob("*.png")]
    assert len(left) > 0.6 * IMAGES
    shows = {path.split("/")[1]: label for path, label in truth.items()}
    assert sum(path.parts[0] != shows[path.name] for path in left) / len(left) < 0.1
