"""L2B: Algorithm 1 and eq. 3 to 10."""

from __future__ import annotations

import pytest
import torch
from support.gradients import agreement
from support.weightings import ROWS, SOURCE, TARGET, batch, small_network, take
from torch import Tensor
from torch.func import functional_call
from torch.nn import functional

from noisecleaner.errors import NoisecleanerError
from noisecleaner.gradients.alignment import at
from noisecleaner.networks.network import Batch, Network
from noisecleaner.weightings import build
from noisecleaner.weightings.l2b import LearningToBootstrap


def unrolled_weights(network: Network, source: Batch, target: Batch) -> tuple[Tensor, Tensor]:
    """Eq. 4 to 9 as they stand: one step from zero weights, the slope of the trusted loss, cut and normalised."""
    rate = 0.1
    parameters = dict(network.named_parameters())
    logits = network(source.inputs)
    pseudo = logits.argmax(dim=1)
    alpha = torch.zeros(len(source.rows), dtype=torch.float64, requires_grad=True)
    beta = torch.zeros(len(source.rows), dtype=torch.float64, requires_grad=True)
    given = functional.cross_entropy(logits, source.labels, reduction="none")
    own = functional.cross_entropy(logits, pseudo, reduction="none")
    gradient = torch.autograd.grad((alpha * given + beta * own).sum(), list(parameters.values()), create_graph=True)
    ahead = {name: p - rate * g for (name, p), g in zip(parameters.items(), gradient, strict=True)}
    loss = functional.cross_entropy(functional_call(network, ahead, (target.inputs,)), target.labels)
    slopes = torch.autograd.grad(loss, (alpha, beta))
    cut = [(-slope).clamp(min=0) for slope in slopes]
    total = cut[0].sum() + cut[1].sum()
    return cut[0] / total, cut[1] / total


def test_l2bs_weights_are_those_of_the_unrolled_step() -> None:
    network = small_network()
    weighting = LearningToBootstrap(ROWS, network).double()
    source, target = batch(SOURCE), batch(TARGET, seed=2)
    alpha, beta = unrolled_weights(network, source, target)
    take(weighting, network, source, target)
    kept_beta = weighting.beta()[source.rows] / len(SOURCE)
    assert (weighting.alpha()[source.rows] / len(SOURCE) - alpha).norm() < 1e-9 * alpha.norm()
    assert (kept_beta - beta).norm() < 1e-9 * beta.norm()


@pytest.mark.parametrize("weights", ["given", "pseudo", "convex"])
def test_l2bs_ablations_are_those_of_table_eight(weights: str) -> None:
    network = small_network()
    source, target = batch(SOURCE), batch(TARGET, seed=2)
    agrees, logits = agreement(network, source.inputs, target.inputs, target.labels)
    given, pseudo = at(agrees, source.labels).relu(), at(agrees, logits.argmax(dim=1)).relu()
    weighting = build("l2b", rows=ROWS, network=network, options={"weights": weights})
    assert isinstance(weighting, LearningToBootstrap)
    take(weighting.double(), network, source, target)
    alpha, beta = weighting.alpha()[source.rows], weighting.beta()[source.rows]
    if weights == "convex":
        torch.testing.assert_close(alpha + beta, torch.ones(len(SOURCE), dtype=torch.float64))
        known = given + pseudo > 0
        torch.testing.assert_close(alpha[known], (given / (given + pseudo))[known])
        assert (alpha[~known] == 0.5).all()
    else:
        kept, zero = (alpha, beta) if weights == "given" else (beta, alpha)
        used = given if weights == "given" else pseudo
        torch.testing.assert_close(kept, len(SOURCE) * used / used.sum())
        assert not zero.any()


@pytest.mark.parametrize("normalise", ["sigmoid", "softmax"])
@pytest.mark.parametrize("weights", ["both", "given", "pseudo"])
def test_l2bs_normalisations_are_those_of_figure_three(normalise: str, weights: str) -> None:
    network = small_network()
    source, target = batch(SOURCE), batch(TARGET, seed=2)
    agrees, logits = agreement(network, source.inputs, target.inputs, target.labels)
    both = torch.stack([at(agrees, source.labels), at(agrees, logits.argmax(dim=1))])
    both = both / both.square().mean().sqrt()
    used = {"both": [0, 1], "given": [0], "pseudo": [1]}[weights]
    if normalise == "softmax":
        expected = both[used].flatten().softmax(dim=0).view(len(used), -1)
    else:
        expected = both[used].sigmoid() / both[used].sigmoid().sum()
    weighting = build("l2b", rows=ROWS, network=network, options={"weights": weights, "normalise": normalise})
    take(weighting.double(), network, source, target)
    beta = weighting.beta()
    assert beta is not None
    found = torch.stack([weighting.alpha(), beta])[:, source.rows] / len(SOURCE)
    torch.testing.assert_close(found[used], expected, rtol=1e-9, atol=0)
    assert float(found.sum()) == pytest.approx(1)


def test_within_a_row_there_is_nothing_to_normalise() -> None:
    with pytest.raises(NoisecleanerError, match="goes with normalise=cut"):
        build("l2b", rows=ROWS, network=small_network(), options={"weights": "convex", "normalise": "softmax"})


def test_l2bs_loss_is_equation_ten() -> None:
    network = small_network()
    source, target = batch(SOURCE), batch(TARGET, seed=2)
    alpha, beta = unrolled_weights(network, source, target)
    logits = network(source.inputs)
    given = functional.cross_entropy(logits, source.labels, reduction="none")
    own = functional.cross_entropy(logits, logits.argmax(dim=1), reduction="none")
    step = LearningToBootstrap(ROWS, network).double().step(network, source, target)
    torch.testing.assert_close(step.loss, (alpha * given + beta * own).sum())
