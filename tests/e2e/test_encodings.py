"""Streams that cannot say a class's name: the text is escaped, and each command ends as it would elsewhere."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from support.datasets import embeddings, image_folder, write_trusted

#: Runs commands one after the other, as a shell would, in one process; writes down their exit codes.
_SHELL = """
import json, sys
from noisecleaner.cli import main
codes = []
for words in json.loads(sys.argv[1]):
    print("$", words[0], flush=True)
    try:
        main(words)
    except SystemExit as stop:
        codes.append(int(stop.code or 0))
    sys.stdout.flush()
print(json.dumps(codes), file=open(sys.argv[2], "w"))
"""
_NAMES = {"blue": "mücke", "green": "日本", "red": "horse"}


def run(folder: Path, commands: list[list[str]], **variables: str) -> tuple[list[int], bytes, bytes]:
    """Run commands in another process below `folder`; their exit codes, stdout and stderr."""
    words = [sys.executable, "-c", _SHELL, json.dumps(commands), str(folder / "codes.json")]
    done = subprocess.run(words, cwd=folder, env={**os.environ, **variables}, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads((folder / "codes.json").read_text()), done.stdout, done.stderr


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Embeddings of classes with names that are no ASCII, and verified labels."""
    truth = embeddings(tmp_path / "data.parquet", rows=300)
    table = pq.read_table(tmp_path / "data.parquet")
    labels = pa.array([_NAMES[label] for label in table["label"].to_pylist()])
    pq.write_table(table.set_column(table.schema.get_field_index("label"), "label", labels), tmp_path / "data.parquet")
    write_trusted(tmp_path / "trusted.parquet", {i: _NAMES[label] for i, label in truth.items()})
    return tmp_path


@pytest.mark.parametrize("encoding", ["ascii", "cp1252"])
def test_every_command_escapes_what_its_streams_cannot_say(folder: Path, encoding: str) -> None:
    rows = ["--embedding-column", "embedding"]
    gate = ["gate", "run", "--max-noise-per-class", "0.01"]
    commands = [
        ["fit", "data.parquet", "--trusted", "trusted.parquet", "--epochs", "2", "--out", "run", *rows],
        ["score", "run"],
        gate,
        *([*gate, "--format", name] for name in ("json", "junit", "markdown", "github")),
        ["plan", "run", "--n", "20", "--out", "日本.parquet"],
        ["export-clean", "run", "--out", "日本"],
        ["corrupt", "data.parquet", "--kind", "asymmetric", "--pair", "mücke=日本", "--out", "copy 日本", *rows],
        ["corrupt", "data.parquet", "--kind", "asymmetric", "--pair", "mücke=狐", "--out", "copy 狐", *rows],
        ["score", "nowhere 日本"],
        ["methods"],
    ]
    codes, out, err = run(folder, commands, PYTHONIOENCODING=encoding, PYTHONUTF8="1")
    assert codes == [0, 0, 1, 1, 1, 1, 1, 0, 0, 0, 2, 2, 0]
    said = [part.split(b"\n", 1) for part in out.split(b"$ ")[1:]]
    assert [command.decode() for command, _ in said] == [words[0] for words in commands]
    fit, score, console, as_json, *machines, plan, export, _, _, _, methods = (text for _, text in said)
    name = b"m\\xfccke" if encoding == "ascii" else b"m\xfccke"
    assert b"\n" + name + b" " in score
    assert b"\n\\u65e5\\u672c " in score
    assert b"'" + name + b"' " in console
    assert {"mücke", "日本"} <= set(json.loads(as_json)["findings"][0]["classes"])
    for machine in machines:  # UTF-8, whatever the terminal can show
        assert "mücke".encode() in machine
    assert b"\\u65e5\\u672c.parquet: 20 rows" in plan
    assert b"\\u65e5\\u672c (parquet)" in export
    assert b"\\u03c9" in methods if encoding == "ascii" else b"Methods" in methods
    assert b"Fitted 300 rows" in fit
    assert b"nowhere \\u65e5\\u672c does not exist" in err
    assert b"\\u72d0" in err


def test_columns_of_escaped_names_stand_below_their_titles(folder: Path) -> None:
    fit = ["fit", "data.parquet", "--trusted", "trusted.parquet", "--epochs", "2", "--out", "run"]
    _, out, _ = run(
        folder, [[*fit, "--embedding-column", "embedding"], ["score", "run"]], PYTHONIOENCODING="ascii", PYTHONUTF8="1"
    )
    lines = out.decode("ascii").splitlines()
    start = lines.index("Worst classes") + 1
    header, *classes = lines[start : start + 4]
    assert {line.split()[0] for line in classes} == {"m\\xfccke", "\\u65e5\\u672c", "horse"}
    assert {line.index(" %") - header.index("share") for line in classes} == {3}


def test_where_the_locale_cannot_say_a_file_name_the_answer_is_how_to_change_it(tmp_path: Path) -> None:
    truth = image_folder(tmp_path / "images", rows=30)
    (tmp_path / "images" / "blue").rename(tmp_path / "images" / "mücke")
    ids = [f"images/{name.replace('blue', 'mücke')}" for name in truth]
    pq.write_table(pa.table({"sample_id": ids, "image": ids, "label": list(truth.values())}), tmp_path / "data.parquet")
    options = ["--method", "uniform", "--out", "run"]
    variables = {"LC_ALL": "C", "PYTHONCOERCECLOCALE": "0", "PYTHONUTF8": "0"}
    codes, _, err = run(
        tmp_path, [["fit", "images", *options], ["fit", "data.parquet", *options, "--epochs", "1"]], **variables
    )
    assert codes == [2, 2]
    assert err.count(b"PYTHONUTF8=1") == 2
    assert b"bug" not in err
