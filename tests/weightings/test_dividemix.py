"""A step of DivideMix is its Algorithm 1, by itself and with L2B's weights: against the formulas in float64."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
import torch
from support.weightings import CLASSES, ROWS, batch, pair_network
from torch import Tensor
from torch.nn import functional

from noisecleaner.errors import NoisecleanerError
from noisecleaner.networks.network import Batch, Network
from noisecleaner.networks.twins import members
from noisecleaner.weightings import build, check_options
from noisecleaner.weightings._mixmatch import Mixup
from noisecleaner.weightings._pair import Divided
from noisecleaner.weightings.dividemix import DivideMix

LABELLED, UNLABELLED, TARGET = [2, 5, 8, 11], [3, 6, 9], [0, 1, 4, 7]


def rule(network: Network, **options: object) -> DivideMix:
    made = build("dividemix", rows=ROWS, network=network, options=options)
    assert isinstance(made, DivideMix)
    right = torch.linspace(0.3, 0.9, ROWS, dtype=torch.float64)
    made = made.double()
    for number in range(2):
        made.divide(number, torch.arange(ROWS), right if number else right.flip(0))
    return made


def views(rows: list[int], first_seed: int) -> list[Batch]:
    """Two views of rows: other inputs, the same labels."""
    one, two = (batch(rows, seed=seed) for seed in (first_seed, first_seed + 1))
    return [one, Batch(inputs=two.inputs, labels=one.labels, rows=one.rows)]


def divided(unlabelled: list[int], *, since: float = 4.0) -> Divided:
    target = batch(TARGET, seed=9)
    return Divided(labelled=views(LABELLED, 1), unlabelled=views(unlabelled, 3), target=target, since=since)


def sharp(p: Tensor) -> Tensor:
    return p.square() / p.square().sum(dim=1, keepdim=True)  # T = 0.5


def said(networks: Sequence[Network], looks: Sequence[Batch]) -> Tensor:
    return torch.stack([one(look.inputs).softmax(dim=1) for one in networks for look in looks]).mean(dim=0).detach()


def by_hand(weighting: DivideMix, number: int, own: Network, other: Network, what: Divided) -> tuple[Tensor, ...]:
    """Mixed inputs, and mixed targets: refined, given, the network's own; and how many rows are labelled ones."""
    given = functional.one_hot(what.labelled[0].labels, CLASSES).double()
    w = weighting.right[1 - number, what.labelled[0].rows].double().unsqueeze(1)
    p = said([own], what.labelled)
    guessed = sharp(said([own, other], what.unlabelled)) if len(what.unlabelled[0].rows) else given[:0]
    inputs = torch.cat([look.inputs for look in (*what.labelled, *what.unlabelled)])
    torch.manual_seed(7)
    mixup = Mixup.drawn(len(inputs), 4.0, inputs.device)
    s = mixup.share.double().view(-1, 1)
    whole = [torch.cat([t, t, guessed, guessed]) for t in (sharp(w * given + (1 - w) * p), given, sharp(p))]
    return tuple(s * t + (1 - s) * t[mixup.order] for t in (inputs, *whole))


def parts_of(logits: Tensor, target: Tensor, first: int) -> tuple[Tensor, Tensor, Tensor]:
    """L_X, L_U and L_reg (eq. 10 to 12)."""
    p = logits.softmax(dim=1)
    on_labels = -(target * p.log()).sum(dim=1)[:first].mean()
    on_guesses = ((p - target) ** 2).mean(dim=1)[first:].mean()
    even = torch.full((CLASSES,), 1 / CLASSES, dtype=torch.float64)
    return on_labels, on_guesses, (even * (even / p.mean(dim=0)).log()).sum()


@pytest.mark.parametrize("number", [0, 1])
def test_a_step_is_eq_3_to_13(number: int) -> None:
    network = pair_network()
    weighting, what = rule(network, lambda_u=10.0), divided(UNLABELLED)
    own, other = members(network)[number], members(network)[1 - number]
    inputs, refined, _, _ = by_hand(weighting, number, own, other, what)
    labelled, guessed, even = parts_of(own(inputs), refined, 2 * len(LABELLED))
    expected = labelled + 10.0 * (4 / 16) * guessed + even
    torch.manual_seed(7)
    loss = weighting.teach(number, own, other, what)
    torch.testing.assert_close(loss, expected, rtol=1e-12, atol=1e-14)
    ours, theirs = (torch.autograd.grad(one, list(own.parameters())) for one in (loss, expected))
    torch.testing.assert_close(ours, theirs, rtol=1e-10, atol=1e-13)
    assert all(parameter.grad is None for parameter in other.parameters())
    assert weighting.alignment().isnan().all()


def test_with_l2b_labelled_rows_weigh_what_a_look_ahead_says() -> None:
    """alpha and beta are slopes of the trusted loss after a step from zero weights (L2B, eq. 5 to 9), by autograd."""
    network = pair_network()
    weighting, what = rule(network, weights="l2b", lambda_u=10.0), divided(UNLABELLED)
    own, other = members(network)
    inputs, refined, given, pseudo = by_hand(weighting, 0, own, other, what)
    first = 2 * len(LABELLED)
    logs = own(inputs).log_softmax(dim=1)[:first]
    losses = [-(target[:first] * logs).sum(dim=1) for target in (given, pseudo)]
    zero = torch.zeros(2, first, dtype=torch.float64, requires_grad=True)
    named = dict(own.named_parameters())
    slopes = torch.autograd.grad((zero * torch.stack(losses)).sum(), list(named.values()), create_graph=True)
    ahead = {name: p - slope for (name, p), slope in zip(named.items(), slopes, strict=True)}
    trusted = functional.cross_entropy(
        torch.func.functional_call(own, ahead, (what.target.inputs,)), what.target.labels
    )
    (epsilon,) = torch.autograd.grad(trusted, zero)
    positive = (-epsilon).clamp_min(0)
    weights = positive / positive.sum()
    assert 0 < int((weights > 0).sum()) < weights.numel()
    _, guessed, even = parts_of(own(inputs), refined, first)
    expected = (weights * torch.stack(losses)).sum() + 10.0 * (4 / 16) * guessed + even
    torch.manual_seed(7)
    loss = weighting.teach(0, own, other, what)
    torch.testing.assert_close(loss, expected, rtol=1e-10, atol=1e-13)
    ours, theirs = (torch.autograd.grad(one, list(own.parameters())) for one in (loss, expected))
    torch.testing.assert_close(ours, theirs, rtol=1e-9, atol=1e-12)
    unit = -epsilon[0] / epsilon[0].square().mean().sqrt()
    means = unit.view(2, -1).mean(dim=0).detach()
    torch.testing.assert_close(weighting.alignment()[what.labelled[0].rows], means, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("weights", ["mixture", "l2b"])
def test_without_a_row_to_guess_labels_alone_are_learned(weights: str) -> None:
    network = pair_network()
    weighting, own, other = rule(network, weights=weights), *members(network)
    loss = weighting.teach(0, own, other, divided([]))
    assert loss.isfinite()
    torch.autograd.backward(loss)
    assert all(p.grad is not None and p.grad.isfinite().all() for p in own.parameters())


def test_the_penalty_of_the_warm_up_is_the_entropy() -> None:
    network = pair_network()
    own, source = members(network)[0], batch(LABELLED)
    p = own(source.inputs).softmax(dim=1)
    entropy = -(p * p.log()).sum(dim=1).mean()
    plain = functional.cross_entropy(own(source.inputs), source.labels)
    for penalty, expected in ((True, plain - entropy), (False, plain)):
        step = rule(network, penalty=penalty).warm_up(own, source, batch([]))
        torch.testing.assert_close(step.loss, expected)


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"temperature": 0.0}, "above 0"),
        ({"lambda_u": -1.0}, "not be negative"),
        ({"p_threshold": 1.5}, "from 0 to 1"),
        ({"views": 0}, "at least 1"),
        ({"warmup": -1}, "not be negative"),
        ({"weights": "l2rw"}, "must be one of mixture, l2b"),
        ({"lambda": 1.0}, "Choose one of"),
    ],
)
def test_options_that_make_no_sense_are_refused(options: dict[str, object], says: str) -> None:
    with pytest.raises(NoisecleanerError, match=says):
        check_options("dividemix", options)
