"""L2RW: L2B without the pseudo label."""

from __future__ import annotations

import torch
from support.gradients import agreement
from support.weightings import ROWS, SOURCE, TARGET, batch, small_network, take

from noisecleaner.gradients.alignment import at
from noisecleaner.weightings.l2b import LearningToBootstrap
from noisecleaner.weightings.l2rw import LearningToReweight


def test_l2rw_is_l2b_without_the_pseudo_label() -> None:
    network = small_network()
    weighting = LearningToReweight(ROWS, network).double()
    source, target = batch(SOURCE), batch(TARGET, seed=2)
    agrees, _ = agreement(network, source.inputs, target.inputs, target.labels)
    cut = at(agrees, source.labels).relu()
    take(weighting, network, source, target)
    torch.testing.assert_close(weighting.alpha()[source.rows], len(SOURCE) * cut / cut.sum())
    assert weighting.beta() is None


def test_l2rws_step_is_that_of_l2bs_ablation() -> None:
    network = small_network()
    source, target = batch(SOURCE), batch(TARGET, seed=2)
    own = LearningToReweight(ROWS, network).double()
    ablation = LearningToBootstrap(ROWS, network, weights="given").double()
    steps = [take(weighting, network, source, target) for weighting in (own, ablation)]
    torch.testing.assert_close(steps[0].loss, steps[1].loss, rtol=1e-12, atol=1e-14)
    torch.testing.assert_close(own.alpha(), ablation.alpha(), rtol=1e-12, atol=1e-14, equal_nan=True)
    assert torch.equal(own.alignment().nan_to_num(-9), ablation.alignment().nan_to_num(-9))
