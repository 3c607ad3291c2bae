"""The entropy of what a network says, against scipy's, in float64."""

from __future__ import annotations

import pytest
import torch
from scipy.special import softmax
from scipy.stats import entropy
from support.regularisers import INPUTS, SOURCE, batch, network, side

from noisecleaner.errors import NoisecleanerError
from noisecleaner.regularisers import build
from noisecleaner.regularisers.entropy import Entropy, mean_entropy


def test_the_entropy_is_that_of_the_probabilities() -> None:
    expected = entropy(softmax(INPUTS.numpy(), axis=1), axis=1).mean()
    assert mean_entropy(INPUTS).item() == pytest.approx(expected, rel=1e-12)
    sure = torch.tensor([[1e4, 0.0, -1e4]]).double()
    assert mean_entropy(sure).item() == 0
    assert torch.autograd.gradcheck(mean_entropy, INPUTS[:3].clone().requires_grad_())


def test_unlabelled_rows_alone_count() -> None:
    trained = network().eval()
    regulariser = Entropy(side(), trained, weight=2.0)
    loss = regulariser.regularise(torch.ones(()).double(), trained, batch(SOURCE), [INPUTS[25:30]])
    assert loss.item() == pytest.approx(1 + 2 * mean_entropy(trained(INPUTS[25:30])).item(), rel=1e-12)


def test_a_weight_out_of_range_is_refused() -> None:
    with pytest.raises(NoisecleanerError, match="above 0"):
        build("entropy", side=side(), network=network(), options={"weight": -1.0})
