"""`max-noise-increase`."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from support.datasets import Command
from support.gates import only_finding
from support.scored import make_run, sampled

from noisecleaner.noise.intervals import difference


def test_an_increase_is_judged_against_the_baseline(command: Command, run: Path, tmp_path: Path) -> None:
    better = make_run(tmp_path / "better", audited={"cat": (3, 300)}, rows={"cat": (400, 0)})
    words = [run, "--baseline", better, "--max-noise-increase"]
    new, old = sampled(30, 300).interval, sampled(3, 300).interval
    assert new is not None
    assert old is not None
    change = difference(new=new, old=old)
    assert only_finding(command, *words, "0.04")["outcome"] == "failed"
    finding = only_finding(command, *words, "0.2")
    assert finding["outcome"] == "passed"
    assert (finding["low"], finding["high"]) == pytest.approx((change.low, change.high))
    finding = only_finding(command, *words, "0.06")
    assert finding["outcome"] == "inconclusive"
    assert re.search(r"verify about [\d,]+ more rows of this run", str(finding["message"]))
    finding = only_finding(command, *words, "0.1")
    assert finding["outcome"] == "inconclusive"
    assert re.search(r"verify about 6\d\d more rows of this run, drawn at random", str(finding["message"]))
    none = make_run(tmp_path / "none", audited={})
    finding = only_finding(command, run, "--baseline", none, "--max-noise-increase", "0.06")
    assert (finding["outcome"], finding["value"]) == ("inconclusive", None)
    assert re.search(r"verify about \d\d more rows of the baseline, drawn at random", str(finding["message"]))
