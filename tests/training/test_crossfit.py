"""A cross-fit trains each fold once, writes what it found out, and goes on from where it was left."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors import safe_open
from support import learners

from noisecleaner.errors import Interrupted, NoisecleanerError
from noisecleaner.networks.network import Network
from noisecleaner.networks.shapes import Shape
from noisecleaner.progress import Interrupts, Progress
from noisecleaner.runs.run import Run
from noisecleaner.training import crossfit as module
from noisecleaner.training.crossfit import CrossFit, rehearse, train_folds
from noisecleaner.training.folds import assign_folds
from noisecleaner.training.heads import HeadsLearner
from noisecleaner.training.recipe import Recipe

FOLDS = 3


def cross_fit(folder: Path, **changes: object) -> CrossFit:
    """Three folds of a head with one hidden layer."""
    run, data = Run(folder), learners.vectors()
    for path in (run.checkpoint, run.auditor):
        path.mkdir(parents=True, exist_ok=True)
    made = CrossFit(
        run=run,
        assignment=assign_folds(
            given=data.given[: learners.SOURCE],
            trusted=data.trusted[: learners.SOURCE],
            clean_only=data.trusted[learners.SOURCE :],
            folds=FOLDS,
            seed=0,
        ),
        data=data,
        side=learners.side(),
        recipe=Recipe("l2b", averaged=True),
        shape=Shape(kind="vectors", classes=learners.CLASSES, width=learners.WIDTH, hidden=4),
        trunk=None,
        schedule=learners.schedule(epochs=3),
    )
    return replace(made, **changes)


def train_all(crossfit: CrossFit, workers: int = 1, progress: Progress | None = None) -> list[object]:
    return train_folds(crossfit, workers=workers, progress=progress or Progress(), interrupts=Interrupts())


def files(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in sorted(folder.rglob("*.safetensors"))}


def test_each_fold_leaves_its_network_and_its_results_alone(tmp_path: Path) -> None:
    crossfit = cross_fit(tmp_path)
    train_all(crossfit)
    numbers = range(FOLDS)
    assert files(tmp_path).keys() == {
        f"{where}/fold-{n}.safetensors" for where in ("auditor", "checkpoint") for n in numbers
    }
    with safe_open(tmp_path / "auditor" / "fold-0.safetensors", "pt") as file:
        assert set(file.keys()) == set(crossfit.network().state_dict())


def test_a_fold_that_is_done_is_not_trained_again_and_one_that_is_missing_ends_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    crossfit, trained = cross_fit(tmp_path), list[int]()
    first = train_all(crossfit)
    before = files(tmp_path)
    train = CrossFit.train

    def counting(self: CrossFit, number: int, *rest: object) -> None:
        trained.append(number)
        train(self, number, *rest)  # type: ignore[arg-type]  # what it was called with

    monkeypatch.setattr(CrossFit, "train", counting)
    train_all(crossfit)
    assert trained == []
    crossfit.result(1).unlink()
    again = train_all(crossfit)
    assert trained == [1]
    assert files(tmp_path) == before
    assert len(again) == len(first) == FOLDS


@pytest.mark.parametrize("until", [0.3, 0.5])
def test_a_fold_may_be_trained_in_two_stretches(tmp_path: Path, until: float) -> None:
    whole, cut = cross_fit(tmp_path / "whole"), cross_fit(tmp_path / "cut")
    whole.train(1, 1.0, Progress(), Interrupts())
    cut.train(1, until, Progress(), Interrupts())
    assert files(tmp_path / "cut").keys() == {"checkpoint/state-1.safetensors"}
    cut.train(1, 1.0, Progress(), Interrupts())
    assert files(tmp_path / "cut") == files(tmp_path / "whole")


def test_folds_start_from_one_network_and_draw_their_own_numbers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    crossfit, seeds, starts = cross_fit(tmp_path, schedule=learners.schedule(epochs=1, seed=7)), [], []
    make = module.make_learner

    def listening(recipe: Recipe, network: Network, *rest: object, **options: object) -> object:
        seeds.append((options["schedule"].seed, options["seed"]))  # type: ignore[attr-defined]  # a schedule
        starts.append(torch.cat([p.detach().flatten() for p in network.parameters()]))
        return make(recipe, network, *rest, **options)  # type: ignore[arg-type]  # what it was called with

    monkeypatch.setattr(module, "make_learner", listening)
    train_all(crossfit)
    assert seeds == [(FOLDS * 7 + number, 7) for number in range(FOLDS)]
    assert all(torch.equal(start, starts[0]) for start in starts)


def test_vectors_are_standardised_by_the_rows_with_a_label(tmp_path: Path) -> None:
    crossfit = cross_fit(tmp_path)
    labelled = crossfit.data.array[: learners.SOURCE]
    vectors = crossfit.network().trunk[0](torch.from_numpy(labelled))  # type: ignore[index]  # a sequence
    np.testing.assert_allclose(vectors.mean(dim=0).numpy(), 0, atol=1e-5)
    np.testing.assert_allclose(vectors.std(dim=0, unbiased=False).numpy(), 1, atol=1e-4)


def test_several_at_once_only_where_that_saves_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    crossfit = cross_fit(tmp_path)
    assert crossfit.at_once(range(FOLDS), 4) == 1  # it takes no time at all
    monkeypatch.setattr(module, "_WORTH", 0)
    assert crossfit.at_once(range(FOLDS), 4) == FOLDS
    assert crossfit.at_once(range(FOLDS), 2) == 2
    large = Shape(kind="vectors", classes=learners.CLASSES, width=learners.WIDTH, hidden=100_000)
    assert replace(crossfit, shape=large).at_once(range(FOLDS), 4) == 1
    elsewhere = replace(crossfit.data, device=torch.device("meta"))
    assert replace(crossfit, data=elsewhere).at_once(range(FOLDS), 4) == 1


def test_a_rehearsal_says_what_does_not_fit_before_anything_is_decoded() -> None:
    shape = Shape(kind="vectors", classes=learners.CLASSES, width=learners.WIDTH)
    rehearse(Recipe("l2b"), shape=shape, trunk=None, side=learners.side())
    with pytest.raises(NoisecleanerError, match="cannot work here"):
        rehearse(Recipe("soseleto", target_classes=2), shape=shape, trunk=None, side=learners.side())


#: A linear head, whose folds are trained in one step.
LINEAR = Shape(kind="vectors", classes=learners.CLASSES, width=learners.WIDTH)


@pytest.mark.parametrize("method", ["soseleto", "uniform", "l2b"])
def test_folds_of_a_linear_head_leave_the_same_files_however_many_threads_there_are(
    tmp_path: Path, method: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    recipe, found = Recipe(method, averaged=True), []
    for threads in (1, 2):
        monkeypatch.setattr(torch, "get_num_threads", lambda threads=threads: threads)
        crossfit = cross_fit(tmp_path / str(threads), shape=LINEAR, recipe=recipe)
        train_all(crossfit)
        found.append(files(crossfit.run.path))
    assert found[0] == found[1]
    names = {f"{where}/fold-{n}.safetensors" for where in ("auditor", "checkpoint") for n in range(FOLDS)}
    assert found[0].keys() == names
    assert set(crossfit.trained(0).state_dict()) == set(crossfit.network().state_dict())


class After(Interrupts):
    """Wishes to stop after so many steps."""

    def __init__(self, steps: int) -> None:
        super().__init__()
        self.left = steps

    def pending(self) -> bool:
        self.left -= 1
        return self.left < 0

    def raise_pending(self) -> None:
        if self.left < 0:
            raise Interrupted(15)


@pytest.mark.parametrize("steps", [1, 3, 5])
def test_folds_of_a_linear_head_go_on_where_they_were_stopped(tmp_path: Path, steps: int) -> None:
    whole, cut = (cross_fit(tmp_path / name, shape=LINEAR) for name in ("whole", "cut"))
    train_all(whole)
    with pytest.raises(Interrupted):
        train_folds(cut, workers=1, progress=Progress(), interrupts=After(steps))
    assert files(cut.run.path).keys() == {"checkpoint/state-0-1-2.safetensors"}
    train_all(cut)
    assert files(cut.run.path) == files(whole.run.path)


def test_results_that_were_not_all_written_are_written_again_without_training(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole, cut = (cross_fit(tmp_path / name, shape=LINEAR) for name in ("whole", "cut"))
    train_all(whole)
    with monkeypatch.context() as patch:
        patch.setattr(CrossFit, "keep", lambda *_: (_ for _ in ()).throw(OSError("the disk is full")))
        with pytest.raises(OSError, match="full"):
            train_all(cut)
    monkeypatch.setattr(HeadsLearner, "step", lambda *_: pytest.fail("a step was taken again"))
    train_all(cut)
    assert files(cut.run.path) == files(whole.run.path)


def test_what_does_not_fit_one_step_is_trained_fold_by_fold(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    trained: list[int] = []
    train = CrossFit.train

    def counting(self: CrossFit, number: int, *rest: object) -> None:
        trained.append(number)
        train(self, number, *rest)  # type: ignore[arg-type]  # what it was called with

    monkeypatch.setattr(CrossFit, "train", counting)
    bilevel = Recipe("bilevel", options={"batches": 2})
    train_all(cross_fit(tmp_path / "bilevel", shape=LINEAR, recipe=bilevel))
    assert trained == list(range(FOLDS))
    trained.clear()
    train_all(cross_fit(tmp_path / "plain", shape=LINEAR))
    assert trained == []
