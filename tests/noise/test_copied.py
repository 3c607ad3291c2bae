"""Verified labels that repeat wrong given ones are told from those of a clean dataset, by where networks are surest."""

from __future__ import annotations

import numpy as np
import pytest

from noisecleaner.noise.copied import CODE, copied_labels
from noisecleaner.noise.three_labels import ThreeLabels
from noisecleaner.notices import Severity

CLASSES, ROWS, VERIFIED = 5, 3000, 200


def judged(
    seed: int, *, noise: float, apart: float, copies: bool, rows: int = ROWS, verified: int = VERIFIED
) -> ThreeLabels:
    """Rows of clusters that are so far apart, judged as one does who knows the clusters and the share of wrong labels.

    Args:
        seed: of the rows.
        noise: share of wrong labels.
        apart: distance of the clusters, in their standard deviations.
        copies: whether verified labels repeat the given ones.
        rows: how many there are.
        verified: of them.
    """
    rng = np.random.default_rng(seed)
    true = rng.integers(0, CLASSES, rows)
    given = np.where(rng.random(rows) < noise, (true + rng.integers(1, CLASSES, rows)) % CLASSES, true)
    scores = apart * (apart * np.eye(CLASSES)[true] + rng.normal(size=(rows, CLASSES)))
    likelihood = np.exp(scores - scores.max(axis=1, keepdims=True))
    clean = likelihood / likelihood.sum(axis=1, keepdims=True)
    says = (1 - noise) * clean + noise * (1 - clean) / (CLASSES - 1)
    seen = np.isin(np.arange(rows), rng.choice(rows, verified, replace=False))
    return ThreeLabels(
        given=given,
        likeliest=says.argmax(axis=1),
        certainty=says.max(axis=1),
        verified=seen,
        trusted=given if copies else true,
    )


def alarms(draws: int = 40, **how: float) -> float:
    return float(np.mean([copied_labels(judged(seed, **how)) is not None for seed in range(draws)]))  # type: ignore[arg-type]  # shares and a flag


@pytest.mark.parametrize("noise", [0.15, 0.2, 0.4])
def test_copies_of_noisy_labels_are_nothing_verified(noise: float) -> None:
    assert alarms(noise=noise, apart=3.0, copies=True) >= 0.95
    notice = copied_labels(judged(0, noise=noise, apart=3.0, copies=True))
    assert notice is not None
    assert (notice.code, notice.severity) == (CODE, Severity.VOID)
    assert notice.message.startswith(
        "Only 0 of 200 verified labels differ from the given ones, but networks contradict"
    )


@pytest.mark.parametrize(
    ("noise", "rows", "verified", "least"),
    [(0.2, 3000, 49, 0.8), (0.4, 3000, 30, 0.9), (0.2, 1500, 49, 0.7), (0.2, 1500, 100, 0.9)],
)
def test_few_rows_tell_where_many_labels_are_wrong(noise: float, rows: int, verified: int, least: float) -> None:
    assert alarms(noise=noise, apart=3.0, copies=True, rows=rows, verified=verified) >= least


@pytest.mark.parametrize("verified", [20, 49, 100])
@pytest.mark.parametrize("noise", [0.0, 0.05, 0.2, 0.4])
def test_few_rows_that_somebody_verified_keep_their_rate(noise: float, verified: int) -> None:
    for apart in (0.6, 1.5, 3.0):
        assert alarms(noise=noise, apart=apart, copies=False, rows=1500, verified=verified) == 0


@pytest.mark.parametrize("apart", [0.3, 0.6, 1.0, 1.5, 2.0, 3.0, 5.0])
def test_a_clean_dataset_keeps_its_rate_however_little_networks_see(apart: float) -> None:
    assert alarms(noise=0.0, apart=apart, copies=False) == 0


@pytest.mark.parametrize("noise", [0.05, 0.2, 0.4])
@pytest.mark.parametrize("apart", [1.0, 2.0, 5.0])
def test_noisy_datasets_that_were_verified_keep_theirs(noise: float, apart: float) -> None:
    assert alarms(noise=noise, apart=apart, copies=False) == 0


def test_few_verified_rows_or_none_with_a_network_tell_nothing() -> None:
    rows = judged(0, noise=0.2, apart=3.0, copies=True)
    few = rows.verified & (np.cumsum(rows.verified) < 20)
    unseen = np.full(ROWS, np.nan)
    for verified, certainty in ((few, rows.certainty), (rows.verified, unseen)):
        part = ThreeLabels(
            given=rows.given, likeliest=rows.likeliest, certainty=certainty, verified=verified, trusted=rows.trusted
        )
        assert copied_labels(part) is None
