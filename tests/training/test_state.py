"""What training changes: margins of every row, the network that is kept, and what optimisers remember."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from support import learners
from torch import nn

from noisecleaner.networks.network import Batch
from noisecleaner.training.recipe import Recipe, make_state
from noisecleaner.training.state import MarginHistory, State, load_optimiser, margins, optimiser_tensors, placed


def state(recipe: Recipe) -> State:
    return make_state(recipe, learners.network(), side=learners.side(), rows=learners.ROWS, seed=0)


def test_a_margin_is_the_labels_logit_less_the_best_other() -> None:
    logits = torch.tensor([[3.0, 1.0, 2.0], [3.0, 1.0, 2.0], [0.0, 0.0, -9.0]])
    assert margins(logits, torch.tensor([0, 1, 0])).tolist() == [1.0, -2.0, 0.0]


@settings(max_examples=40, deadline=None)
@given(st.lists(st.lists(st.integers(0, 5), min_size=1, max_size=6), max_size=4), st.integers(0, 99))
def test_the_history_is_the_mean_over_all_visits(visits: list[list[int]], seed: int) -> None:
    """Rows of a batch may come twice, and some rows never come."""
    rng, history = np.random.default_rng(seed), MarginHistory(7)
    seen: dict[int, list[float]] = {}
    for rows in visits:
        logits, labels = rng.normal(size=(len(rows), 3)).astype(np.float32), rng.integers(0, 3, len(rows))
        batch = Batch(inputs=torch.empty(0), labels=torch.from_numpy(labels), rows=torch.tensor(rows))
        history.add(batch, torch.from_numpy(logits))
        for row, own, label in zip(rows, logits, labels, strict=True):
            seen.setdefault(row, []).append(float(own[label] - np.delete(own, label).max()))
    expected = [np.mean(seen[row]) if row in seen else np.nan for row in range(7)]
    np.testing.assert_allclose(history.margin().numpy(), expected, rtol=1e-5, atol=1e-6)


def test_the_network_is_kept_or_its_average_or_that_of_the_target() -> None:
    plain, averaged = state(Recipe("soseleto")), state(Recipe("soseleto", averaged=True))
    target = state(Recipe("soseleto", target_classes=2))
    assert plain.outcome() is plain.network
    assert averaged.average is not None
    assert averaged.outcome() is averaged.average.module
    assert target.outcome().trunk is target.network.trunk
    assert target.outcome()(torch.zeros(1, learners.WIDTH)).shape == (1, 2)
    assert target.network(torch.zeros(1, learners.WIDTH)).shape == (1, learners.CLASSES)


def test_all_parts_are_in_one_state_dict() -> None:
    recipe = Recipe("l2b", low_loss=True, averaged=True, regularisers={"purified": {}})
    parts = {name.split(".")[0] for name in state(recipe).state_dict()}
    assert parts == {"network", "weighting", "history", "average", "clean_set", "regularisers"}
    assert {name.split(".")[0] for name in state(Recipe("l2b")).state_dict()} == {"network", "weighting", "history"}


def test_a_convolution_takes_the_layout_of_the_pixels() -> None:
    made = state(Recipe("uniform"))
    made.network.trunk = nn.Conv2d(3, 4, 3)
    assert placed(made, learners.CPU) is made
    assert made.network.trunk.weight.is_contiguous(memory_format=torch.channels_last)


@pytest.mark.parametrize("stopped", [0, 1, 4])
def test_an_optimiser_goes_on_where_another_was_left(stopped: int) -> None:
    def steps(parameter: nn.Parameter, optimiser: torch.optim.Optimizer, numbers: range) -> None:
        for number in numbers:
            parameter.grad = torch.sin(parameter.detach() + number)
            optimiser.step()

    whole, first = (nn.Parameter(torch.linspace(-1, 1, 5)) for _ in range(2))
    steps(whole, torch.optim.Adam([whole], lr=0.1), range(6))
    optimiser = torch.optim.Adam([first], lr=0.1)
    steps(first, optimiser, range(stopped))
    second = nn.Parameter(first.detach().clone())
    resumed = torch.optim.Adam([second], lr=0.1)
    load_optimiser(resumed, {name: tensor.clone() for name, tensor in optimiser_tensors(optimiser).items()})
    steps(second, resumed, range(stopped, 6))
    assert torch.equal(second, whole)
