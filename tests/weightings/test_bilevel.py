"""Deep Bilevel: eq. 10 and 11."""

from __future__ import annotations

from copy import deepcopy

import pytest
import torch
from support.weightings import ROWS, SOURCE, TARGET, batch, seeded, small_network, take
from torch import Tensor, nn
from torch.nn import functional

from noisecleaner.errors import NoisecleanerError
from noisecleaner.gradients.passes import UnfollowedError
from noisecleaner.networks.network import Batch, Network
from noisecleaner.settings import Layers, Meta
from noisecleaner.weightings import bilevel, build, check_options
from noisecleaner.weightings.bilevel import DeepBilevel


def gradient(loss: Tensor, network: Network) -> Tensor:
    return torch.cat([g.flatten() for g in torch.autograd.grad(loss, list(network.parameters()))])


def grouped() -> Batch:
    """Four rows of each class, so that four mini-batches have one label distribution."""
    made = batch(list(range(12)))
    return Batch(inputs=made.inputs, labels=torch.arange(12) % 3, rows=made.rows)


@pytest.mark.parametrize("normalised", [True, False])
@pytest.mark.parametrize("trusted", [True, False])
def test_bilevels_weights_and_step_are_equations_ten_and_eleven(trusted: bool, normalised: bool) -> None:
    network, source = small_network(), grouped()
    target = batch(TARGET if trusted else [], seed=2)
    weighting = DeepBilevel(ROWS, network, batches=4, lambda_hat=0.7, mu_hat=0.02, normalised=normalised).double()
    step = seeded(weighting, network, source, target)
    torch.manual_seed(7)
    parts = weighting._deal(source.labels)
    losses = [functional.cross_entropy(network(source.inputs[p]), source.labels[p]) for p in parts]
    validation = functional.cross_entropy(network(target.inputs), target.labels) if trusted else losses[0]
    losses, parts = (losses, parts) if trusted else (losses[1:], parts[1:])
    along = gradient(validation, network)
    own = [gradient(functional.cross_entropy(network(source.inputs[p]), source.labels[p]), network) for p in parts]
    omega = torch.stack([along @ g / (g @ g / 0.7 + 0.02) for g in own])
    omega = omega / omega.abs().sum() if normalised else omega
    expected = sum(w * g for w, g in zip(omega, own, strict=True))
    found = gradient(step.loss, network)
    assert ((found - expected).norm() / expected.norm()).item() < 1e-9
    for part, weight in zip(parts, omega, strict=True):
        kept = weighting.alpha()[source.rows[part]]
        assert (kept - len(parts) * weight).abs().max() < 1e-9
    held_back = 0 if trusted else 3
    assert int(weighting.alpha()[:12].isnan().sum()) == held_back


def test_bilevels_step_stays_finite_where_gradients_have_all_but_vanished() -> None:
    network, source = small_network().float(), grouped()
    with torch.no_grad():
        network.head.weight.mul_(1e-30)
        network.head.bias.copy_(torch.tensor([0.0, 48.0, 0.0]))
    certain = Batch(inputs=source.inputs.float(), labels=torch.ones(12, dtype=torch.int64), rows=source.rows)
    weighting = DeepBilevel(ROWS, network, batches=4)
    step = weighting.step(network, certain, batch([]))
    torch.autograd.backward(step.loss)
    assert step.loss.isfinite()
    assert weighting.alpha()[:12].nansum().isfinite()
    assert all(p.grad is not None and p.grad.isfinite().all() for p in network.parameters())


def test_bilevels_mini_batches_have_one_label_distribution() -> None:
    weighting = DeepBilevel(ROWS, small_network(), batches=4)
    parts = weighting._deal(grouped().labels)
    assert sorted(torch.cat(parts).tolist()) == list(range(12))
    assert all(sorted(grouped().labels[part].tolist()) == [0, 1, 2] for part in parts)
    free = DeepBilevel(ROWS, small_network(), batches=4, equal_labels=False)
    assert free.group == 1
    assert any(sorted(grouped().labels[part].tolist()) != [0, 1, 2] for part in free._deal(grouped().labels))


def test_bilevel_refuses_what_it_cannot_deal() -> None:
    for options in ({"batches": 1}, {"mu_hat": 0.0}, {"lambda_hat": -1.0}):
        with pytest.raises(NoisecleanerError, match="must be"):
            check_options("bilevel", options)
    assert check_options("bilevel", {"batches": 16}).least_batch == 32


def test_bilevel_trains_plainly_where_there_is_nothing_to_compare() -> None:
    network, source = small_network(), batch(SOURCE[:1])
    weighting = DeepBilevel(ROWS, network, batches=4).double()
    step = take(weighting, network, source, batch([]))
    torch.testing.assert_close(step.loss, functional.cross_entropy(network(source.inputs), source.labels))
    assert weighting.alpha().isnan().all()


@pytest.mark.parametrize("layers", ["exact", "block", "last"])
@pytest.mark.parametrize("trusted", [True, False])
def test_bilevel_compares_mini_batches_at_once_as_it_does_one_by_one(
    layers: Layers, trusted: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Batch norm sees each mini-batch alone, and its running statistics move by one after the other."""
    torch.manual_seed(0)
    layers_of_trunk = [nn.Conv1d(1, 4, 3), nn.BatchNorm1d(4), nn.ReLU(), nn.Flatten(), nn.Linear(12, 6), nn.ReLU()]
    trunk = nn.Sequential(nn.Unflatten(1, (1, 5)), *layers_of_trunk)
    first = Network(trunk=trunk, head=nn.Linear(6, 3)).double().train()
    source, target, found = grouped(), batch(TARGET if trusted else [], seed=2), list[list[Tensor]]()
    for network in (first, deepcopy(first)):
        weighting = build("bilevel", rows=ROWS, network=network, options={"batches": 4}, meta=Meta(layers=layers))
        step = seeded(weighting.double(), network, source, target)
        torch.autograd.backward(step.loss)
        state = [step.loss.detach(), step.logits, weighting.alpha(), weighting.alignment()]
        gradients = [p.grad for p in network.parameters() if p.grad is not None]
        statistics = [value for name, value in network.named_buffers() if "num_batches" not in name]
        found.append([*state, *gradients, *statistics])
        monkeypatch.setattr(bilevel, "grouped_pass", _refuse)
    assert len(found[0]) == len(found[1])
    for one, other in zip(*found, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-9, atol=1e-11, equal_nan=True)


def _refuse(*_: object, **named: object) -> None:
    raise UnfollowedError("one by one")
