"""Several processes that take each step together take the steps of one, and know the same of rows."""

from __future__ import annotations

from pathlib import Path

from support.processes import together
from support.shared_steps import Several, Vectors
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
