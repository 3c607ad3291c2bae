"""Purified Learning: whom the critic sees, what it learns, and what the step adds."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from support.regularisers import CLASSES, INPUTS, SOURCE, WIDTH, batch, network, side, step
from torch import nn

from noisecleaner.errors import NoisecleanerError
from noisecleaner.networks.network import Network
from noisecleaner.regularisers import build
from noisecleaner.regularisers.purified import Purified


def test_purified_needs_features_that_are_trained() -> None:
    head = Network(trunk=nn.Identity(), head=nn.Linear(WIDTH, CLASSES))
    with pytest.raises(NoisecleanerError, match=r"`Model\(frozen=False\)`"):
        build("purified", side=side(), network=head)


def test_the_critic_learns_every_third_step_and_stays_within_its_limit() -> None:
    trained = network()
    torch.manual_seed(0)
    regulariser = Purified(side(), trained).double()
    moved = []
    for number in range(7):
        before = [p.detach().clone() for p in regulariser.critic.parameters()]
        step(regulariser, trained, number)
        after = list(regulariser.critic.parameters())
        moved.append(any(not torch.equal(a, b) for a, b in zip(after, before, strict=True)))
    assert moved == [True, False, False, True, False, False, True]
    assert max(p.abs().max().item() for p in regulariser.critic.parameters()) <= 0.1


def test_a_has_the_fixed_label_and_b_has_any() -> None:
    regulariser = Purified(side(), network(), label="rear")
    fixed, mixed = regulariser.draw(np.random.default_rng(0), 100)
    camera = side().irrelevant
    assert set(camera[fixed]) == {1}
    assert set(camera[mixed]) == {0, 1}


def test_the_critic_climbs_to_where_it_tells_b_from_a() -> None:
    trained = network()
    torch.manual_seed(0)
    regulariser = Purified(side(), trained, critic_rate=0.01).double()
    shifted = INPUTS + 3 * torch.tensor(side().irrelevant == 1).unsqueeze(1)
    fixed, mixed = np.flatnonzero(side().irrelevant == 0), np.flatnonzero(side().irrelevant >= 0)

    def gap() -> float:
        with torch.no_grad():
            scores = regulariser.critic(trained.trunk(shifted))
        return float(scores[mixed].mean() - scores[fixed].mean())

    before = gap()
    for _ in range(60):
        regulariser._teach(trained, fixed=shifted[fixed], mixed=shifted[mixed])
    assert gap() > before + 1e-3


@pytest.mark.parametrize("summed", [False, True])
def test_the_step_adds_the_wasserstein_loss_of_equation_25_and_26(summed: bool) -> None:
    trained = network()
    regulariser = Purified(side(), trained, lambda_1=0.5, lambda_2=2.0, summed=summed).double()
    source = batch(SOURCE)
    loss = torch.tensor(3.0, dtype=torch.float64)
    found = regulariser.regularise(loss, trained, source, ())
    expected = 1.5 * (len(SOURCE) if summed else 1) - 2 * regulariser.critic(trained.trunk(source.inputs)).mean()
    assert found.item() == pytest.approx(expected.item(), rel=1e-9)


def test_b_is_moved_too_under_equation_21() -> None:
    trained = network()
    regulariser = Purified(side(), trained, both=True, critic_every=2, critic_steps=2).double()
    rng = np.random.default_rng(0)
    assert len(regulariser.draw(rng, 10)) == 5  # B, and A and B for each step of the critic
    zero = torch.zeros((), dtype=torch.float64)
    regulariser.regularise(zero, trained, batch(SOURCE), [INPUTS[rows] for rows in regulariser.draw(rng, 10)])
    (rows,) = regulariser.draw(rng, 10)
    found = regulariser.regularise(zero, trained, batch(SOURCE), [INPUTS[rows]])
    scores = [regulariser.critic(trained.trunk(inputs)).mean() for inputs in (INPUTS[rows], INPUTS[SOURCE])]
    assert found.item() == pytest.approx((scores[0] - scores[1]).item(), rel=1e-9)


def test_a_gradient_penalty_holds_the_critic_near_slope_1_in_place_of_the_limit() -> None:
    trained = network()
    torch.manual_seed(0)
    critics = [
        Purified(side(), trained, gradient_penalty=penalty, critic_every=1, critic_rate=0.01).double()
        for penalty in (10.0, 1e-9)
    ]
    for number in range(100):
        for regulariser in critics:
            step(regulariser, trained, number)
    inputs = trained.trunk(INPUTS).detach().requires_grad_()
    slopes = [torch.autograd.grad(r.critic(inputs).sum(), inputs)[0].norm(dim=1).mean().item() for r in critics]
    assert slopes[0] == pytest.approx(1, abs=0.3)
    assert slopes[1] > 2
    assert max(p.abs().max().item() for p in critics[0].critic.parameters()) > 0.1


def test_normalised_features_have_no_size() -> None:
    trained = network()
    trained.trunk = nn.Linear(WIDTH, 8, bias=False).double()
    regulariser = Purified(side(), trained, normalised=True).double()
    scores = [regulariser._score(trained, factor * INPUTS[:10]).item() for factor in (1000.0, 3000.0)]
    assert scores[0] == pytest.approx(scores[1], rel=1e-4)


def test_options_out_of_range_are_refused() -> None:
    for options in (
        {"critic_every": 0},
        {"critic_steps": 0},
        {"gradient_penalty": -1.0},
        {"critic_rate": 0.0},
        {"lambda_2": 0.0},
        {"label": "left"},
    ):
        with pytest.raises(NoisecleanerError, match="cannot work here"):
            build("purified", side=side(), network=network(), options=options)
