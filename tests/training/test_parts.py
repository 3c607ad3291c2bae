"""Several processes that take each step together take the steps of one, and know the same of rows."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from support.processes import together
from support.shared_steps import Pixels, Several, Vectors
from torch import Tensor

from noisecleaner.ranks.group import ALONE
from noisecleaner.settings import Meta
from noisecleaner.training.recipe import Recipe

SIZE = 2
RECIPES = [
    Recipe("uniform"),
    Recipe("soseleto"),
    Recipe("soseleto", options={"classifier": "shared", "lambda_alpha": 0.3, "warmup": 1}),
    Recipe("soseleto", meta=Meta(every=2, momentum=0.5)),
    Recipe("l2b"),
    Recipe("l2b", options={"weights": "convex"}),
    Recipe("l2b", options={"normalise": "softmax"}),
    Recipe("bootstrap", options={"kind": "soft"}),
    Recipe("l2rw", meta=Meta(layers="last")),
    Recipe("soseleto", low_loss=True),
    Recipe("soseleto", target_classes=3),
    Recipe("l2b", averaged=True),
]


def distance(first: dict[str, Tensor], second: dict[str, Tensor], *, but: str = "") -> float:
    """The largest difference of two states, some of it left out; what neither knows is no difference."""
    assert first.keys() == second.keys()
    names = [name for name in first if not but or but not in name]
    pairs = [(first[name].double().nan_to_num(9e9), second[name].double().nan_to_num(9e9)) for name in names]
    return max(float((one - other).abs().max()) for one, other in pairs)


def test_vectors_in_float64(tmp_path: Path) -> None:
    runs = Several(tuple(map(Vectors, RECIPES)))
    one, several = runs(ALONE), together(runs, SIZE, tmp_path)
    for recipe, expected, *found in zip(RECIPES, one, *several, strict=True):
        for rank in range(SIZE):
            # margins are of single precision
            assert distance(expected, found[rank], but="history") < 1e-9, recipe
            assert distance(expected, found[rank]) < 1e-5, recipe
        assert distance(*found) == 0, recipe


def test_pixels_in_single_precision_with_crops_and_checkpoints(tmp_path: Path) -> None:
    """No process draws other crops than one alone would; what several have saved, one goes on with, and back."""
    recipe = Recipe("soseleto", options={"warmup": 0})
    whole, other = (tmp_path / name for name in ("whole", "other"))
    begun, ended = (Pixels(recipe, "cifar-quick", other, until=until) for until in (0.4, 1.0))
    for folder in (whole, other):
        folder.mkdir()
    one = Pixels(recipe, "cifar-quick", whole)(ALONE)
    two = together(Several((Pixels(recipe, "cifar-quick", tmp_path / "two"), begun)), SIZE, tmp_path / "two")
    for rank in range(SIZE):
        assert distance(one, two[rank][0]) < 1e-6
    weight = "kept.state.weighting.weight"
    assert 0 < float((two[0][1][weight] != 1).sum()) < float((one[weight] != 1).sum())
    resumed = ended(ALONE)
    assert distance(one, resumed) < 1e-6


def test_l2bs_weights_are_those_of_one_process_where_all_digits_are_asked_for(tmp_path: Path) -> None:
    """Those of a step sum to its 11 rows at most, and take over what the derivative of large layers rounds."""
    half, full = (Recipe("l2b", options={"warmup": 0}, full_precision=full) for full in (False, True))
    runs = Several(tuple(Pixels(recipe, "cifar-quick", tmp_path, epochs=1) for recipe in (half, full)))
    one, two = runs(ALONE), together(runs, SIZE, tmp_path / "two")
    weight = "kept.state.weighting.alpha_sum"
    half_off, full_off = (float((one[run][weight] - two[0][run][weight]).abs().max()) for run in range(2))
    assert full_off < 1e-6 * 11 < half_off
    assert all(distance(found[1], one[1]) < 1e-4 for found in two)


def test_batch_norm_has_the_same_statistics_in_all_processes(tmp_path: Path) -> None:
    run = Pixels(Recipe("l2b", options={"warmup": 0}), "preact-resnet18", tmp_path, epochs=1)
    first, second = together(run, SIZE, tmp_path)
    assert distance(first, second) == 0
    kept = [name for name in first if "running_mean" in name]
    assert kept
    assert all(float(first[name].abs().max()) > 0 for name in kept)


def test_one_alone_is_asked_nothing() -> None:
    learner = Vectors(Recipe("soseleto")).learner(ALONE)
    parts = learner._parts
    rows = np.arange(6)
    assert parts.own(0, rows, rows[:2])[0] is rows
    assert parts.begin(0) is None
    assert parts.shares(None) == (None, None)
