"""`report`: both files or none, nothing of others replaced, and pictures of the right rows or none."""

from __future__ import annotations

import base64
import json
import os
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from support.datasets import Command
from support.outcomes import refused
from support.reports import make_scored, photograph, read_page

from noisecleaner.api import report, score
from noisecleaner.errors import NoisecleanerError
from noisecleaner.ingest import Columns
from noisecleaner.pages.pictures import thumbnails
from noisecleaner.report import writing
from noisecleaner.report.gallery import CARD
from noisecleaner.report.writing import shown
from noisecleaner.runs.scored_run import ScoredRun
from noisecleaner.tables import SCORES, write_table


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_scored(tmp_path_factory.mktemp("written"))


def pictures(page: Path) -> dict[str, str]:
    """Id of a row -> its picture."""
    images = read_page(page.read_text("utf-8")).of("img")
    return {str(image["alt"]).removeprefix("Image of "): str(image["src"]) for image in images}


def test_it_writes_a_page_and_its_numbers(run: Path, tmp_path: Path) -> None:
    made = report(run, tmp_path / "report.html")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["report.html", "report.json"]
    assert (made.path, made.numbers) == (tmp_path / "report.html", tmp_path / "report.json")
    content = json.loads(made.numbers.read_text("utf-8"))
    assert (content["kind"], content["schema_version"]) == ("noisecleaner-report", 1)
    assert content["noise"] == json.loads((run / "noise.json").read_text())["overall"]
    assert made.rows == len(content["gallery"]["rows"]) == 200
    assert made.bytes == made.path.stat().st_size < 500_000


def test_rows_have_their_own_pictures_and_broken_ones_none(run: Path, tmp_path: Path) -> None:
    made = report(run, tmp_path / "report.html", rows=60)
    found = pictures(made.path)
    ids = [row["sample_id"] for row in json.loads(made.numbers.read_text())["gallery"]["rows"]]
    readable = [id for id in ids if int(id[1:]) % 10 != 3]
    assert made.pictures == len(readable) < len(ids) == 60
    assert list(found) == readable
    assert made.path.read_text("utf-8").count(">no picture: unsupported format<") == 60 - len(readable)

    class Own:
        def read(self, rows: object) -> object:
            return iter((int(row), photograph(int(row) % 7, (40, 30))) for row in rows)  # type: ignore[attr-defined]  # numbers

    rows = np.array(sorted(int(id[1:]) for id in readable))
    for row, picture in thumbnails(Own(), rows, size=CARD):  # type: ignore[arg-type]  # as read
        assert found[f"r{row}"] == picture.data  # type: ignore[union-attr]  # it can be read


def test_equal_runs_give_equal_bytes(run: Path, tmp_path: Path) -> None:
    one, other = (report(run, tmp_path / name) for name in ("one.html", "other.html"))
    assert one.path.read_bytes() == other.path.read_bytes()
    assert one.numbers.read_bytes() == other.numbers.read_bytes()


def test_the_day_is_told_where_it_is_set(run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "86400")
    assert "1970-01-02" in report(run, tmp_path / "report.html", images=False).path.read_text("utf-8")


def test_without_images_nothing_is_decoded(run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writing, "read_manifest", None)
    made = report(run, tmp_path / "report.html", images=False)
    assert (made.rows, made.pictures, made.note) == (200, 0, "")
    assert "data:image" not in made.path.read_text("utf-8")


def test_photographs_keep_the_page_small(run: Path, tmp_path: Path) -> None:
    shutil.copytree(run.parent, tmp_path / "photos")
    table = pq.read_table(run.parent / "data.parquet")
    many = [photograph(row) for row in range(20)]
    images = pa.array([many[row % 20] for row in range(len(table))])
    pq.write_table(table.set_column(2, "image", images), tmp_path / "photos" / "data.parquet")
    made = report(run, tmp_path / "report.html", data=str(tmp_path / "photos" / "data.parquet"))
    assert made.pictures == 200
    assert made.bytes <= 500_000


@pytest.mark.parametrize("name", ["report.html", "report.json"])
def test_what_is_no_report_is_not_replaced(run: Path, tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text('{"kind": "something else"}')
    with pytest.raises(NoisecleanerError, match=f"only replaces an earlier report, but .*{name} is something else"):
        report(run, tmp_path / "report.html")
    assert [path.name for path in tmp_path.iterdir()] == [name]
    assert (tmp_path / name).read_text() == '{"kind": "something else"}'


def test_an_earlier_report_is_replaced(run: Path, tmp_path: Path) -> None:
    before = report(run, tmp_path / "report.html", rows=5).bytes
    assert report(run, tmp_path / "report.html", rows=20).bytes > before
    assert len(list(tmp_path.iterdir())) == 2


def test_when_it_fails_what_was_there_stays(run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    report(run, tmp_path / "report.html", rows=5)
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}

    def full(*_: object) -> None:
        raise OSError("no space left")

    monkeypatch.setattr(writing, "write_json", full)
    with pytest.raises(OSError, match="no space left"):
        report(run, tmp_path / "report.html", rows=20)
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before


@pytest.mark.parametrize(
    ("out", "said"),
    [("report.json", "HTML file"), ("report", "HTML file"), ("run.html/report.html", "run.html is no folder")],
)
def test_outputs_that_cannot_be_are_refused(run: Path, tmp_path: Path, out: str, said: str) -> None:
    (tmp_path / "run.html").touch()
    with pytest.raises(NoisecleanerError, match=said):
        report(run, tmp_path / out)
    assert [path.name for path in tmp_path.iterdir()] == ["run.html"]


def test_folders_above_a_report_are_made(run: Path, tmp_path: Path) -> None:
    report(run, tmp_path / "no" / "such" / "report.html", rows=0)
    assert sorted(path.name for path in (tmp_path / "no" / "such").glob("[!.]*")) == ["report.html", "report.json"]


def test_a_negative_number_of_rows_is_refused(run: Path, tmp_path: Path) -> None:
    with pytest.raises(NoisecleanerError, match="`rows` must be 0 or more, but it is -1"):
        report(run, tmp_path / "report.html", rows=-1)


def test_no_rows_are_shown_where_none_are_asked_for(run: Path, tmp_path: Path) -> None:
    page = report(run, tmp_path / "report.html", rows=0).path.read_text("utf-8")
    assert "Rows to look at first" not in page
    assert "No row has a score" not in page


def test_a_dataset_that_is_gone_or_changed_is_not_shown(run: Path, tmp_path: Path) -> None:
    made = report(run, tmp_path / "gone.html", data=str(tmp_path / "gone.parquet"))
    assert made.pictures == 0
    assert "Images are not shown" in made.note
    assert made.note.split(":")[0] in read_page(made.path.read_text("utf-8")).text
    table = pq.read_table(run.parent / "data.parquet")
    pq.write_table(table.slice(1), tmp_path / "other.parquet")
    made = report(run, tmp_path / "other.html", data=str(tmp_path / "other.parquet"))
    assert (made.pictures, "sample ids have changed since" in made.note) == (0, True)


def test_it_works_without_calibration_and_without_verified_rows(tmp_path: Path) -> None:
    run = make_scored(tmp_path, audited=0, model="uncalibrated")
    text = read_page(report(run, tmp_path / "report.html").path.read_text("utf-8")).text
    assert "Unknown. Nobody has measured how many labels" in text
    assert "ranking of what to look at first, and no finding" in text


def test_vectors_have_no_pictures_and_the_summary_shows_itself(
    fitted: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(fitted)
    shutil.copytree("run", tmp_path / "run")
    summary = score(tmp_path / "run")
    made = report(tmp_path / "run", tmp_path / "report.html")
    assert (made.pictures, made.rows) == (0, 200)
    assert "there are no images to show" in made.note
    html = summary._repr_html_()
    assert html == shown(tmp_path / "run")
    assert f"{100 * (summary.noise.overall.value or 0):.1f} %" in read_page(html).text
    assert ScoredRun(tmp_path / "run").summary()._repr_html_() is None


def test_new_rows_are_reported_too(
    fitted: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: Command
) -> None:
    monkeypatch.chdir(fitted)
    out = tmp_path / "new"
    words = ("--data", "data.parquet", "--embedding-column", "embedding", "--out", out)
    assert command("score", "run", *words).code == 0
    outcome = command("report", out, "--out", tmp_path / "report.html", "--rows", 7)
    assert outcome.code == 0, outcome.err
    assert f"Wrote {tmp_path / 'report.html'} (7 rows; " in outcome.out
    assert "Warning" in outcome.err
    assert os.path.exists(tmp_path / "report.json")


def test_pictures_are_webp(run: Path, tmp_path: Path) -> None:
    page = report(run, tmp_path / "report.html", rows=4).path
    for source in pictures(page).values():
        assert base64.b64decode(source.partition(",")[2])[8:12] == b"WEBP"


def test_embeddings_beside_images_find_rows_that_look_alike(tmp_path: Path) -> None:
    run = make_scored(tmp_path)
    np.save(tmp_path / "vectors.npy", np.random.default_rng(0).normal(size=(300, 6)).astype(np.float32))
    scored = ScoredRun(run)
    source = replace(scored.metadata.source, columns=Columns(embedding=str(tmp_path / "vectors.npy")))
    metadata = replace(scored.metadata, source=source, contents=()).to_json()
    write_table(run / "scores.parquet", [scored.scores()], SCORES, metadata)
    (run / "scores-manifest.json").unlink()
    made = report(run, tmp_path / "report.html", rows=20)
    images = read_page(made.path.read_text("utf-8")).of("img")
    assert made.pictures == sum(image["width"] == "96" for image in images) > 10
    assert sum(image["width"] == "44" for image in images) > 50


@pytest.mark.parametrize("out", ["", ".", "/", ".."])
def test_a_report_without_a_name_is_refused(fitted: Path, command: Command, out: str) -> None:
    assert command("score", fitted / "run", "-q").code == 0
    refused(command("report", fitted / "run", "--out", out), "End its name with .html")
