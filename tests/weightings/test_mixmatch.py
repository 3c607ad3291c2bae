"""The pieces of DivideMix against its formulas, written out row by row in float64."""

from __future__ import annotations

import math

import pytest
import torch

from noisecleaner.weightings._mixmatch import (
    Mixup,
    collapse,
    mean_prediction,
    one_hot,
    ramp,
    refined,
    sharpened,
    soft_cross_entropies,
    squared_distances,
)

ROWS, CLASSES = 6, 3


def logits(seed: int = 0) -> torch.Tensor:
    return torch.randn(ROWS, CLASSES, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def probabilities(z: torch.Tensor) -> list[list[float]]:
    rows = [[math.exp(value) for value in row] for row in z.tolist()]
    return [[value / sum(row) for value in row] for row in rows]


def assert_rows(found: torch.Tensor, expected: object) -> None:
    torch.testing.assert_close(found, torch.tensor(expected, dtype=torch.float64), rtol=1e-12, atol=1e-14)


def test_a_guess_is_the_mean_over_all_looks() -> None:
    looks = [logits(seed) for seed in range(4)]
    each = [probabilities(look) for look in looks]
    assert_rows(mean_prediction(looks), [[sum(p[n][c] for p in each) / 4 for c in range(CLASSES)] for n in range(ROWS)])


def test_co_refinement_is_eq_4() -> None:
    predicted, labels = logits().softmax(dim=1), torch.tensor([0, 1, 2, 0, 1, 2])
    right = torch.linspace(0, 1, ROWS, dtype=torch.float64)
    expected = [
        [w * (c == y) + (1 - w) * p for c, p in enumerate(row)]
        for row, y, w in zip(predicted.tolist(), labels.tolist(), right.tolist(), strict=True)
    ]
    assert_rows(refined(one_hot(labels, predicted), predicted, right), expected)


@pytest.mark.parametrize("temperature", [0.5, 1.0, 2.0])
def test_sharpening_is_eq_5(temperature: float) -> None:
    p = logits().softmax(dim=1)
    powers = [[value ** (1 / temperature) for value in row] for row in p.tolist()]
    assert_rows(sharpened(p, temperature), [[value / sum(row) for value in row] for row in powers])


def test_a_certain_label_stays_certain() -> None:
    certain = torch.eye(CLASSES, dtype=torch.float64)
    torch.testing.assert_close(sharpened(certain, 0.5), certain)


def test_a_mixture_is_eq_8_and_9() -> None:
    mixup = Mixup(order=torch.tensor([3, 0, 5, 1, 2, 4]), share=torch.linspace(0.5, 1, ROWS, dtype=torch.float64))
    z = logits().view(ROWS, 1, CLASSES)
    expected = [
        [[s * a + (1 - s) * b for a, b in zip(z[n, 0].tolist(), z[o, 0].tolist(), strict=True)]]
        for n, (o, s) in enumerate(zip(mixup.order.tolist(), mixup.share.tolist(), strict=True))
    ]
    assert_rows(mixup.of(z), expected)


def test_a_row_remains_the_larger_part_of_its_mixture() -> None:
    torch.manual_seed(0)
    mixup = Mixup.drawn(20_000, 4.0, torch.device("cpu"))
    assert mixup.order.sort().values.equal(torch.arange(20_000))
    assert mixup.share.min() >= 0.5
    # by the density 140 b^3 (1 - b)^3 of Beta(4, 4), the mean of max(b, 1 - b) is 1/2 + 35/256
    assert mixup.share.mean().item() == pytest.approx(0.5 + 35 / 256, abs=0.004)


def test_losses_are_eq_10_and_11() -> None:
    z, q = logits(), logits(1).softmax(dim=1)
    p, targets = probabilities(z), q.tolist()
    pairs = [list(zip(one, other, strict=True)) for one, other in zip(p, targets, strict=True)]
    assert_rows(soft_cross_entropies(z, q), [-sum(t * math.log(s) for s, t in row) for row in pairs])
    assert_rows(squared_distances(z, q), [sum((s - t) ** 2 for s, t in row) / CLASSES for row in pairs])


def test_the_penalty_is_eq_12() -> None:
    p = probabilities(logits())
    means = [sum(row[c] for row in p) / ROWS for c in range(CLASSES)]
    assert collapse(logits()).item() == pytest.approx(
        sum((1 / CLASSES) * math.log((1 / CLASSES) / m) for m in means), rel=1e-12
    )
    even = torch.eye(CLASSES, dtype=torch.float64).repeat(2, 1) * 9
    assert collapse(even).item() == pytest.approx(0, abs=1e-15)


@pytest.mark.parametrize(("since", "length", "share"), [(0, 16, 0), (4, 16, 0.25), (16, 16, 1), (40, 16, 1), (0, 0, 1)])
def test_the_weight_of_guesses_rises_on_a_line(since: float, length: float, share: float) -> None:
    assert ramp(since, length) == share
