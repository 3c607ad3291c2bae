"""What is kept beside the rows of scores.parquet and report.parquet."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, get_args

from noisecleaner.errors import NoisecleanerError
from noisecleaner.ingest import Source
from noisecleaner.ingest.fingerprints import Fingerprint
from noisecleaner.noise.goal import Goal
from noisecleaner.noise.rate import Rate, whole
from noisecleaner.notices import Notice
from noisecleaner.runs.basis import Basis
from noisecleaner.runs.scored import By


@dataclass(frozen=True, kw_only=True)
class Metadata:
    """What is kept beside the rows of scores.parquet and report.parquet.

    Args:
        run: the run directory of the fit.
        source: where the scored rows came from.
        classes: the class names.
        by: the column that the threshold cuts.
        threshold: rows below it are flagged.
        quality: how label quality was made, see `QualityModel.method`.
        goal: what the threshold was chosen to reach, None where it was given.
        versions: name -> version of what computed this.
        weighted: whether verified rows were drawn with probabilities that `plan` knows.
        kept_noise: share of wrong labels among the rows that are kept; None where an earlier version wrote the file.
        judged: audited rows that it, and the calibration, was measured on, likewise.
        notices: what a reader of the numbers must know, of fit and of score.
        unused: classes that no fitted row was given.
        basis: which audited rows label quality of new rows is calibrated on; None of fitted rows, and where it is not.
        contents: what the rows brought; nothing where an earlier version wrote the file.
    """

    run: Path
    source: Source
    classes: tuple[str, ...]
    by: By
    threshold: float
    quality: str
    goal: Goal | None
    versions: Mapping[str, str]
    weighted: bool
    kept_noise: Rate | None
    judged: int | None
    notices: tuple[Notice, ...] = ()
    unused: tuple[str, ...] = ()
    basis: Basis | None = None
    contents: tuple[Fingerprint, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Describe the metadata as a JSON object."""
        return {
            "run": str(self.run),
            "source": self.source.to_json(),
            "classes": list(self.classes),
            "by": self.by,
            "threshold": self.threshold,
            "quality": self.quality,
            "goal": asdict(self.goal) if self.goal else None,
            "versions": dict(self.versions),
            "weighted": self.weighted,
            "kept_noise": self.kept_noise.to_json() if self.kept_noise else None,
            "judged": self.judged,
            "notices": [notice.to_json() for notice in self.notices],
            "unused": list(self.unused),
            "basis": self.basis.to_json() if self.basis else None,
            "contents": [fingerprint.to_json() for fingerprint in self.contents],
        }

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> Metadata:
        """Bring back what `to_json` described.

        Raises:
            ValueError: it is no such thing; KeyError, TypeError and AttributeError likewise.
        """
        classes, by, threshold, goal = (content[name] for name in ("classes", "by", "threshold", "goal"))
        kept_noise, judged = content.get("kept_noise"), content.get("judged")
        if not (isinstance(classes, list) and all(isinstance(name, str) for name in classes)):
            raise ValueError("its classes are missing")
        if by not in get_args(By) or isinstance(threshold, bool) or not math.isfinite(threshold):
            raise ValueError("it does not say how rows were flagged")
        return cls(
            run=Path(content["run"]),
            source=Source.from_json(content["source"]),
            classes=tuple(classes),
            by=by,
            threshold=float(threshold),
            quality=str(content["quality"]),
            goal=None if goal is None else _goal(goal),
            versions=dict(content["versions"]),
            weighted=bool(content["weighted"]),
            kept_noise=None if kept_noise is None else Rate.from_json(kept_noise),
            judged=None if judged is None else whole(judged),
            notices=tuple(Notice.from_json(notice) for notice in content.get("notices", ())),
            unused=tuple(map(str, content.get("unused", ()))),
            basis=Basis.from_json(content["basis"]) if content.get("basis") else None,
            contents=tuple(map(Fingerprint.from_json, content.get("contents", ()))),
        )


def _goal(content: Mapping[str, Any]) -> Goal:
    try:
        return Goal(content["kind"], content["value"], confidence=content["confidence"])
    except NoisecleanerError as error:
        raise ValueError(error.message) from error
