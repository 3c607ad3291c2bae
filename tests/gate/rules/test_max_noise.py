"""`max-noise`."""

from __future__ import annotations

import math
import re
from pathlib import Path

from support.datasets import Command
from support.gates import only_finding
from support.scored import make_run, sampled

from noisecleaner.noise.estimate import Stratum
from noisecleaner.noise.intervals import more_for_limit
from noisecleaner.notices import Notice, Severity


def test_a_share_is_judged_by_its_interval(command: Command, run: Path) -> None:
    rate = sampled(30, 300)
    assert rate.low is not None
    assert rate.high is not None
    at = only_finding(command, run, "--max-noise", rate.high)
    assert (at["outcome"], at["value"], at["low"], at["high"]) == ("passed", 0.1, rate.low, rate.high)
    assert only_finding(command, run, "--max-noise", rate.low)["outcome"] == "inconclusive"
    assert only_finding(command, run, "--max-noise", math.nextafter(rate.high, 0))["outcome"] == "inconclusive"
    assert only_finding(command, run, "--max-noise", math.nextafter(rate.low, 0))["outcome"] == "failed"


def test_an_inconclusive_rule_says_how_many_more_rows_to_verify(command: Command, run: Path) -> None:
    """Of 1,000 rows 300 are audited: what is a few hundred of endlessly many is less of these."""
    every = "which cannot be told yet: verify all 700 rows that are left, which settles it."
    for near in ("0.1", "0.1001"):
        assert str(only_finding(command, run, "--max-noise", near)["message"]).endswith(every)
    message = str(only_finding(command, run, "--max-noise", "0.12")["message"])
    (more,) = re.findall(r"verify about ([\d,]+) more rows, drawn at random", message)
    assert int(more) == more_for_limit(Stratum(sampled(30, 300), 1000), 0.12)
    assert 0 < int(more) < 700


def test_verified_rows_that_measure_nothing_are_the_reason(command: Command, tmp_path: Path, run: Path) -> None:
    message = "The 60 verified rows cannot be a random sample. Draw rows at random, or with `plan()`."
    picked = Notice(code="not-random", message=message, severity=Severity.VOID)
    void = make_run(tmp_path / "void", audited={}, notices=(picked,))
    finding = only_finding(command, void, "--max-noise", "0.05")
    assert (finding["outcome"], finding["value"]) == ("inconclusive", None)
    assert finding["message"] == (
        "The share of wrong labels is unknown (0 audited rows); at most 5 % may be, which cannot be told: The 60 "
        "verified rows cannot be a random sample."
    )


def test_without_an_interval_noise_is_inconclusive(command: Command, tmp_path: Path, run: Path) -> None:
    unknown = make_run(tmp_path / "unknown", audited={})
    finding = only_finding(command, unknown, "--max-noise", "0.05")
    assert (finding["outcome"], finding["value"], finding["low"]) == ("inconclusive", None, None)
    assert (
        "verify at least 69 rows, drawn at random or with `noisecleaner plan` (so few do only if none of them is wrong)"
        in finding["message"]
    )
    none = str(only_finding(command, unknown, "--max-noise", "0")["message"])
    assert none.endswith("verify all 1,000 rows that are left, which settles it.")
    modelled = make_run(tmp_path / "modelled", interval=False)
    finding = only_finding(command, modelled, "--max-noise", "0.05")
    assert (finding["outcome"], finding["value"], finding["low"]) == ("inconclusive", 0.1, None)
    assert "0 audited rows" in str(finding["message"])
    assert "verify about 70 more rows, drawn at random" in str(finding["message"])
