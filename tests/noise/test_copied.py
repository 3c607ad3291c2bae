"""Verified labels that repeat wrong given ones are told from those of a clean dataset, by where networks are surest."""

from __future__ import annotations

import numpy as np
import pytest

from noisecleaner.noise.copied import CODE, copied_labels
from noisecleaner.noise.judged import Judged
from noisecleaner.notices import Severity

CLASSES, ROWS, VERIFIED = 5, 3000, 200


def judged(seed: int, *, noise: float, apart: float, copies: bool) -> Judged:
    """Rows of clusters that are so far apart, judged as one does who knows the clusters and the share of wrong labels.

    Args:
        seed: of the rows.
        noise: share of wrong labels.
        apart: distance of the clusters, in their standard deviations.
        copies: whether verified labels repeat the given ones.
    """
    rng = np.random.default_rng(seed)
    true = rng.integers(0, CLASSES, ROWS)
    given = np.where(rng.random(ROWS) < noise, (true + rng.integers(1, CLASSES, ROWS)) % CLASSES, true)
    scores = apart * (apart * np.eye(CLASSES)[true] + rng.normal(size=(ROWS, CLASSES)))
    likelihood = np.exp(scores - scores.max(axis=1, keepdims=True))
    clean = likelihood / likelihood.sum(axis=1, keepdims=True)
    says = (1 - noise) * clean + noise * (1 - clean) / (CLASSES - 1)
    verified = np.isin(np.arange(ROWS), rng.choice(ROWS, VERIFIED, replace=False))
    return Judged(
        given=given,
        likeliest=says.argmax(axis=1),
        certainty=says.max(axis=1),
        verified=verified,
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


@pytest.mark.parametrize("apart", [0.3, 0.6, 1.0, 1.5, 2.0, 3.0, 5.0])
def test_a_clean_dataset_keeps_its_rate_however_little_networks_see(apart: float) -> None:
    assert alarms(noise=0.0, apart=apart, copies=False) == 0


@pytest.mark.parametrize("noise", [0.05, 0.2, 0.4])
@pytest.mark.parametrize("apart", [1.0, 2.0, 5.0])
def test_noisy_datasets_that_were_verified_keep_theirs(noise: float, apart: float) -> None:
    assert alarms(noise=noise, apart=apart, copies=False) == 0


def test_few_verified_rows_or_none_with_a_network_tell_nothing() -> None:
    rows = judged(0, noise=0.2, apart=3.0, copies=True)
    few = rows.verified & (np.cumsum(rows.verified) < 50)
    unseen = np.full(ROWS, np.nan)
    for verified, certainty in ((few, rows.certainty), (rows.verified, unseen)):
        part = Judged(
            given=rows.given, likeliest=rows.likeliest, certainty=certainty, verified=verified, trusted=rows.trusted
        )
        assert copied_labels(part) is None
