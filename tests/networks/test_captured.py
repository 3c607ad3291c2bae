"""A captured step is the plain one: same parameters, same random numbers, and the device is never waited for."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from noisecleaner.inputs.batches import Data
from noisecleaner.networks import backbones
from noisecleaner.networks.captured import CapturedCalls
from noisecleaner.networks.network import Network
from noisecleaner.regularisers import Side
from noisecleaner.settings import Meta
from noisecleaner.training.folds import Fold
from noisecleaner.training.learner import WeightingLearner
from noisecleaner.training.recipe import Recipe, make_learner
from noisecleaner.training.schedule import Schedule

CPU = torch.device("cpu")
NEEDS_GPU = pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
ROWS, STEERING, EPOCHS = 300, 60, 4
RECIPES = {
    "uniform": Recipe("uniform"),
    "soseleto": Recipe("soseleto", options={"warmup": 1}),
    "l2b": Recipe("l2b", options={"warmup": 1}),
    "l2rw": Recipe("l2rw", options={"warmup": 1}),
    "every": Recipe("l2b", options={"warmup": 1}, meta=Meta(layers="last", every=2, momentum=0.5)),
    "bilevel": Recipe("bilevel", options={"batches": 4}),
}


def test_steps_on_a_cpu_are_taken_as_they_are() -> None:
    steps, seen = CapturedCalls(CPU), list[float]()

    def take(drawn: tuple[Tensor, ...]) -> Tensor:
        seen.append(float(drawn[0]))
        return drawn[0]

    for number in range(6):
        assert float(steps.call("kind", (torch.tensor(float(number)),), take)) == number
    assert seen == [0, 1, 2, 3, 4, 5]
    assert steps.refusals() == []


def test_a_cpu_has_no_stream_of_its_own() -> None:
    with CapturedCalls(CPU).running():
        assert True


def learner(recipe: Recipe, *, head: bool = False) -> WeightingLearner:
    """A network with batch norm on pixels, or a head, on the GPU."""
    rng, device = np.random.default_rng(0), torch.device("cuda")
    given = rng.integers(0, 4, ROWS)
    trusted = np.where(np.arange(ROWS) < STEERING, given, -1)
    pixels = rng.integers(0, 256, (ROWS, 32, 32, 3)).astype(np.uint8)
    vectors = rng.normal(size=(ROWS, 16)).astype(np.float32)
    data = Data(array=vectors if head else pixels, given=given, trusted=trusted, device=device, augmented=not head)
    torch.manual_seed(0)
    if head:
        network = Network(trunk=nn.Identity(), head=nn.Linear(16, 4))
    else:
        trunk = backbones.build("preact-resnet18", size=32, pretrained=False, weights=None)
        network = Network(trunk=nn.Sequential(trunk, nn.Dropout(0.1)), head=nn.Linear(trunk.width, 4))
    fold = Fold(source=np.arange(STEERING, ROWS), steering=np.arange(STEERING))
    schedule = Schedule(epochs=EPOCHS, batch_size=40, trusted_batch=20, learning_rate=0.01, weight_decay=1e-4)
    return make_learner(recipe, network, data, side=Side(), fold=fold, schedule=schedule, seed=0)


def run(made: WeightingLearner, *, plainly: bool) -> int:
    """Take all steps, and say how many kinds were captured."""
    if plainly:
        made._steps = CapturedCalls(made.data.device, allowed=False)
    with made.session():
        for number in range(made.epochs * made.steps_per_epoch):
            epoch, position = divmod(number, made.steps_per_epoch)
            if position == 0:
                assert made.begin_epoch(epoch) == []
            made.step(number)
            if position == made.steps_per_epoch - 1:
                made.end_epoch()
    return len(made._steps._graphs)


@NEEDS_GPU
@pytest.mark.parametrize("head", [False, True], ids=["network", "head"])
@pytest.mark.parametrize("name", RECIPES)
def test_captured_steps_are_the_plain_ones(name: str, head: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.backends.cudnn, "deterministic", True)
    plain, captured = learner(RECIPES[name], head=head), learner(RECIPES[name], head=head)
    assert run(plain, plainly=True) == 0
    assert run(captured, plainly=False) > 0
    for key, tensor in plain.state_dict().items():
        torch.testing.assert_close(captured.state_dict()[key], tensor, rtol=2e-3, atol=2e-3, equal_nan=True, msg=key)


@NEEDS_GPU
@pytest.mark.parametrize("head", [False, True], ids=["network", "head"])
@pytest.mark.parametrize("name", RECIPES)
def test_no_step_waits_for_the_device(name: str, head: bool) -> None:
    made = learner(RECIPES[name], head=head)
    made._steps = CapturedCalls(made.data.device, allowed=False)
    with made.session(), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the mode says that it is a prototype
        first = made.steps_per_epoch + 1
        for number in range(first):  # the first one of a rule looks at the network
            made.step(number)
        try:
            torch.cuda.set_sync_debug_mode("error")
            for number in range(first, 3 * made.steps_per_epoch):
                made.step(number)
        finally:
            torch.cuda.set_sync_debug_mode("default")


@NEEDS_GPU
def test_a_step_that_waits_is_not_captured_and_says_so() -> None:
    device = torch.device("cuda")
    steps, place = CapturedCalls(device), torch.zeros((), device=device)

    def take(drawn: tuple[Tensor, ...]) -> Tensor:
        place.add_(float(drawn[0]))
        return drawn[0]

    with steps.running():
        for number in range(6):
            steps.call("kind", (torch.tensor(float(number), device=device),), take)
    assert float(place) == 15
    (said,) = steps.refusals()
    assert said == "they wait for the device (1 time)"
