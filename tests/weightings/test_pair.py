"""What a rule for two networks keeps of how each divides the rows for the other."""

from __future__ import annotations

import pytest
import torch
from support.weightings import PAIRS, ROWS, SINGLES, pair_network

from noisecleaner.registry import names_in
from noisecleaner.weightings import build, weighting_class
from noisecleaner.weightings._pair import PairWeighting


@pytest.fixture(params=PAIRS)
def rule(request: pytest.FixtureRequest) -> PairWeighting:
    made = build(request.param, rows=ROWS, network=pair_network())
    assert isinstance(made, PairWeighting)
    return made.double()


def test_every_method_trains_one_network_or_two() -> None:
    assert {*SINGLES, *PAIRS} == set(names_in("weightings"))
    for name in PAIRS:
        assert issubclass(weighting_class(name), PairWeighting)
        assert not weighting_class(name).stacks
        assert not weighting_class(name).shareable


def test_alpha_is_the_mean_of_what_both_say_and_beta_the_rest(rule: PairWeighting) -> None:
    rows = torch.tensor([1, 4, 6])
    rule.divide(0, rows, torch.tensor([0.2, 0.6, 1.0], dtype=torch.float64))
    rule.divide(1, rows, torch.tensor([0.4, 0.8, 1.0], dtype=torch.float64))
    torch.testing.assert_close(rule.alpha()[rows], torch.tensor([0.3, 0.7, 1.0], dtype=torch.float64))
    torch.testing.assert_close(rule.beta()[rows], torch.tensor([0.7, 0.3, 0.0], dtype=torch.float64))
    assert rule.positive_share()[rows].tolist() == [0.0, 1.0, 1.0]
    others = torch.ones(ROWS, dtype=torch.bool)
    others[rows] = False
    assert rule.alpha()[others].isnan().all()
    assert rule.alignment().isnan().all()


def test_a_network_learns_the_labels_that_the_other_takes_for_right(rule: PairWeighting) -> None:
    rows = torch.arange(3)
    rule.divide(0, rows, torch.tensor([0.9, 0.1, 0.5], dtype=torch.float64))
    rule.divide(1, rows, torch.tensor([0.1, 0.2, 0.3], dtype=torch.float64))
    assert rule.labelled(1, rows).tolist() == [True, False, True]
    # the likeliest where all are below the threshold: a step needs a row
    assert rule.labelled(0, rows).tolist() == [False, False, True]


def test_how_rows_are_divided_survives_a_state_dict(rule: PairWeighting) -> None:
    rule.divide(0, torch.arange(ROWS), torch.linspace(0, 1, ROWS, dtype=torch.float64))
    other = build(PAIRS[0], rows=ROWS, network=pair_network()).double()
    other.load_state_dict(rule.state_dict())
    assert isinstance(other, PairWeighting)
    assert torch.equal(other.labelled(1, torch.arange(ROWS)), rule.labelled(1, torch.arange(ROWS)))
