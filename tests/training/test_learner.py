"""A step is the papers' algorithm, written out by hand in float64; an epoch shows its numbers; nothing is forgotten."""

from __future__ import annotations

import math
from copy import deepcopy
from dataclasses import replace

import numpy as np
import pytest
import torch
from support import learners
from torch import Tensor, nn
from torch.func import functional_call
from torch.nn import functional

from noisecleaner.errors import NoisecleanerError
from noisecleaner.inputs.batches import Data
from noisecleaner.networks.network import Batch, Network
from noisecleaner.settings import Meta
from noisecleaner.training.folds import Fold
from noisecleaner.training.learner import WeightingLearner
from noisecleaner.training.recipe import Recipe, make_state
from noisecleaner.training.schedule import Schedule
from noisecleaner.training.state import margins
from noisecleaner.weightings import Step, Weighting
from noisecleaner.weightings.soseleto import Soseleto

STEPS = 3
MOMENTUM, DECAY, CLIP, RATE = 0.9, 0.01, 5.0, 0.3


class Exact(Data):
    """The same in float64."""

    def readied(self, values: Tensor) -> Tensor:
        return values.double()


def exact_learner(recipe: Recipe, *, scale: float = 1.0, clip: float = CLIP) -> WeightingLearner:
    """A learner in float64, each epoch of which is one step on all rows."""
    data = learners.vectors()
    schedule = Schedule(
        epochs=STEPS,
        batch_size=learners.SOURCE,
        trusted_batch=learners.STEERING,
        learning_rate=RATE,
        weight_decay=DECAY,
        momentum=MOMENTUM,
        clip=clip,
    )
    network = learners.network().double()
    state = make_state(recipe, network, side=learners.side(), rows=learners.ROWS, seed=0)
    state.weighting.double()
    exact = Exact(array=scale * data.array, given=data.given, trusted=data.trusted, device=data.device)
    return WeightingLearner(state, exact, learners.fold(), schedule)


def batches(learner: WeightingLearner) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Inputs and labels of the source rows, and of those that steer."""
    data, fold = learner.data, learner.fold
    labels = (data.given[fold.source], data.trusted[fold.steering])
    return (
        data.inputs(fold.source),
        torch.from_numpy(labels[0]),
        data.inputs(fold.steering),
        torch.from_numpy(labels[1]),
    )


def rates() -> list[float]:
    """A half cosine."""
    return [RATE * (1 + math.cos(math.pi * number / STEPS)) / 2 for number in range(STEPS)]


class Momentum:
    """Clipping and momentum SGD, written out."""

    def __init__(self, module: nn.Module, clip: float = CLIP) -> None:
        self.clip = clip or math.inf
        self.parameters = list(module.parameters())
        self.velocity = [torch.zeros_like(parameter) for parameter in self.parameters]

    @torch.no_grad()
    def step(self, loss: Tensor, rate: float) -> float:
        """Descend on a loss; return by how much its gradient was shrunk."""
        with torch.enable_grad():
            gradients = torch.autograd.grad(loss, self.parameters)
        norm = torch.stack([gradient.square().sum() for gradient in gradients]).sum().sqrt()
        shrunk = min(1.0, self.clip / (float(norm) + 1e-6))
        for parameter, gradient, velocity in zip(self.parameters, gradients, self.velocity, strict=True):
            velocity.mul_(MOMENTUM).add_(shrunk * gradient + DECAY * parameter)
            parameter.sub_(rate * velocity)
        return shrunk


def take(learner: WeightingLearner, steps: int = STEPS) -> None:
    with learner.session():
        for number in range(steps):
            learner.step(number)


def assert_equal(ours: nn.Module, by_hand: nn.Module) -> None:
    for (name, one), other in zip(ours.named_parameters(), by_hand.parameters(), strict=True):
        torch.testing.assert_close(one, other, rtol=1e-9, atol=1e-11, msg=name)


@pytest.mark.parametrize("scale", [1.0, 30.0], ids=["", "clipped"])
def test_soseletos_steps_are_its_algorithm_1(scale: float) -> None:
    learner = exact_learner(Recipe("soseleto", options={"rate": 0.2}), scale=scale)
    rule = learner.state.weighting
    assert isinstance(rule, Soseleto)
    network, phi_t = deepcopy(learner.state.network), deepcopy(rule.target_head)
    assert phi_t is not None
    take(learner)

    inputs, labels, trusted, verified = batches(learner)
    alpha = torch.ones(learners.SOURCE, dtype=torch.float64)
    descents, shrunk = (Momentum(network), Momentum(phi_t)), []
    for rate in rates():
        theta = list(network.trunk.parameters())
        loss_t = functional.cross_entropy(phi_t(network.trunk(trusted)), verified)
        v = torch.autograd.grad(loss_t, theta)
        agrees = []
        for row in range(learners.SOURCE):
            gradient = torch.autograd.grad(functional.cross_entropy(network(inputs[row]), labels[row]), theta)
            agrees.append(sum(float((one * other).sum()) for one, other in zip(gradient, v, strict=True)))
        losses = functional.cross_entropy(network(inputs), labels, reduction="none")
        loss_s = (alpha * losses).mean()  # eq. 3, with the weights as they are
        loss_t = functional.cross_entropy(phi_t(network.trunk(trusted).detach()), verified)
        shrunk.append([descent.step(loss, rate) for descent, loss in zip(descents, (loss_s, loss_t), strict=True)])
        moved = torch.tensor(agrees, dtype=torch.float64)
        alpha = (alpha + 0.2 * moved / moved.square().mean().sqrt()).clamp(0, 1.1)  # eq. 5
    assert (np.array(shrunk) < 1).any() == (scale > 1)
    assert_equal(learner.state.network, network)
    assert_equal(rule.target_head, phi_t)
    torch.testing.assert_close(rule.alpha()[: learners.SOURCE], alpha, rtol=1e-9, atol=1e-11)


def test_l2bs_steps_are_its_algorithm_1() -> None:
    learner = exact_learner(Recipe("l2b", options={"warmup": 0}))
    network = deepcopy(learner.state.network)
    take(learner)

    inputs, labels, trusted, verified = batches(learner)
    descent, sums = Momentum(network), torch.zeros(2, learners.SOURCE, dtype=torch.float64)
    for rate in rates():
        pseudo = network(inputs).argmax(dim=1).detach()
        both = [functional.cross_entropy(network(inputs), which, reduction="none") for which in (labels, pseudo)]
        weights = torch.zeros(2, learners.SOURCE, dtype=torch.float64, requires_grad=True)
        parameters = dict(network.named_parameters())
        ahead = torch.autograd.grad((weights * torch.stack(both)).sum(), list(parameters.values()), create_graph=True)
        moved = {name: p - g for (name, p), g in zip(parameters.items(), ahead, strict=True)}  # eq. 5
        loss_t = functional.cross_entropy(functional_call(network, moved, trusted), verified)
        (slope,) = torch.autograd.grad(loss_t, weights)  # eq. 7
        weights = (-slope).relu() / (-slope).relu().sum()  # eq. 8 and 9
        sums += learners.SOURCE * weights
        both = [functional.cross_entropy(network(inputs), which, reduction="none") for which in (labels, pseudo)]
        descent.step((weights * torch.stack(both)).sum(), rate)  # eq. 10
    assert_equal(learner.state.network, network)
    rule, rows = learner.state.weighting, slice(0, learners.SOURCE)
    beta = rule.beta()
    assert beta is not None
    torch.testing.assert_close(torch.stack([rule.alpha()[rows], beta[rows]]), sums / STEPS, rtol=1e-9, atol=1e-11)


@pytest.mark.parametrize("clip", [CLIP, 0.01, 0], ids=["", "clipped", "never clipped"])
@pytest.mark.parametrize("recipe", [Recipe("uniform"), Recipe("l2b", options={"warmup": 2})], ids=lambda r: r.method)
def test_plain_steps_and_those_of_a_warm_up_are_momentum_sgd(recipe: Recipe, clip: float) -> None:
    learner = exact_learner(recipe, scale=1.0 if clip else 30.0, clip=clip)
    network = deepcopy(learner.state.network)
    take(learner, steps=2)
    inputs, labels, *_ = batches(learner)
    descent = Momentum(network, clip)
    for rate in rates()[:2]:
        descent.step(functional.cross_entropy(network(inputs), labels), rate)
    assert_equal(learner.state.network, network)


def test_margins_are_recorded_of_every_visit() -> None:
    learner = learners.learner(Recipe("uniform"), epochs=1)
    seen: dict[int, float] = {}
    network = learner.state.network
    network.register_forward_hook(lambda module, inputs, logits: outputs.append(logits.detach()))
    with learner.session():
        for number in range(learner.steps_per_epoch):
            outputs: list[Tensor] = []
            rows = learner._sampler.source(number)
            learner.step(number)
            given = torch.from_numpy(learner.data.given[rows])
            seen |= dict(zip(rows.tolist(), margins(outputs[0], given).tolist(), strict=True))
    margin = learner.state.history.margin()
    assert margin[: learners.SOURCE].tolist() == pytest.approx([seen[row] for row in range(learners.SOURCE)])
    assert margin[learners.SOURCE :].isnan().all()


class Watching(Weighting):
    """Keeps what it is given."""

    def __init__(self, rows: int, network: Network, **options: int) -> None:
        super().__init__(rows, network, warmup=1)
        self.every = 2
        self.trusted: list[list[int]] = []

    def step(self, network: Network, source: Batch, target: Batch) -> Step:
        self.trusted.append(target.rows.tolist())
        assert network.training
        return super().warm_up(network, source, target)


def test_a_trusted_batch_is_drawn_when_the_rule_asks_for_one() -> None:
    learner = learners.learner(Recipe("uniform"))
    learner.state.weighting = rule = Watching(learners.ROWS, learner.state.network)
    learner = WeightingLearner(learner.state, learners.vectors(), learners.fold(), learners.schedule())
    with learner.session():
        for number in range(4 * learner.steps_per_epoch):
            learner.step(number)
    steering = learners.fold().steering.tolist()
    assert learner.steps_per_epoch == 3
    assert [len(rows) for rows in rule.trusted] == [len(steering), 0] * 4 + [len(steering)]  # the first epoch is plain
    assert all(set(rows) <= set(steering) for rows in rule.trusted)


RECIPES = {
    "soseleto": Recipe("soseleto", meta=Meta(momentum=0.9), averaged=True),
    "l2b": Recipe("l2b", meta=Meta(every=2)),
    "bilevel": Recipe("bilevel", options={"batches": 2}),
    "clean set": Recipe("l2rw", low_loss=True),
    "regularised": Recipe("uniform", regularisers={"purified": {"critic_every": 2}}),
}


@pytest.mark.parametrize("name", RECIPES)
@pytest.mark.parametrize("stopped", [1, 3, 7])
def test_a_learner_goes_on_where_the_state_of_another_was_taken(name: str, stopped: int) -> None:
    whole, first, second = (learners.learner(RECIPES[name], dropout=0.3) for _ in range(3))
    run(whole, 0, 12)
    run(first, 0, stopped)
    second.load_state_dict({name: tensor.clone() for name, tensor in first.state_dict().items()})
    run(second, stopped, 12)
    assert whole.state_dict().keys() == second.state_dict().keys()
    for key, tensor in whole.state_dict().items():
        torch.testing.assert_close(second.state_dict()[key], tensor, rtol=0, atol=0, equal_nan=True, msg=key)


def run(learner: WeightingLearner, start: int, last: int) -> list[dict[str, float]]:
    """As the loop does; return what each epoch had to show."""
    shown = []
    with learner.session():
        for number in range(start, last):
            if number % learner.steps_per_epoch == 0:
                learner.begin_epoch(number // learner.steps_per_epoch)
            learner.step(number)
            if (number + 1) % learner.steps_per_epoch == 0:
                shown.append(learner.end_epoch())
    return shown


def test_an_epoch_shows_loss_accuracy_on_rows_that_do_not_steer_and_the_mean_alpha() -> None:
    learner = learners.learner(Recipe("l2b"), epochs=2)
    plain, weighed = run(learner, 0, 6)
    assert plain.keys() == {"loss", "trusted accuracy"}  # nothing is weighed while warming up
    assert weighed.keys() == {"loss", "trusted accuracy", "mean α"}
    network, checked = learner.state.network, learners.fold().checked
    right = network(learner.data.inputs(checked)).argmax(dim=1).numpy() == learner.data.trusted[checked]
    assert weighed["trusted accuracy"] == right.mean()
    assert weighed["mean α"] == pytest.approx(float(learner.state.weighting.alpha().nanmean()))
    nobody = replace(learners.fold(), checked=np.empty(0, dtype=np.int64))
    assert "trusted accuracy" not in run(learners.learner(Recipe("l2b"), rows=nobody), 0, 3)[0]


def test_the_loss_is_the_mean_over_the_steps_of_the_epoch_alone() -> None:
    learner = learners.learner(Recipe("uniform"))
    losses = []
    descend = learner._regularise

    def listening(number: int, source: Batch, loss: Tensor) -> Tensor:
        losses.append(float(loss.detach()))
        return descend(number, source, loss)

    learner._regularise = listening  # type: ignore[method-assign]  # the only place where each loss passes
    shown = [numbers["loss"] for numbers in run(learner, 0, 6)]
    assert shown == pytest.approx([np.mean(losses[:3]), np.mean(losses[3:])])


def test_training_that_diverges_is_stopped_at_the_end_of_the_epoch() -> None:
    learner = learners.learner(Recipe("uniform"))
    with torch.no_grad():
        learner.state.network.head.weight.fill_(torch.inf)
    with pytest.raises(NoisecleanerError, match=r"after steps of 0\.1.*`Effort\.learning_rate`"):
        run(learner, 0, 3)


def test_the_mean_of_the_network_is_taken_at_the_end_of_each_epoch() -> None:
    learner = learners.learner(Recipe("uniform", averaged=True))
    ends = []
    for epoch in range(4):
        run(learner, 3 * epoch, 3 * epoch + 3)
        ends.append(learner.state.network.head.weight.detach().clone())
    torch.testing.assert_close(learner.state.outcome().head.weight, torch.stack(ends).mean(dim=0))


def test_the_clean_set_is_chosen_anew_in_each_epoch_after_the_first() -> None:
    learner = learners.learner(RECIPES["clean set"])
    assert learner.state.clean_set is not None
    chosen = []
    for epoch in range(4):
        run(learner, 3 * epoch, 3 * epoch + 3)
        chosen.append(learner.state.clean_set.rows().tolist())
    assert chosen[0] == []
    assert all(rows and set(rows) <= set(range(learners.SOURCE)) for rows in chosen[1:])


def test_a_class_that_lends_rows_of_high_loss_is_warned_of_once() -> None:
    learner = learners.learner(RECIPES["clean set"])
    run(learner, 0, 3)
    (warning,) = learner.begin_epoch(1)
    assert "may be wrong" in warning
    assert learner.begin_epoch(2) == []


def test_a_session_leaves_random_numbers_and_threads_as_they_were() -> None:
    learner, threads = learners.learner(Recipe("soseleto"), dropout=0.3), torch.get_num_threads()
    with torch.random.fork_rng():
        torch.manual_seed(5)
        expected = torch.rand(3)
        torch.manual_seed(5)
        run(learner, 0, 6)
        assert torch.equal(torch.rand(3), expected)
    assert torch.get_num_threads() == threads


def test_a_short_training_always_ends_with_the_rule() -> None:
    """A warm-up of as many epochs as there are would leave nothing weighed."""
    learner = learners.learner(Recipe("l2b", options={"warmup": 10}), epochs=2)
    run(learner, 0, 6)
    assert learner.state.weighting.alpha()[: learners.SOURCE].isfinite().all()


def test_groups_of_a_rule_make_the_batches() -> None:
    learner = learners.learner(RECIPES["bilevel"])
    given = learner.data.given
    for number in range(learner.steps_per_epoch):
        _, counts = np.unique(given[learner._sampler.source(number)], return_counts=True)
        assert (counts % 2 == 0).all()


def test_a_fold_may_have_no_row_that_steers() -> None:
    learner = learners.learner(Recipe("uniform"), rows=Fold(source=np.arange(learners.SOURCE)))
    assert len(run(learner, 0, 12)) == 4
