"""A record is found again by all that its run depends on, and by nothing less."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from noisecleaner.bench import Row
from noisecleaner.bench._records import Conditions, Record, all_records, record_path
from noisecleaner.errors import NoisecleanerError

ROW = Row("uniform", {"noise": 0.4})
CONDITIONS = Conditions(
    experiment="mine", scale=0.5, device="cpu", backbone="lenet", files={"a.parquet": 10}, options={}
)


def test_what_a_run_depends_on_makes_another_record() -> None:
    others = [
        replace(CONDITIONS, scale=0.25),
        replace(CONDITIONS, device="cuda"),
        replace(CONDITIONS, backbone=None),
        replace(CONDITIONS, files={"a.parquet": 11}),
        replace(CONDITIONS, options={"size": 32}),
    ]
    runs = [
        CONDITIONS.of_run(ROW, 0),
        CONDITIONS.of_run(ROW, 1),
        CONDITIONS.of_run(Row("uniform", {"noise": 0.5}), 0),
        *(other.of_run(ROW, 0) for other in others),
    ]
    assert len({record_path(Path(), run) for run in runs}) == len(runs)
    assert record_path(Path(), CONDITIONS.of_run(Row("uniform", {"noise": 0.4}, paper={"x": 1.0}), 0)) == record_path(
        Path(), runs[0]
    )


def test_names_stay_those_of_the_first_version() -> None:
    """An output directory that an older version began goes on."""
    assert record_path(Path("runs"), CONDITIONS.of_run(ROW, 0)).name == "mine-uniform-0-59d92b79.json"


def test_a_record_comes_back_as_it_was(tmp_path: Path) -> None:
    record = Record(CONDITIONS.of_run(ROW, 3), {"accuracy": 0.1 + 0.2}, 1.25)
    record.write(tmp_path / "mine-x.json")
    assert Record.read(tmp_path / "mine-x.json") == record


def test_damaged_records_and_those_of_others_are_left_out(tmp_path: Path) -> None:
    mine = Record(CONDITIONS.of_run(ROW, 0), {"accuracy": 0.5}, 1.0)
    other = Record(replace(CONDITIONS, experiment="mine-too").of_run(ROW, 0), {"accuracy": 0.7}, 1.0)
    for record in (mine, other):
        record.write(record_path(tmp_path, record.identity))
    damaged = tmp_path / "mine-uniform-9-0.json"
    damaged.write_text("{}")
    assert list(all_records(tmp_path, "mine")) == [mine]
    with pytest.raises(NoisecleanerError):
        Record.read(damaged)
