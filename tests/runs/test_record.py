"""What a run directory says of itself survives the way through JSON."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from noisecleaner.ingest import Source
from noisecleaner.runs.config import FitConfig
from noisecleaner.runs.record import FitResult, Record, versions

COUNTS = st.integers(0, 10**9)
RESULTS = st.builds(
    FitResult,
    rows=COUNTS,
    skipped=st.dictionaries(st.text(), COUNTS, max_size=3),
    audited=COUNTS,
    clean_only=COUNTS,
    judging=COUNTS,
    judged_wrong=COUNTS,
    quality=st.sampled_from(["audited", "planted", "uncalibrated", "transfer"]),
    seconds=st.dictionaries(st.text(), st.floats(0, 1e6), max_size=3),
)
CONFIG = FitConfig(source=Source("/data"), trusted="/trusted.csv")


@given(st.builds(Record, st.just(CONFIG), st.text(), st.none() | RESULTS))
def test_a_record_comes_back_from_json(record: Record) -> None:
    assert Record.from_json(json.loads(json.dumps(record.to_json()))) == record


def test_json_holds_the_state_the_options_and_the_versions() -> None:
    content = Record(CONFIG, "abc").to_json()
    assert content == {**versions(), "state": "fitting", "options": CONFIG.to_json(), "fingerprint": "abc"}
    assert {"python", "noisecleaner", "torch", "numpy"} <= versions().keys()
    assert all(versions().values())


@pytest.mark.parametrize("missing", ["options", "fingerprint", "state"])
def test_a_record_without_one_of_its_parts_is_none(missing: str) -> None:
    content = Record(CONFIG, "abc").to_json()
    del content[missing]
    with pytest.raises(KeyError):
        Record.from_json(content)
