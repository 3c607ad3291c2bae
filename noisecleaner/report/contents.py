"""Everything that a report tells, as values; the page and report.json are made of these, and of nothing else."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

from noisecleaner.noise.rate import Rate
from noisecleaner.notices import Notice, void
from noisecleaner.quality.calibration import ReliabilityBin
from noisecleaner.report.gallery import Gallery
from noisecleaner.runs.summary import Confusion, Summary
from noisecleaner.runs.threshold_table import ThresholdLine

#: What report.json takes from the summary as it stands there.
_TOLD = ("noise", "notices", "rows", "flagged", "kept", "kept_noise", "by", "threshold", "quality")


@dataclass(frozen=True, kw_only=True)
class Remainder:
    """What a copy would hold if flagged rows were treated in one way.

    Args:
        treatment: of flagged rows, a value of `OnFlag`.
        rows: of the copy.
        noise: share of wrong labels among them, if each correction is right.
        reason: why nobody can tell it; empty where the rate stands.
        corrected: rows that carry corrections, which nothing measures.
        agreeing: with how many of these the scores agree.
        others: the noise of the other rows.
    """

    treatment: str
    rows: int
    noise: Rate
    reason: str
    corrected: int
    agreeing: int
    others: Rate

    def to_json(self) -> dict[str, Any]:
        """Describe it as a JSON object."""
        return {**asdict(self), "noise": self.noise.to_json(), "others": self.others.to_json()}


@dataclass(frozen=True, kw_only=True)
class ClassBar:
    """Rows of one given label.

    Args:
        name: the label.
        rows: how many there are, without skipped ones.
        flagged: how many are flagged.
        noise: share of wrong labels.
        expected: what the scores expect it to be; None where nothing calibrates them.
    """

    name: str
    rows: int
    flagged: int
    noise: Rate
    expected: float | None


@dataclass(frozen=True, kw_only=True)
class SharedImage:
    """Rows that hold the same image under different labels: id and label of each."""

    rows: tuple[tuple[str, str | None], ...]


@dataclass(frozen=True, kw_only=True)
class SkippedRows:
    """Rows without a score for one reason: how many, and the ids of the first."""

    reason: str
    rows: int
    ids: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Report:
    """What is told of a scored run.

    Args:
        dataset: where its rows come from.
        run: the directory with the scores.
        day: when the report was made, as SOURCE_DATE_EPOCH tells; None where that is not set.
        versions: name -> version of what computed the scores.
        summary: the numbers of `score`.
        remaining: what copies would hold.
        curve: thresholds of the column that is cut, at most a hundred, in ascending order.
        classes: those that have rows, most noise first.
        confusions: pairs of given and suggested label among flagged rows, most frequent first.
        calibration: label quality against what was verified; empty where nothing is.
        contradicted: what networks say against verified labels; None where they say nothing.
        shared: identical images with two labels.
        skipped: rows without a score, by reason.
        gallery: the rows to look at first.
    """

    dataset: str
    run: str
    day: str | None
    versions: Mapping[str, str]
    summary: Summary
    remaining: tuple[Remainder, ...]
    curve: tuple[ThresholdLine, ...]
    classes: tuple[ClassBar, ...]
    confusions: tuple[Confusion, ...]
    calibration: tuple[ReliabilityBin, ...]
    contradicted: Notice | None
    shared: tuple[SharedImage, ...]
    skipped: tuple[SkippedRows, ...]
    gallery: Gallery

    @property
    def void(self) -> bool:
        """Whether no rate stands on the verified rows."""
        return void(self.summary.notices)

    def worded(self, words: Callable[[str], str]) -> Report:
        """Return it with its messages in other words."""

        def said(notice: Notice) -> Notice:
            return replace(notice, message=words(notice.message))

        return replace(
            self,
            summary=self.summary.worded(words),
            remaining=tuple(replace(line, reason=words(line.reason)) for line in self.remaining),
            contradicted=None if self.contradicted is None else said(self.contradicted),
            gallery=replace(self.gallery, note=words(self.gallery.note)),
        )

    def to_json(self) -> dict[str, Any]:
        """Describe it as a JSON object: the numbers of the page, without its pictures."""
        summary, told = self.summary, self.summary.to_json()
        return {
            "dataset": self.dataset,
            "run": self.run,
            "day": self.day,
            "versions": dict(self.versions),
            **{name: told[name] for name in _TOLD},
            "remaining": [line.to_json() for line in self.remaining],
            "curve": [asdict(line) for line in self.curve],
            "classes": [{**asdict(line), "noise": line.noise.to_json()} for line in self.classes],
            "confusions": [asdict(pair) for pair in self.confusions],
            "calibration": {
                "bins": [asdict(part) for part in self.calibration],
                "error": summary.reliability.error if summary.reliability else None,
                "by_chance": summary.reliability.by_chance if summary.reliability else None,
            },
            "ranking": told["ranking"],
            "contradicted": self.contradicted.to_json() if self.contradicted else None,
            "shared": [[{"sample_id": id, "given_label": label} for id, label in image.rows] for image in self.shared],
            "skipped": [asdict(line) for line in self.skipped],
            "gallery": self.gallery.to_json(),
        }
