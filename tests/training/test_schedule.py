"""How the learning rate goes on is what a user chose; what was left open depends on network and rows."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from noisecleaner.networks.backbones import Backbone, build
from noisecleaner.networks.shapes import Shape
from noisecleaner.settings import Decline, Effort
from noisecleaner.training.schedule import Schedule, choose_schedule


def schedule(decline: Decline) -> Schedule:
    return Schedule(epochs=1, batch_size=1, trusted_batch=1, learning_rate=0.2, weight_decay=0.0, decline=decline)


def test_it_falls_along_a_half_cosine() -> None:
    assert [schedule("cosine").rate(done) for done in (0, 1 / 3, 0.5, 1)] == pytest.approx([0.2, 0.15, 0.1, 0])


def test_it_stays_where_it_is_constant() -> None:
    assert {schedule("constant").rate(done) for done in (0, 0.5, 1)} == {0.2}


def test_it_falls_to_a_tenth_after_half_and_after_three_quarters() -> None:
    rates = [schedule("step").rate(done) for done in (0, 0.49, 0.5, 0.74, 0.75, 1)]
    assert rates == pytest.approx([0.2, 0.2, 0.02, 0.02, 0.002, 0.002])


def test_what_a_user_chose_is_what_is_done() -> None:
    made = chosen(Effort(schedule="step", momentum=0.3, clip=0, learning_rate=0.5))
    assert (made.decline, made.momentum, made.clip, made.learning_rate) == ("step", 0.3, 0, 0.5)


def chosen(
    effort: Effort | None = None, shape: Shape | None = None, backbone: Backbone | None = None, rows: int = 2_400
) -> Schedule:
    shape = shape or Shape(kind="vectors", classes=10, width=1280)
    device = torch.device("cpu")
    return choose_schedule(effort or Effort(), shape, backbone=backbone, rows=rows, seed=3, device=device)


@given(st.integers(10, 3_000_000))
def test_a_head_takes_enough_steps_and_not_too_many_in_an_epoch(rows: int) -> None:
    made = chosen(rows=rows)
    steps = -(-rows // made.batch_size)
    assert 128 <= made.batch_size <= 1024
    assert 20 <= made.epochs <= 200
    assert made.epochs == 200 or made.epochs * steps >= 400
    assert steps <= 95 or made.batch_size == 1024


@pytest.mark.parametrize("width", [16, 768, 1280, 4096])
def test_steps_of_a_linear_head_scale_with_its_width_and_decay_undoes_as_much(width: int) -> None:
    made = chosen(shape=Shape(kind="vectors", classes=10, width=width))
    assert made.learning_rate * width == pytest.approx(4)
    assert made.learning_rate * made.weight_decay == pytest.approx(3e-4)


def test_other_networks_have_rates_of_their_own() -> None:
    hidden = chosen(shape=Shape(kind="vectors", classes=10, width=1280, hidden=128))
    assert (hidden.learning_rate, hidden.weight_decay) == (0.01, 0.03)
    shares = chosen(shape=Shape(kind="probabilities", classes=10, width=10))
    assert (shares.learning_rate, shares.weight_decay) == (0.05, 0.0)
    backbone = build("cifar-quick", size=32, pretrained=False, weights=None)
    trunk = chosen(shape=Shape(kind="pixels", classes=10, width=backbone.width), backbone=backbone, rows=3_000_000)
    assert (trunk.learning_rate, trunk.batch_size, trunk.epochs) == (backbone.learning_rate, 128, 30)


def test_what_a_user_asked_for_is_done() -> None:
    effort = Effort(
        epochs=7,
        batch_size=50,
        trusted_batch=9,
        learning_rate=0.5,
        weight_decay=0.0,
        checkpoint_seconds=4.0,
        precision="bfloat16",
    )
    assert chosen(effort) == Schedule(
        epochs=7,
        batch_size=50,
        trusted_batch=9,
        learning_rate=0.5,
        weight_decay=0.0,
        seed=3,
        checkpoint_seconds=4.0,
        precision=torch.bfloat16,
    )
