"""The second round in a fit: where it is taken, what it leaves behind, and that a stopped fit takes the same one."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from support.datasets import Command, embeddings, write_trusted

from noisecleaner import fitting
from noisecleaner.errors import Interrupted
from noisecleaner.files import read_arrays

FIRST = "first_predicted_margin"
VECTORS = ("--embedding-column", "embedding", "--epochs", 3)


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    truth = embeddings(tmp_path / "data.parquet", rows=400)
    write_trusted(tmp_path / "trusted.parquet", truth, every=4)
    write_trusted(tmp_path / "few.parquet", truth, every=20)
    (tmp_path / "truth.json").write_text(json.dumps(truth))
    return tmp_path


def fit(command: Command, out: str, *more: object, trusted: str = "trusted.parquet") -> str:
    outcome = command("fit", "data.parquet", "--trusted", trusted, "--out", out, *VECTORS, *more)
    assert outcome.code == 0, outcome.err
    return outcome.err


def heads(run: str) -> list[np.ndarray]:
    files = sorted(Path(run, "auditor").glob("fold-*.safetensors"))
    return [read_arrays(file)[0]["head.weight"] for file in files]


def test_rows_are_predicted_again_and_the_first_predictions_are_kept(data: Path, command: Command) -> None:
    fit(command, "two")
    fit(command, "one", "--rounds", 1)
    two, one = (pq.read_table(data / run / "trace.parquet") for run in ("two", "one"))
    assert two[FIRST].null_count == 0
    assert one[FIRST].null_count == len(one)
    # the first round is the same, and so is what training saw
    for first, name in ((FIRST, "predicted_margin"), ("alpha", "alpha"), ("margin", "margin")):
        np.testing.assert_array_equal(two[first].to_numpy(), one[name].to_numpy())
    assert (two["predicted_margin"].to_numpy() != one["predicted_margin"].to_numpy()).mean() > 0.9
    assert all((first != second).any() for first, second in zip(heads("one"), heads("two"), strict=True))
    assert json.loads((data / "two" / "run.json").read_text())["options"]["effort"]["rounds"] is None


def test_more_verified_rows_calibrate_both_rounds_again(data: Path, command: Command) -> None:
    fit(command, "run")
    truth = json.loads((data / "truth.json").read_text())
    write_trusted(data / "more.parquet", truth, every=2)
    outcome = command("score", "run", "--trusted", "more.parquet")
    assert outcome.code == 0, outcome.err
    assert "200 audited rows" in outcome.out


def test_new_rows_are_judged_by_the_heads_of_the_second_round(data: Path, command: Command) -> None:
    fit(command, "run")
    assert command("score", "run").code == 0
    new = ["--embedding-column", "embedding", "--out", "new"]
    assert command("score", "run", "--data", "data.parquet", *new).code == 0
    # a row that was fitted is judged by the network that has not seen it: the calibrator alone is another one
    fitted, again = (pq.read_table(data / run / "scores.parquet")["label_quality"].to_numpy() for run in ("run", "new"))
    assert np.corrcoef(fitted, again)[0, 1] > 0.9


def test_vectors_that_are_never_negative_are_rooted_and_new_rows_with_them(data: Path, command: Command) -> None:
    table = pq.read_table(data / "data.parquet")
    kind = table["embedding"].type
    raised = [np.exp(np.asarray(vector)).tolist() for vector in table["embedding"].to_pylist()]
    place = table.schema.get_field_index("embedding")
    pq.write_table(table.set_column(place, "embedding", pa.array(raised, kind)), data / "data.parquet")
    fit(command, "run")
    assert json.loads((data / "run" / "auditor" / "auditor.json").read_text())["shape"]["rooted"]
    assert command("score", "run").code == 0
    new = ["--embedding-column", "embedding", "--out", "new"]
    assert command("score", "run", "--data", "data.parquet", *new).code == 0
    fitted, again = (pq.read_table(data / run / "scores.parquet")["label_quality"].to_numpy() for run in ("run", "new"))
    assert np.corrcoef(fitted, again)[0, 1] > 0.9


def test_a_fit_that_is_stopped_in_the_second_round_ends_with_the_same_bits(
    data: Path, command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    fit(command, "whole")

    def stopped(*arguments: object) -> None:
        raise Interrupted(2)

    with monkeypatch.context() as patch:
        patch.setattr(fitting, "second_readouts", stopped)
        words = ["fit", "data.parquet", "--trusted", "trusted.parquet", "--out", "resumed", *VECTORS]
        assert command(*words).code == 130
    fit(command, "resumed", "--resume")
    assert (data / "whole" / "trace.parquet").read_bytes() == (data / "resumed" / "trace.parquet").read_bytes()
    for whole, resumed in zip(heads("whole"), heads("resumed"), strict=True):
        np.testing.assert_array_equal(whole, resumed)


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("--rounds", 3), "--rounds must be 1 or 2, but it is 3"),
        (("--rounds", 2, "--folds", 1), "needs at least 3 folds, but there are 1"),
        (("--rounds", 2, "--hidden", 4), "is for a linear head"),
    ],
)
def test_a_second_round_that_cannot_be_had_is_refused(
    data: Path, command: Command, words: tuple[object, ...], says: str
) -> None:
    outcome = command("fit", "data.parquet", "--trusted", "trusted.parquet", "--out", "run", *VECTORS, *words)
    assert outcome.code == 2
    assert says in outcome.err
    assert not (data / "run" / "run.json").exists()


def test_few_verified_rows_leave_it_at_one_round(data: Path, command: Command) -> None:
    told = "There is one round: a second one needs 20 verified rows besides those of each fold"
    assert told in fit(command, "run", trusted="few.parquet")
    assert told not in fit(command, "asked", "--rounds", 1, trusted="few.parquet")
    assert "one round" not in fit(command, "both")
    assert pq.read_table(data / "run" / "trace.parquet")[FIRST].null_count == 400
    words = ["fit", "data.parquet", "--trusted", "few.parquet", "--out", "other", *VECTORS, "--rounds", 2]
    assert "needs 20 verified rows besides those of each fold" in command(*words).err
