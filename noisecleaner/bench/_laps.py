"""Laps that are timed in turn, and what their times say: medians and quartiles of ratios within a round."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass

import torch

from noisecleaner.bench._contract import Metrics


@dataclass(frozen=True, kw_only=True)
class Lap:
    """Seconds of a step of two contenders, one right after the other.

    Args:
        plain: of the one that is compared with.
        other: of the one that is measured.
    """

    plain: float
    other: float


def ratios(name: str, laps: Sequence[Lap]) -> Metrics:
    """How many times as long the other takes: the median over the rounds as `name`, `lower` and `upper` quartile."""
    lower, middle, upper = statistics.quantiles((lap.other / lap.plain for lap in laps), n=4)
    return {name: middle, "lower": lower, "upper": upper}


def wait_for(device: torch.device) -> None:
    """Let a device finish what it was asked for."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)
