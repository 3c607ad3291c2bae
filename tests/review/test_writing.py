"""`review`: all pages or none, nothing of others replaced, and nothing told that would make a look less blind."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from urllib.parse import unquote

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from support.datasets import image_folder
from support.reports import read_page
from support.reviews import data_of, planned, table_of_bytes

from noisecleaner.api import review
from noisecleaner.errors import NoisecleanerError
from noisecleaner.ingest import Columns, Source
from noisecleaner.review.page import Leaf


@pytest.fixture(scope="module")
def plan(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return planned(tmp_path_factory.mktemp("review"))


def test_a_plan_is_shown_blind(plan: Path, tmp_path: Path) -> None:
    """No id, label of a row or number stands where a person can read it; and what the script knows is only ids."""
    made = review(plan, tmp_path / "verify.html")
    html = made.paths[0].read_text("utf-8")
    table = pq.read_table(plan)
    read, data = read_page(html), data_of(made.paths[0])
    seen = [read.text, *(str(value) for _, attributes in read.tags for value in attributes.values())]
    for row in table.to_pylist():
        assert not [text for text in seen if row["sample_id"] in text.split()]
    assert "alt=" not in html.partition("<script")[0]
    known = {row["sample_id"]: row["trusted_label"] or "" for row in table.to_pylist()}
    chances = {row["sample_id"]: repr(row["sample_probability"]) for row in table.to_pylist()}
    assert data["rows"] == [[name, chances[name], label] for name, label in known.items()]
    assert set(data) == {
        *(
            "kind",
            "key",
            "classes",
            "none",
            "column",
            "weighed",
            "by",
            "rows",
            "prints",
            "shown",
            "lost",
            "table",
            "page",
        ),
        "pages",
    }
    assert (data["kind"], data["by"], data["column"]) == ("audit", "", "trusted_label")


def test_rows_with_an_answer_are_not_shown_and_others_are_shuffled(plan: Path, tmp_path: Path) -> None:
    made = review(plan, tmp_path / "verify.html")
    data = data_of(made.paths[0])
    places = [*data["shown"], *data["lost"]]
    assert sorted(places) == [place for place, row in enumerate(data["rows"]) if not row[2]]
    assert data["shown"] != sorted(data["shown"])
    assert (made.rows, made.known) == (len(data["shown"]), 120)
    assert made.lost == {"unsupported format": len(data["lost"])}
    text = read_page(made.paths[0].read_text("utf-8")).text
    assert "120 more rows of the plan have an answer already" in text
    assert f"{len(data['lost'])} image" in text


def test_equal_plans_give_equal_bytes(plan: Path, tmp_path: Path) -> None:
    one, other = (review(plan, tmp_path / name).paths[0] for name in ("one.html", "other.html"))
    assert one.read_bytes() == other.read_bytes()


def test_many_rows_make_several_pages(plan: Path, tmp_path: Path) -> None:
    whole = data_of(review(plan, tmp_path / "whole.html").paths[0])
    made = review(plan, tmp_path / "verify.html", rows=15)
    assert [path.name for path in made.paths] == ["verify-1.html", "verify-2.html", "verify-3.html"]
    parts = [data_of(path) for path in made.paths]
    assert [place for part in parts for place in part["shown"]] == whole["shown"]
    assert {part["key"] for part in parts} == {whole["key"]}
    assert [(part["page"], part["pages"]) for part in parts] == [(1, 3), (2, 3), (3, 3)]
    assert made.bytes == sum(path.stat().st_size for path in made.paths)


def test_when_one_page_fails_there_is_none(plan: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = Leaf.html

    def second_fails(leaf: Leaf) -> str:
        if leaf.number == 2:
            raise OSError("no space left")
        return real(leaf)

    monkeypatch.setattr(Leaf, "html", second_fails)
    with pytest.raises(OSError, match="no space left"):
        review(plan, tmp_path / "verify.html", rows=15)
    assert list(tmp_path.iterdir()) == []


def test_only_review_pages_are_replaced(plan: Path, tmp_path: Path) -> None:
    review(plan, tmp_path / "verify.html")
    review(plan, tmp_path / "verify.html")
    (tmp_path / "other-2.html").write_text("mine")
    with pytest.raises(NoisecleanerError, match=r"only replaces an earlier review page, but .*other-2\.html"):
        review(plan, tmp_path / "other.html", rows=15)
    assert not (tmp_path / "other-1.html").exists()


@pytest.mark.parametrize("rows", [0, -3])
def test_a_page_has_rows(plan: Path, tmp_path: Path, rows: int) -> None:
    with pytest.raises(NoisecleanerError, match=f"`rows` must be 1 or more, but it is {rows}"):
        review(plan, tmp_path / "verify.html", rows=rows)


def test_images_in_a_table_cannot_be_linked(plan: Path, tmp_path: Path) -> None:
    with pytest.raises(NoisecleanerError, match=r"needs images in files of this machine, but those of .* in the table"):
        review(plan, tmp_path / "verify.html", link_images=True)
    assert list(tmp_path.iterdir()) == []


def test_image_files_are_linked_where_they_lie(tmp_path: Path) -> None:
    image_folder(tmp_path / "data", 9)
    folder = tmp_path / "data" / "red"
    next(folder.iterdir()).rename(folder / "a #1?%&<é>.png")
    ids = sorted(str(path.relative_to(tmp_path / "data")) for path in (tmp_path / "data").rglob("*.png"))
    pq.write_table(
        pa.table({"sample_id": ids, "trusted_label": pa.nulls(len(ids), pa.string())}), tmp_path / "p.parquet"
    )
    (tmp_path / "pages").mkdir()
    made = review(
        tmp_path / "p.parquet", tmp_path / "pages" / "v.html", data=Source(str(tmp_path / "data")), link_images=True
    )
    read = read_page(made.paths[0].read_text("utf-8"))
    linked = [text for text in read.scripts if text.startswith("../data/")]
    data = data_of(made.paths[0])
    assert [unquote(text) for text in linked] == [f"../data/{data['rows'][place][0]}" for place in data["shown"]]
    assert all((tmp_path / "pages" / unquote(text)).exists() for text in linked)
    policies = [str(one["content"]) for one in read.of("meta") if one.get("http-equiv")]
    assert ["img-src 'self' file:;" in policy for policy in policies] == [True]


def test_rows_of_vectors_have_nothing_to_show(tmp_path: Path) -> None:
    table = {"sample_id": ["a", "b"], "label": ["x", "y"], "e": [[1.0, 2.0], [2.0, 1.0]]}
    pq.write_table(pa.table(table), tmp_path / "data.parquet")
    (tmp_path / "plan.csv").write_text("sample_id,trusted_label\na,\nb,\n")
    source = Source(str(tmp_path / "data.parquet"), columns=Columns(embedding="e"))
    with pytest.raises(NoisecleanerError, match="bring vectors and no images"):
        review(tmp_path / "plan.csv", tmp_path / "verify.html", data=source)


def test_images_beside_vectors_are_shown(tmp_path: Path) -> None:
    data, plan = table_of_bytes(tmp_path, ["a", "b"], ["x", "y"])
    table = pq.read_table(data).append_column("e", pa.array(np.eye(2).tolist()))
    pq.write_table(table, data)
    made = review(plan, tmp_path / "verify.html", data=Source(str(data), columns=Columns(embedding="e")))
    assert made.rows == 2
    assert data_of(made.paths[0])["classes"] == ["x", "y"]


def test_paths_may_be_texts_and_torch_is_not_needed(tmp_path: Path) -> None:
    data, plan = table_of_bytes(tmp_path, ["a", "b"], ["x", "y"])
    script = (
        "import sys\nfrom noisecleaner.api import review\n"
        f"review({str(plan)!r}, {str(tmp_path / 'verify.html')!r}, data={str(data)!r})\n"
        "sys.exit('torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == 0
    assert data_of(tmp_path / "verify.html")["classes"] == ["x", "y"]
