"""Folds of a head that are trained in one step take the steps that each would take alone, on the rows it counts."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from support import learners
from torch import Tensor

from noisecleaner import networks
from noisecleaner.arrays import NO_CLASS, UNVERIFIED
from noisecleaner.errors import NoisecleanerError
from noisecleaner.inputs.batches import Data
from noisecleaner.networks.heads import build_network
from noisecleaner.networks.network import Batch, Network
from noisecleaner.networks.shapes import Shape
from noisecleaner.networks.stacked import unstack
from noisecleaner.settings import Meta
from noisecleaner.training import clean_set
from noisecleaner.training.descent import Descent
from noisecleaner.training.folds import FoldAssignment, assign_folds
from noisecleaner.training.heads import HeadsLearner
from noisecleaner.training.recipe import Recipe, make_heads
from noisecleaner.training.sharing import Draw
from noisecleaner.training.state import MarginHistory
from noisecleaner.weightings import Weighting, build

Groups = tuple[tuple[int, ...], ...]
GROUPS: Groups = ((0, 1, 2), (3, 4))
ROWS, CLASSES, WIDTH, FOLDS = 90, 3, 5, 5
SHAPE = Shape(kind="vectors", classes=CLASSES, width=WIDTH)
SCHEDULE = replace(learners.schedule(epochs=3, batch_size=16), trusted_batch=6)


class Exact(Data):
    """Data in double precision."""

    def inputs(self, rows: np.ndarray) -> Tensor:
        return torch.from_numpy(self.array[rows])


def dataset(scale: float = 1.0) -> tuple[Data, FoldAssignment]:
    """Rows of which half are verified, some corrected, and one corrected to no class."""
    rng = np.random.default_rng(0)
    true = np.arange(ROWS) % CLASSES
    inputs = scale * (3 * np.eye(CLASSES, WIDTH)[true] + rng.normal(size=(ROWS, WIDTH)))
    given = np.where(rng.random(ROWS) < 1 / 3, (true + 1) % CLASSES, true)
    trusted, corrected = np.full(ROWS, UNVERIFIED), np.full(ROWS, UNVERIFIED)
    trusted[:45] = true[:45]
    corrected[60:70] = true[60:70]
    corrected[70] = NO_CLASS
    nobody = np.empty(0, dtype=np.int64)
    assignment = assign_folds(given=given, trusted=trusted, clean_only=nobody, folds=FOLDS, seed=0, corrected=corrected)
    assert any(len(fold.overridden) for fold in assignment.folds)
    assert len({len(fold.source) for fold in assignment.folds}) > 1
    steering = np.where(corrected == UNVERIFIED, trusted, corrected)
    return Exact(array=inputs, given=given, trusted=steering, device=learners.CPU), assignment


def start() -> Network:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return build_network(SHAPE).double()


def learner(recipe: Recipe, groups: Groups = GROUPS, *, scale: float = 1.0, aided: bool = False) -> HeadsLearner:
    data, assignment = dataset(scale)
    made = make_heads(recipe, start(), data, folds=assignment.folds, groups=groups, schedule=SCHEDULE, aided=aided)
    for group in made.groups:
        group.kept.double()
    return made


def run(made: HeadsLearner, first: int = 0, last: int | None = None) -> list[dict[str, float]]:
    """As the loop does; return what each epoch had to show."""
    shown = []
    with made.session():
        for number in range(first, made.epochs * made.steps_per_epoch if last is None else last):
            epoch, position = divmod(number, made.steps_per_epoch)
            if position == 0:
                made.begin_epoch(epoch)
            made.step(number)
            if position == made.steps_per_epoch - 1:
                shown.append(made.end_epoch())
    return shown


class Alone:
    """One fold, its own network and rule, and the steps that it takes by itself."""

    def __init__(self, recipe: Recipe, group: int, place: int) -> None:
        self.group, self.place, self.network = group, place, start()
        self.rule: Weighting = build(
            recipe.method, rows=ROWS, network=self.network, options=recipe.options, meta=recipe.meta
        ).double()
        self.history = MarginHistory(ROWS).double()
        self.descent = Descent(
            list(self.network.parameters()), momentum=SCHEDULE.momentum, weight_decay=SCHEDULE.weight_decay
        )

    def batch(self, draw: Draw, data: Data) -> Batch:
        part = draw.parts[self.group]
        own = part.folds.counts[self.place] > 0
        rows = draw.rows[own]
        return Batch(inputs=data.inputs(rows.numpy()), labels=part.labels[self.place][own], rows=rows)

    def step(self, source: Batch, target: Batch, *, plain: bool, rate: float) -> None:
        self.network.train()
        step = (self.rule.warm_up if plain else self.rule.step)(self.network, source, target)
        self.descent.clear()
        torch.autograd.backward(step.loss)
        step.settle()
        torch.nn.utils.clip_grad_norm_(self.network.parameters(), SCHEDULE.clip)
        self.descent.step(rate)
        self.history.add(source, step.logits)


def alone_of(recipe: Recipe) -> list[Alone]:
    return [Alone(recipe, group, place) for group, own in enumerate(GROUPS) for place in range(len(own))]


RECIPES = {
    "uniform": Recipe("uniform"),
    "l2rw": Recipe("l2rw"),
    "l2b": Recipe("l2b", options={"warmup": 0}),
    "l2b, convex": Recipe("l2b", options={"weights": "convex"}),
    "l2b, softmax": Recipe("l2b", options={"normalise": "softmax"}),
    "l2b, sigmoid, pseudo": Recipe("l2b", options={"normalise": "sigmoid", "weights": "pseudo"}),
    "bootstrap": Recipe("bootstrap", options={"warmup": 1}),
    "bootstrap, soft": Recipe("bootstrap", options={"kind": "soft"}),
    "l2b, given": Recipe("l2b", options={"weights": "given"}),
    "l2b, every other": Recipe("l2b", meta=Meta(every=2)),
    "l2b, last layer": Recipe("l2b", meta=Meta(layers="last")),
    "soseleto": Recipe("soseleto"),
    "soseleto, steps": Recipe("soseleto", options={"lambda_alpha": 0.3}),
    "soseleto, mean": Recipe("soseleto", meta=Meta(momentum=0.9)),
    "clean set": Recipe("l2rw", low_loss=True),
}


@pytest.mark.parametrize("scale", [1.0, 40.0], ids=["", "clipped"])
@pytest.mark.parametrize("name", [name for name, recipe in RECIPES.items() if not recipe.low_loss])
def test_each_fold_takes_the_steps_that_it_would_take_alone(name: str, scale: float) -> None:
    made = learner(RECIPES[name], scale=scale)
    alone, steps = alone_of(RECIPES[name]), made.steps_per_epoch
    every = alone[0].rule.every
    warmup = alone[0].rule.plain_epochs(made.epochs) * steps
    for number in range(made.epochs * steps):
        epoch, position = divmod(number, steps)
        source, asked = made._sampler.source(epoch)[position], number >= warmup and (number - warmup) % every == 0
        targets = made._sampler.target(epoch)[position]
        for one in alone:
            target = one.batch(targets, made.data)
            none = Batch(inputs=target.inputs[:0], labels=target.labels[:0], rows=target.rows[:0])
            rate = SCHEDULE.rate(number / (made.epochs * steps))
            one.step(one.batch(source, made.data), target if asked else none, plain=number < warmup, rate=rate)
    run(made)
    _, assignment = dataset()
    for one, fold in zip(alone, assignment.folds, strict=True):
        state = made.groups[one.group].state
        ours = unstack(state.network, start(), one.place)
        for (which, parameter), other in zip(ours.named_parameters(), one.network.named_parameters(), strict=True):
            torch.testing.assert_close(parameter, other[1], rtol=1e-9, atol=1e-11, msg=which)
        recorded = torch.from_numpy(fold.recorded)
        pairs = {
            "alpha": (state.weighting.alpha_of(one.place), one.rule.alpha()),
            "beta": (state.weighting.beta(), one.rule.beta()),
            "alignment": (state.weighting.alignment(), one.rule.alignment()),
            "positive": (state.weighting.positive_share(), one.rule.positive_share()),
            "margin": (state.history.margin(), one.history.margin()),
        }
        for what, (found, expected) in pairs.items():
            if found is None or expected is None:
                assert found is expected
                continue
            torch.testing.assert_close(
                found[recorded], expected[recorded], rtol=1e-8, atol=1e-9, equal_nan=True, msg=what
            )


def test_clipping_was_at_work_above() -> None:
    """The scale of one variant clips the gradient of each fold, and that of the other none."""
    norms = []
    for scale in (1.0, 40.0):
        made = learner(RECIPES["uniform"], scale=scale)
        clip = made.groups[0]._clip
        seen: list[float] = []

        def listening(made: HeadsLearner = made, clip=clip, seen=seen) -> None:  # type: ignore[no-untyped-def]
            gradients = [parameter.grad[0].square().sum() for parameter in made.groups[0].state.network.parameters()]  # type: ignore[index]
            seen.append(float(torch.stack(gradients).sum().sqrt()))
            clip()

        made.groups[0]._clip = listening  # type: ignore[method-assign]  # the only place where each gradient passes
        run(made)
        norms.append(max(seen))
    assert norms[0] < SCHEDULE.clip < norms[1]


def parameters(made: HeadsLearner) -> dict[int, Tensor]:
    """Weight and bias of each fold, flat."""
    found = {}
    for group in made.groups:
        for place, number in enumerate(group.numbers):
            network = unstack(group.state.network, start(), place)
            found[number] = torch.cat([p.detach().flatten() for p in network.parameters()])
    return found


def test_heads_that_are_aided_take_the_same_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(networks.stacked, "_WORTH", 1)
    one, other = learner(RECIPES["soseleto"]), learner(RECIPES["soseleto"], aided=True)
    assert run(one) == run(other)
    for key, tensor in one.state_dict().items():
        torch.testing.assert_close(other.state_dict()[key], tensor, rtol=0, atol=0, equal_nan=True, msg=key)


@pytest.mark.parametrize("groups", [((0, 1, 2, 3, 4),), ((3, 4),), ((1,),)], ids=str)
@pytest.mark.parametrize("name", ["l2b", "clean set"])
def test_a_fold_takes_the_same_steps_whichever_others_are_trained_beside_it(name: str, groups: Groups) -> None:
    """So processes may share out folds."""
    whole, part = learner(RECIPES[name]), learner(RECIPES[name], groups)
    run(whole)
    run(part)
    expected = parameters(whole)
    for number, found in parameters(part).items():
        torch.testing.assert_close(found, expected[number], rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("aided", [False, True], ids=["", "aided"])
@pytest.mark.parametrize("name", ["soseleto, mean", "l2b, every other", "clean set"])
@pytest.mark.parametrize("stopped", [1, 5, 8, 13])
def test_heads_go_on_where_the_state_of_others_was_taken(name: str, stopped: int, aided: bool) -> None:
    whole, first, second = (learner(RECIPES[name], aided=aided) for _ in range(3))
    assert whole.steps_per_epoch == 5
    run(whole)
    run(first, 0, stopped)
    second.load_state_dict({name: tensor.clone() for name, tensor in first.state_dict().items()})
    run(second, stopped)
    assert whole.state_dict().keys() == second.state_dict().keys()
    for key, tensor in whole.state_dict().items():
        torch.testing.assert_close(second.state_dict()[key], tensor, rtol=0, atol=0, equal_nan=True, msg=key)


def test_an_epoch_shows_loss_accuracy_on_rows_that_do_not_steer_and_the_mean_alpha() -> None:
    made = learner(Recipe("l2b", averaged=True))
    plain, *_, last = run(made)
    assert plain.keys() == {"loss", "trusted accuracy"}  # nothing is weighed while warming up
    assert last.keys() == {"loss", "trusted accuracy", "mean α"}
    right, count = 0, 0
    for (state, place), fold in zip(made._places(), made.folds, strict=True):
        network = unstack(state.network, start(), place)
        labels = network(made.data.inputs(fold.checked)).argmax(dim=1).numpy()
        right, count = right + (labels == made.data.trusted[fold.checked]).sum(), count + len(fold.checked)
    assert last["trusted accuracy"] == pytest.approx(right / count)


def test_the_mean_of_each_network_is_taken_at_the_end_of_each_epoch() -> None:
    made, ends = learner(Recipe("uniform", averaged=True)), []
    for epoch in range(made.epochs):
        run(made, 5 * epoch, 5 * epoch + 5)
        ends.append(made.groups[0].state.network.head.weight.detach().clone())
    outcome = made.groups[0].state.outcome()
    torch.testing.assert_close(outcome.head.weight, torch.stack(ends).mean(dim=0))


def test_training_that_diverges_is_stopped_at_the_end_of_the_epoch() -> None:
    made = learner(Recipe("uniform"))
    with torch.no_grad():
        made.groups[1].state.network.head.weight.fill_(torch.inf)
    with pytest.raises(NoisecleanerError, match=r"after steps of 0\.1.*`Effort\.learning_rate`"):
        run(made)


def test_each_fold_chooses_a_clean_set_of_its_own_and_warns_of_lent_rows_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clean_set, "LEAST", 20)  # more than the mixture calls clean
    made = learner(RECIPES["clean set"])
    run(made, 0, 5)
    warnings = made.begin_epoch(1)
    assert warnings
    assert all("may be wrong" in warning for warning in warnings)
    for own, fold in zip(made._clean_sets, made.folds, strict=True):
        assert len(own.rows())
        assert set(own.rows()) <= set(fold.source)
    assert made.begin_epoch(2) == []


def test_a_session_leaves_threads_and_random_numbers_as_they_were() -> None:
    made, threads = learner(RECIPES["l2b"], aided=True), torch.get_num_threads()
    with torch.random.fork_rng():
        torch.manual_seed(5)
        expected = torch.rand(3)
        torch.manual_seed(5)
        run(made)
        assert torch.equal(torch.rand(3), expected)
    assert torch.get_num_threads() == threads
