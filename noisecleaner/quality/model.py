"""Label quality: the calibrated probability that the given label is right, and what it should be instead."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import KW_ONLY, dataclass
from typing import Any, Literal

import numpy as np

from noisecleaner.arrays import FloatArray, IntArray, SingleArray
from noisecleaner.quality.calibration import Calibrator
from noisecleaner.quality.evidence import Evidence, of_fitted
from noisecleaner.quality.sharpening import Sharpening
from noisecleaner.quality.signals import Predictions, Signals
from noisecleaner.quality.suggestions import LEAST_SHARE, alternative, confidence
from noisecleaner.quality.transition import Transition


@dataclass(frozen=True, kw_only=True)
class Judgements:
    """What is made of rows; every array has the shape [rows], numbers as files hold them.

    Args:
        quality: label quality, NaN where there is none.
        suggested: class index of the suggested label, -1 where there is none.
        confidence: probability that it is right, NaN where there is none.
    """

    quality: SingleArray
    suggested: IntArray
    confidence: SingleArray

    @classmethod
    def unknown(cls, rows: int) -> Judgements:
        """Start with rows of which nothing is known."""
        nothing = np.full(rows, np.nan, np.float32)
        return cls(quality=nothing, suggested=np.full(rows, -1, np.int32), confidence=nothing.copy())

    def put(self, rows: IntArray, part: Judgements) -> None:
        """Take in what was made of some rows: their places, shape [rows of the part]."""
        self.quality[rows], self.suggested[rows], self.confidence[rows] = part.quality, part.suggested, part.confidence


@dataclass(frozen=True)
class QualityModel:
    """How label quality is computed.

    Args:
        method: `audited` (fitted and calibrated on judging rows), `planted` (on known wrong labels put on
            verified rows, because too few real errors were verified), `uncalibrated` (the probability that
            the network gives the label) or `transfer` (the fitted rows are of other classes than the network's; of
            new rows as if uncalibrated).
        transition: which label is given in place of which; None where too few errors were verified.
        sharpening: what makes predictions fit the verified labels; None likewise, and in runs of earlier versions.
        first_sharpening: the same of the first round's predictions; None where there was no second one.
        voted_sharpening: the same of predictions with neighbours' votes; None where nobody voted.
        fitted: for rows that were trained on; None when uncalibrated.
        new: for rows that were not; None when uncalibrated, or when the judging rows were trained on.
        suggestion: probability that the likeliest other label is right, if the given one is wrong; None where too few
            errors were verified.
        named: share of the wrong labels in place of which some class is right; scales what the network says of other
            classes where there is no `suggestion`, which has learned it.
    """

    method: Literal["audited", "planted", "uncalibrated", "transfer"]
    _: KW_ONLY
    transition: Transition | None = None
    sharpening: Sharpening | None = None
    first_sharpening: Sharpening | None = None
    voted_sharpening: Sharpening | None = None
    fitted: Calibrator | None = None
    new: Calibrator | None = None
    suggestion: Calibrator | None = None
    named: float = 1.0

    def method_for(self, *, new: bool) -> str:
        """How label quality of fitted or of new rows is made."""
        return "uncalibrated" if new and self.new is None else self.method

    def quality(self, signals: Signals) -> FloatArray:
        """Compute label quality of fitted rows in [0, 1], shape [rows]; NaN where a row was not predicted."""
        if self.fitted is None:
            return np.exp(signals.best.log_probability)
        if self.voted_sharpening is None:
            read = self._evidence(self.sharpening).of(signals.predictions)
        else:
            read = self._evidence(self.voted_sharpening).of(signals.best)
        features = of_fitted(read, signals, first=self._evidence(self.first_sharpening))
        return np.where(signals.predictions.known, self.fitted.probability(features), np.nan)

    def quality_of_new(self, predictions: Predictions) -> FloatArray:
        """Compute label quality of rows that were not fitted, shape [rows], see `quality`."""
        if self.new is None:
            return np.exp(predictions.log_probability)
        read = self._evidence(self.sharpening).of(predictions)
        return np.where(predictions.known, self.new.probability(read), np.nan)

    def _evidence(self, sharpening: Sharpening | None) -> Evidence:
        return Evidence(transition=self.transition, sharpening=sharpening)

    def judge(self, predictions: Predictions, quality: FloatArray) -> Judgements:
        """Suggest labels.

        The suggestion is the likeliest other label where it is more likely than not to be right if the given one is
        wrong, and its confidence the probability that it is right. A row without a given label always gets one, with
        the network's own probability, uncalibrated.

        Args:
            predictions: of each row.
            quality: label quality, shape [rows].
        """
        other = alternative(predictions, self.transition)
        share = confidence(other, self.suggestion)
        share = share if self.suggestion else share * self.named
        best, probability = predictions.candidates[:, 0], np.exp(predictions.candidate_log_probabilities[:, 0])
        unlabelled = ~predictions.known & (best >= 0)
        label = np.where(unlabelled, best, np.where(share >= LEAST_SHARE, other.label, -1))
        certain = np.where(label >= 0, np.where(unlabelled, probability, (1 - quality) * share), np.nan)
        return Judgements(quality=quality.astype(np.float32), suggested=label, confidence=certain.astype(np.float32))

    def to_json(self) -> dict[str, Any]:
        """Describe the model as a JSON object."""
        names = ("transition", "sharpening", "first_sharpening", "voted_sharpening", "fitted", "new", "suggestion")
        described = {name: getattr(self, name) for name in names}
        parts = {name: part.to_json() if part else None for name, part in described.items()}
        return {"method": self.method, **parts, "named": self.named}

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> QualityModel:
        """Bring back what `to_json` described."""
        transition = Transition.from_json(content["transition"]) if content["transition"] else None

        def sharpening(name: str) -> Sharpening | None:  # earlier versions did not sharpen
            return Sharpening.from_json(content[name]) if content.get(name) else None

        def calibrator(name: str) -> Calibrator | None:
            return Calibrator.from_json(content[name]) if content[name] else None

        return cls(
            content["method"],
            transition=transition,
            sharpening=sharpening("sharpening"),
            first_sharpening=sharpening("first_sharpening"),
            voted_sharpening=sharpening("voted_sharpening"),
            fitted=calibrator("fitted"),
            new=calibrator("new"),
            suggestion=calibrator("suggestion"),
            named=float(content.get("named", 1.0)),  # nor knew rows of no class
        )
