"""What verified rows tell of scored ones: the rates by first and second looks, and how well the scores rank."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
import pyarrow as pa

from noisecleaner.noise.ranking import Rankings, rank
from noisecleaner.noise.rates import Rows, measure
from noisecleaner.notices import Notice, void
from noisecleaner.progress import Progress
from noisecleaner.quality.calibration import reliability
from noisecleaner.runs.scored import ScoredRows
from noisecleaner.runs.second_looks import SecondLooks, recheck


@dataclass(frozen=True, kw_only=True)
class Assessment:
    """What verified rows tell of scored ones, wherever these are cut.

    Args:
        scored: the rows, with what a reader must know beside their numbers.
        rows: the same as noise is measured on them; corrected for who errs in verifying, where second looks tell that.
        rankings: how well label quality tells wrong labels from right ones; None where nothing tells.
        rechecked: what second looks say of first ones; None without any.
    """

    scored: ScoredRows
    rows: Rows
    rankings: Rankings | None
    rechecked: SecondLooks | None

    @classmethod
    def of(cls, scored: ScoredRows, progress: Progress) -> Assessment:
        """Compare scores with verified labels.

        Args:
            scored: the rows.
            progress: is told what is odd: verifiers who disagree, scores that are no better than chance.
        """
        rows = scored.rows()
        rechecked = recheck(scored.looks(rows.audited & rows.judging))
        if rechecked is not None:
            notice = _recheck_notice(scored, rows, rechecked)
            progress.tell(notice)
            scored = scored.noting(notice)
            rows = scored.rows() if rechecked.void else replace(rows, verifiers=rechecked.errors)
        rankings = rank(replace(rows, judging=rows.judging & ~scored.disputed))
        if rankings is not None and (doubt := rankings.doubt()) is not None:
            progress.tell(doubt)
            scored = scored.noting(doubt)
        return cls(scored=scored, rows=rows, rankings=rankings, rechecked=rechecked)

    @property
    def judged(self) -> int:
        """How many audited rows measure."""
        return int((self.rows.judging & self.rows.audited).sum())

    @property
    def weighted(self) -> bool:
        """Whether verified rows were drawn with probabilities that `plan` knows."""
        return bool(np.isfinite(self.rows.probability[self.rows.audited]).any())

    def to_json(self) -> dict[str, Any]:
        """Describe what noise.json tells whatever is flagged."""
        scored, rows = self.scored, self.rows
        judged = rows.judging & rows.audited & ~scored.disputed & rows.known
        calibrated = reliability(1 - rows.expected[judged], ~rows.wrong[judged])
        # what nobody may believe is not told, not even as an expectation
        model = "uncalibrated" if void(scored.notices) else scored.model
        return {
            **measure(rows, scored.classes, model).to_json(),
            "quality": scored.model,
            "calibration": asdict(calibrated) if calibrated else None,
            "ranking": self.rankings.to_json() if self.rankings else None,
            "verifiers": self.rechecked.to_json() if self.rechecked else None,
            "notices": [notice.to_json() for notice in scored.notices],
        }


def _recheck_notice(scored: ScoredRows, rows: Rows, rechecked: SecondLooks) -> Notice:
    """Say what second looks make of the rate that first ones tell."""
    seen, errors = rows.rate(), rechecked.errors
    ids = scored.identity["sample_id"].filter(pa.array(scored.disputed)).to_pylist()
    return rechecked.notice(ids, seen=seen, moved=seen if errors is None else errors.moved(seen))
