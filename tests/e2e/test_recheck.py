"""plan --recheck -> a second look -> score --trusted, through the real command line."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from support.datasets import Command


@pytest.fixture
def run(fitted: Path, tmp_path: Path, command: Command) -> Path:
    """A copy of the fitted run, scored."""
    shutil.copytree(fitted / "run", tmp_path / "run")
    assert command("score", tmp_path / "run").code == 0
    return tmp_path / "run"


@pytest.fixture
def truth(fitted: Path) -> dict[str, str]:
    return dict(json.loads((fitted / "truth.json").read_text()))


def audited(scores: Path) -> int:
    """Verified rows that the noise rate rests on."""
    return int(json.loads((scores / "noise.json").read_text())["overall"]["audited"])


def second_looks(scores: Path) -> dict[str, str]:
    """What second looks saw: sample id -> label."""
    rows = pq.read_table(scores / "scores.parquet", columns=["sample_id", "second_label"]).to_pylist()
    return {row["sample_id"]: row["second_label"] for row in rows if row["second_label"] is not None}


def test_what_comes_next_can_be_typed(run: Path, fitted: Path, truth: dict[str, str], command: Command) -> None:
    out = run.parent / "second.parquet"
    verified = set(pq.read_table(fitted / "trusted.parquet")["sample_id"].to_pylist())
    planned = command("plan", run, "--recheck", "40", "--out", out)
    assert (planned.code, planned.err) == (0, "")
    assert f"40 rows for a second look, drawn evenly from {len(verified)} verified ones." in planned.out
    assert "It takes one table" not in planned.out
    table = pq.read_table(out)
    ids = table["sample_id"].to_pylist()
    assert len(set(ids)) == 40
    assert set(ids) <= verified
    assert not (run / "design.parquet").exists()
    pq.write_table(table.set_column(2, "second_label", pa.array([truth[name] for name in ids])), out)
    before = audited(run)
    words = planned.out.split("Next: noisecleaner ")[1].split()
    scored = command(*words)
    assert scored.code == 0, scored.err
    # both looks say the same, and the first ones still measure
    assert audited(run) == before == len(verified)
    assert second_looks(run) == {name: truth[name] for name in ids}
    # who had a second look is not asked again
    again = command("plan", run, "--recheck", str(len(verified) - 40), "--out", run.parent / "third.parquet")
    assert again.code == 0, again.err
    assert f"from the {len(verified) - 40} of {len(verified)} verified ones that had none" in again.out
    assert not set(pq.read_table(run.parent / "third.parquet")["sample_id"].to_pylist()) & set(ids)


@pytest.mark.parametrize("new", [False, True])
def test_first_looks_in_a_table_of_their_own_get_second_ones_there(
    run: Path, fitted: Path, truth: dict[str, str], command: Command, new: bool
) -> None:
    """What was verified after the fit, or of rows that are not its own, is known only from the table that holds it."""
    first, second, scores = run.parent / "first.parquet", run.parent / "second.parquet", run
    names = [name for row, name in enumerate(truth) if row % 8 in (0, 1)]
    pq.write_table(pa.table({"sample_id": names, "trusted_label": [truth[name] for name in names]}), first)
    words = ["score", run, "--trusted", first]
    if new:
        scores = run.parent / "new"
        words += ["--data", fitted / "data.parquet", "--embedding-column", "embedding", "--out", scores]
    assert command(*words).code == 0
    before = audited(scores)
    planned = command("plan", scores, "--recheck", "60", "--out", second)
    assert planned.code == 0, planned.err
    assert "put the column second_label there, by sample_id, and give it that one." in planned.out
    looks = {name: truth[name] for name in pq.read_table(second)["sample_id"].to_pylist()}
    table = pq.read_table(first).append_column("second_label", pa.array([looks.get(name) for name in names]))
    if not new:
        # those that the fit knows stand beside, without the first look
        rest = [name for name in looks if name not in names]
        more = {"sample_id": rest, "trusted_label": [None] * len(rest), "second_label": [looks[n] for n in rest]}
        table = pa.concat_tables([table, pa.table(more, schema=table.schema)])
    pq.write_table(table, first)
    scored = command(*words)
    assert scored.code == 0, scored.err
    assert audited(scores) == before
    assert second_looks(scores) == looks
