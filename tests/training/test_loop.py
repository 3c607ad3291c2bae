"""The loop, with a learner that can only count: it stops, saves, goes on, and tells."""

from __future__ import annotations

import ast
import os
import signal
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pytest
import torch
from torch import Tensor

from noisecleaner.errors import Interrupted, NoisecleanerError
from noisecleaner.progress import Interrupts, Progress, Stage
from noisecleaner.training import loop
from noisecleaner.training.checkpoints import Checkpoint
from noisecleaner.training.loop import train

EPOCHS, STEPS = 3, 4


class Counter:
    """Folds the numbers of its steps into one, in which their order shows."""

    epochs, steps_per_epoch = EPOCHS, STEPS

    def __init__(self, fails_at: int | None = None) -> None:
        self.digest = torch.zeros((), dtype=torch.int64)
        self.called: list[str] = []
        self.open, self.fails_at = False, fails_at

    @contextmanager
    def session(self) -> Iterator[None]:
        self.open = True
        try:
            yield
        finally:
            self.open = False

    def begin_epoch(self, epoch: int) -> list[str]:
        assert self.open
        self.called.append(f"begin {epoch}")
        return [f"epoch {epoch} may mislead"]

    def step(self, number: int) -> None:
        assert self.open
        if number == self.fails_at:
            raise NoisecleanerError("Steps must work, but this one fails.", "Mend it.")
        self.called.append(f"step {number}")
        self.digest = (31 * self.digest + number + 1) % 10**9

    def end_epoch(self) -> dict[str, float]:
        self.called.append("end")
        return {"digest": float(self.digest)}

    def state_dict(self) -> dict[str, Tensor]:
        return {"digest": self.digest}

    def load_state_dict(self, tensors: Mapping[str, Tensor], /) -> None:
        self.digest = tensors["digest"]


class Listener(Progress):
    """Keeps what it is told; may send a signal when so many steps are done."""

    def __init__(self, signal_after: int = -1) -> None:
        self.stages: list[tuple[str, int, str, int]] = []
        self.warnings: list[str] = []
        self.numbers: list[dict[str, float]] = []
        self.left = signal_after

    def warn(self, text: str) -> None:
        self.warnings.append(text)

    @contextmanager
    def stage(self, title: str, total: int, unit: str, done: int = 0) -> Iterator[Stage]:
        self.stages.append((title, total, unit, done))
        listener = self

        class Counted(Stage):
            def advance(self, count: int = 1, **numbers: float) -> None:
                assert count == 1
                listener.numbers.append(numbers)
                listener.left -= 1
                if listener.left == 0:
                    os.kill(os.getpid(), signal.SIGTERM)

        yield Counted()


def run(
    learner: Counter,
    path: Path,
    listener: Listener | None = None,
    interrupts: Interrupts | None = None,
    *,
    until: float = 1.0,
    seconds: float = 1e9,
) -> None:
    train(
        learner,
        Checkpoint(path, seconds),
        title="Counting",
        progress=listener or Listener(),
        interrupts=interrupts or Interrupts(),
        until=until,
    )


def interrupted(path: Path, after: int) -> Counter:
    """A learner whose run a signal stopped after so many steps."""
    learner, interrupts = Counter(), Interrupts()
    with interrupts.installed(), pytest.raises(Interrupted) as stop:
        run(learner, path, Listener(signal_after=after), interrupts)
    assert stop.value.signum == signal.SIGTERM
    return learner


@pytest.fixture
def checkpoint(tmp_path: Path) -> Path:
    return tmp_path / "state.safetensors"


def whole() -> list[str]:
    calls = []
    for number in range(EPOCHS * STEPS):
        calls += [f"begin {number // STEPS}"] * (number % STEPS == 0) + [f"step {number}"]
        calls += ["end"] * (number % STEPS == STEPS - 1)
    return calls


def test_every_step_is_taken_once_between_beginning_and_end_of_its_epoch(checkpoint: Path) -> None:
    learner = Counter()
    run(learner, checkpoint)
    assert learner.called == whole()
    assert not learner.open


def test_progress_hears_of_every_step_of_each_epochs_numbers_and_of_what_may_mislead(checkpoint: Path) -> None:
    learner, listener = Counter(), Listener()
    run(learner, checkpoint, listener)
    assert listener.stages == [("Counting", EPOCHS * STEPS, "steps", 0)]
    assert listener.warnings == [f"epoch {epoch} may mislead" for epoch in range(EPOCHS)]
    assert [bool(numbers) for numbers in listener.numbers] == ([False] * (STEPS - 1) + [True]) * EPOCHS
    assert listener.numbers[-1] == {"digest": float(learner.digest)}


@pytest.mark.parametrize("after", range(1, EPOCHS * STEPS + 1))
def test_a_signal_leaves_a_checkpoint_from_which_the_same_steps_are_taken(checkpoint: Path, after: int) -> None:
    unbroken = Counter()
    run(unbroken, checkpoint)
    first = interrupted(checkpoint, after)
    assert not first.open
    second, listener = Counter(), Listener()
    run(second, checkpoint, listener)
    assert first.called + second.called == whole()
    assert second.digest == unbroken.digest
    assert listener.stages == [("Counting", EPOCHS * STEPS, "steps", after)]


@pytest.mark.parametrize("until", [0.2, 1 / 3, 0.5, 0.99])
def test_a_share_of_the_steps_ends_with_a_checkpoint_to_go_on_from(checkpoint: Path, until: float) -> None:
    first, listener = Counter(), Listener()
    run(first, checkpoint, listener, until=until)
    last = round(EPOCHS * STEPS * until)
    assert listener.stages == [("Counting", last, "steps", 0)]
    assert [call for call in first.called if call.startswith("step")] == [f"step {n}" for n in range(last)]
    assert checkpoint.exists() == (last < EPOCHS * STEPS)
    again = Counter()
    run(again, checkpoint, until=until)
    assert (again.called == []) == (last < EPOCHS * STEPS)  # all of that share was done
    if checkpoint.exists():
        second = Counter()
        run(second, checkpoint)
        assert first.called + second.called == whole()


def test_checkpoints_are_written_when_they_are_due_and_hold_the_last_step(checkpoint: Path) -> None:
    learner = Counter(fails_at=6)
    with pytest.raises(NoisecleanerError):
        run(learner, checkpoint, seconds=-1)
    assert not learner.open
    resumed = Counter()
    assert Checkpoint(checkpoint, 1e9).restore(resumed) == 6
    assert resumed.digest == learner.digest


def test_no_checkpoint_is_written_where_none_is_due(checkpoint: Path) -> None:
    with pytest.raises(NoisecleanerError):
        run(Counter(fails_at=6), checkpoint)
    run(Counter(), checkpoint)
    assert not checkpoint.exists()


def test_the_loop_imports_nothing_that_learns() -> None:
    tree = ast.parse(Path(loop.__file__).read_text("utf-8"))
    modules = {node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)} - {"__future__"}
    names = {alias.name for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) for alias in node.names}
    assert not [node for node in ast.walk(tree) if isinstance(node, ast.Import)]
    assert modules == {f"noisecleaner.{name}" for name in ("progress", "training.checkpoints", "training.learner")}
    assert "WeightingLearner" not in names
