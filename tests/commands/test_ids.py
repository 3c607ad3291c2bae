"""`noisecleaner ids`: one id a line, in the order of the rows, and nothing else."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from support.asking import Asked
from support.datasets import Command
from support.outcomes import refused
from support.sources import make, table

from noisecleaner.ingest import Columns, Source


def test_the_options_of_rows_reach_the_library(asked: Asked) -> None:
    words = ["--id-column", "key", "--image-column", "file", "--row-ids", "--allow-absolute"]
    call = asked("ids", "ids", "data", *words)
    columns = Columns(sample_id="key", image="file", row_ids=True)
    assert call.positional == (Source("data", columns=columns, allow_absolute=True),)
    assert asked("ids", "ids", "data").positional == (Source("data"),)


def test_each_id_is_a_line(command: Command, tmp_path: Path) -> None:
    make(tmp_path, "b/2.png", "a/10.png", "a/9 ü.png")
    outcome = command("ids", tmp_path)
    assert (outcome.code, outcome.err) == (0, "")
    assert outcome.out == "a/10.png\na/9 ü.png\nb/2.png\n"


def test_more_ids_than_are_written_at_a_time(command: Command, tmp_path: Path) -> None:
    table(tmp_path / "d.parquet", sample_id=list(range(25_001)))
    assert command("ids", tmp_path / "d.parquet").out == "".join(f"{row}\n" for row in range(25_001))


def test_what_cannot_be_listed_is_refused(command: Command, tmp_path: Path) -> None:
    table(tmp_path / "d.parquet", key=[1, 2])
    refused(command("ids", tmp_path / "d.parquet"), "no column 'sample_id'", "--id-column NAME", "--row-ids")
    refused(command("ids", tmp_path / "gone"), "gone is nothing")


def test_a_reader_that_stops_early_is_no_error(tmp_path: Path) -> None:
    table(tmp_path / "d.parquet", sample_id=list(range(200_000)))
    line = f"{sys.executable} -m noisecleaner ids {tmp_path}/d.parquet | head -1; exit ${{PIPESTATUS[0]}}"
    done = subprocess.run(["bash", "-c", line], capture_output=True, text=True, check=False)
    assert (done.stdout, done.stderr) == ("0\n", "")
    assert done.returncode == 141


def test_torch_is_not_imported(tmp_path: Path) -> None:
    table(tmp_path / "d.parquet", sample_id=[1, 2])
    code = (
        "import sys; from noisecleaner.api import ids, Source; "
        f"print(list(ids(Source({str(tmp_path / 'd.parquet')!r}))), 'torch' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.stdout == "['1', '2'] False\n"
