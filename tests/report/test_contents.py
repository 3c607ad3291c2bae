"""The JSON of a report is JSON, and holds the values that it describes."""

from __future__ import annotations

import json
from pathlib import Path

from support.reports import make_scored

from noisecleaner.report.gathering import gather
from noisecleaner.runs.scored_run import ScoredRun


def test_the_json_holds_the_values(tmp_path: Path) -> None:
    told = gather(ScoredRun(make_scored(tmp_path)), rows=3)
    content = json.loads(json.dumps(told.to_json(), allow_nan=False))
    assert content == told.to_json() | {"skipped": content["skipped"]}
    assert content["skipped"] == [{"reason": "truncated", "rows": 1, "ids": ["r299"]}]
    assert [row["sample_id"] for row in content["gallery"]["rows"]] == [row.sample_id for row in told.gallery.rows]
    assert content["remaining"][0]["noise"]["rate"] == told.remaining[0].noise.value
    assert (content["flagged"], content["kept"]) == (told.summary.flagged, told.summary.kept)
    assert not told.void
