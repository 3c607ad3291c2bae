"""A recipe makes the same learner each time, on the device of its data, and says what does not fit."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from support import learners

from noisecleaner.errors import NoisecleanerError
from noisecleaner.networks.network import Network
from noisecleaner.training.recipe import Recipe, make_learner, make_state

RECIPES = [Recipe("soseleto", target_classes=2), Recipe("uniform", regularisers={"purified": {}})]


def state_dict(recipe: Recipe, seed: int) -> dict[str, torch.Tensor]:
    return make_state(recipe, learners.network(), side=learners.side(), rows=5, seed=seed).state_dict()


@pytest.mark.parametrize("recipe", RECIPES, ids=["target classifier", "critic"])
def test_first_parameters_depend_on_the_seed_alone(recipe: Recipe) -> None:
    first, again, other = (state_dict(recipe, seed) for seed in (1, 1, 2))
    assert all(torch.equal(first[name], again[name]) for name in first)
    assert any(not torch.equal(first[name], other[name]) for name in first)


def test_the_callers_random_numbers_are_left_alone() -> None:
    with torch.random.fork_rng():
        torch.manual_seed(3)
        expected = torch.rand(2)
        torch.manual_seed(3)
        state_dict(RECIPES[1], 0)
        assert torch.equal(torch.rand(2), expected)


def test_a_learner_is_where_its_data_go_and_has_a_place_for_every_row() -> None:
    data = replace(learners.vectors(), device=torch.device("meta"))
    learner = make_learner(
        Recipe("uniform"),
        learners.network(),
        data,
        side=learners.side(),
        fold=learners.fold(),
        schedule=learners.schedule(),
        seed=0,
    )
    assert {tensor.device.type for tensor in learner.state_dict().values()} == {"meta"}
    assert learner.state.history.visits.shape == (learners.ROWS,)


def test_what_does_not_suit_the_network_is_said() -> None:
    whole = learners.network()
    head_alone = Network(trunk=torch.nn.Identity(), head=torch.nn.Linear(learners.WIDTH, learners.CLASSES))
    for network, recipe, says in (
        (head_alone, Recipe("soseleto", target_classes=2), r"^`transfer=True` cannot work here: .*features"),
        (head_alone, Recipe("uniform", regularisers={"purified": {}}), "only a head is trained"),
        (whole, Recipe("soseleto", options={"rate": -1.0}), "rate must be above 0"),
    ):
        with pytest.raises(NoisecleanerError, match=says):
            make_state(recipe, network, side=learners.side(), rows=1, seed=0)
