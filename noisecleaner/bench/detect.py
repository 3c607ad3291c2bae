"""Wrong labels found: noisecleaner, cleanlab, neighbours and the verified rows alone, on the same features."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from dataclasses import replace

import numpy as np
import torch

from noisecleaner.bench import Experiment, Metrics, Row, Work
from noisecleaner.bench._choosing import chosen
from noisecleaner.bench._detection import Fitting, Task, audited_rows, task
from noisecleaner.bench._looks import HUMAN, LETTERS, MNIST, TRAIN, Look
from noisecleaner.bench._noisecleaner import detected, stability
from noisecleaner.bench._others import cleanlab, crossed, neighbours, single_signals, verified_only
from noisecleaner.bench._ranking import Truth

_METHODS = ("soseleto", "uniform", "l2b")
#: Methods with options of their own, by what their rows are called.
_VARIANTS: Mapping[str, tuple[str, Mapping[str, str]]] = {"l2b sigmoid": ("l2b", {"normalise": "sigmoid"})}
_PLANTED = ("symmetric 0.2", "symmetric 0.4", "symmetric 0.6", "asymmetric 0.4", "instance 0.2", "instance 0.4")
#: Part -> its noises.
_NOISES = {
    "labels": ("worse", "random1", *_PLANTED),
    "probabilities": ("worse", "random1", "instance 0.2"),
    "classes": ("symmetric 0.4", "instance 0.2", "instance 0.4"),
    "tail": ("worse", "symmetric 0.2", "instance 0.2"),
    "stability": ("worse", "random1"),
    "scratch": ("worse", "random1", "symmetric 0.4"),
}

#: Part -> verified rows and rounds of its fits, where they are not 500 and one.
_FITS = {
    "labels": ((1_000, 2), (500, 2), (1_000, 1)),
    "classes": ((1_000, 2), (1_000, 1)),
    "tail": ((500, 2), (500, 1)),
    "stability": ((500, 2), (500, 1)),
    "scratch": ((500, 2), (500, 1)),
}


def _fits(part: str) -> tuple[tuple[int, int], ...]:
    return _FITS.get(part, ((500, 1),))


def _most_verified(part: str) -> int:
    """So many rows are left out where a method asks for none, so that it is judged on the same rows as others."""
    return max(verified for verified, _ in _fits(part))


def _rows() -> Iterator[Row]:
    """List what is compared, the most asked for first."""
    for part, noises in _NOISES.items():
        for noise in noises:
            for method, verified, rounds in _ways(part):
                yield Row(method, {"part": part, "noise": noise, "verified": verified, "rounds": rounds})


def _ways(part: str) -> Iterator[tuple[str, int, int]]:
    """List methods, verified rows and rounds of a part; 0 of the latter two where a method knows no such thing."""
    for verified, rounds in _fits(part):
        yield from ((method, verified, rounds) for method in _METHODS)
    if part == "labels":
        yield from ((method, verified, rounds) for method in _VARIANTS for verified, rounds in _fits(part))
    if part in ("labels", "classes", "tail"):
        yield from (("cleanlab", 0, 0), ("neighbours", 0, 0), ("verified only", _most_verified(part), 0))
    if part == "probabilities":
        yield ("single signals", 0, 0)


class Detect(Experiment):
    """CIFAR-10 with the labels of CIFAR-10N or planted ones, through the frozen `backbone` at `size` pixels.

    `scale` is the share of the 50,000 rows. Everything is measured on the rows that nobody verified. Parts: `labels`,
    on features; `probabilities`: rows bring class probabilities, of a 5-fold logistic regression on given labels
    (C = 0.001); `classes`: 30 of them, a third of the rows each of CIFAR-10, MNIST and notMNIST; `tail`: ten classes
    whose sizes fall exponentially, the largest 50 times the smallest; `stability`: two fits with different verified
    rows; `scratch`: cifar-quick, trained end to end for 14 epochs on two fifths of the rows. `instance` noise makes
    hard images wrong as what a regression on 20 rows a class takes them for (`_plants.confused`).

    `f1` is that of what a tool flags by default: label_quality < 0.5; cleanlab's default filter; more than half of 50
    neighbours (cosine) with another label; another label by the verified rows; of single signals the rule that the
    likeliest label differs. `f1_auto`: at the threshold of best expected F1 (0.5 where none can be had);
    `f1_best_threshold`: at the one that the truth would choose. `missed_at_budget` is the share of wrong rows that are
    not among as many of the most suspicious. `suggestions` is the share of wrong rows whose suggested label is the true
    one, `suggestions_precision` that of those with a suggestion; `calibration_error` is that of label quality (15
    bins). cleanlab gets 5-fold logistic regression on the standardised features: with C = 0.001 (on the sample data the
    best), and in `…_best` the best of 0.001, 0.01 and 0.1 for each metric, chosen by the truth, as is the best of its
    five filters; single signals are confidence, margin, and confidence over entropy, the best for each metric.
    `jaccard` is the share of flags of two draws of verified rows that both have.

    Args:
        backbone: the frozen network, or several: `A+B`.
        size: edge length that images are enlarged to; None takes 96 for one network, and each one's own for several.
        parts: those to run, with commas between; all where none is named, as with the others below.
        noises: likewise.
        methods: likewise.
        verified: likewise, numbers of verified rows.
        rounds: likewise; 0 are what has none.
    """

    rows = tuple(_rows())
    files = (TRAIN, HUMAN, MNIST, LETTERS)
    backbone = Look().backbone
    scale = 0.3
    choosing = frozenset({"parts", "noises", "methods", "verified", "rounds"})

    def __init__(
        self,
        *,
        backbone: str = "efficientnet-lite0",
        size: int | None = None,
        parts: str = "",
        noises: str = "",
        methods: str = "",
        verified: int | str = "",
        rounds: int | str = "",
    ) -> None:
        self._look = Look(backbone=backbone, size=size)
        wanted = {"parts": parts, "noises": noises, "methods": methods, "verified": verified, "rounds": rounds}
        self._chosen = chosen(self.rows, wanted)

    def chosen(self) -> tuple[Row, ...]:
        """Take the rows that options name."""
        return self._chosen

    def backbone_on(self, device: torch.device) -> str | None:
        """Say what looks at images."""
        return self._look.backbone

    def run(self, row: Row, work: Work) -> Metrics:
        """Find wrong labels in one way, and compare with the truth."""
        part = str(row.setting["part"])
        data = task(work, str(row.setting["noise"]), self._look, kind=part)
        if part == "probabilities":
            data = replace(data, inputs=crossed(data, work.seed), brought="probabilities")
        started = time.monotonic()
        return {**_measured(row, data, work), "work_seconds": time.monotonic() - started}


def _measured(row: Row, data: Task, work: Work) -> Metrics:
    count = int(row.setting["verified"]) or _most_verified(str(row.setting["part"]))
    verified = audited_rows(work.seed, count, of=len(data.true))
    judged = np.ones(len(data.true), dtype=bool)
    judged[verified] = False
    truth = Truth(wrong=data.wrong, judged=judged)
    if row.method == "cleanlab":
        return cleanlab(data, truth, work.seed)
    if row.method == "neighbours":
        return neighbours(data, truth)
    if row.method == "verified only":
        return verified_only(data, verified, truth)
    if row.method == "single signals":
        return single_signals(data, truth)
    method, options = _VARIANTS.get(row.method, (row.method, {}))
    how = Fitting(audited=verified, method=method, options=options, rounds=int(row.setting["rounds"]))
    return stability(data, how, work) if row.setting["part"] == "stability" else detected(data, how, truth, work)
