"""The cost of a meta step: its time and memory over those of a plain SGD step on the same network."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from noisecleaner.bench import Experiment, Metrics, Row, Work
from noisecleaner.bench._choosing import chosen
from noisecleaner.bench._single_steps import SingleSteps
from noisecleaner.bench._subjects import SUBJECTS
from noisecleaner.bench._training_loops import measured

_ALONE, _IN_A_LOOP = "alone", "loop"


@dataclass(frozen=True)
class _Way:
    """How a method asks which way the trusted loss falls.

    Args:
        method: a file of `weightings/`, or `create_graph`.
        layers: what the direction covers.
        trusted: share of the source batch that a trusted batch has.
        every: steps for which it serves.
    """

    method: str
    layers: str = "exact"
    trusted: float = 1.0
    every: int = 1

    def row(self, network: str, part: str) -> Row:
        """The row of a network's table."""
        setting: dict[str, str | float] = {"network": network, "part": part, "meta": self.layers}
        return Row(self.method, {**setting, "trusted": self.trusted, "every": self.every})


_PLAIN = _Way("uniform")
_STEPS = (
    *(_Way("soseleto", layers, share) for layers in ("exact", "block", "last") for share in (1.0, 0.25)),
    *(_Way("l2b", layers, share) for layers in ("exact", "block", "last") for share in (1.0, 0.25)),
    _Way("l2b", every=4),
    _Way("l2rw"),
    _Way("bilevel"),
    _Way("create_graph"),
)
_LOOPS = (
    _PLAIN,
    _Way("soseleto"),
    _Way("l2b"),
    _Way("l2rw"),
    _Way("l2b", trusted=0.25),
    _Way("l2b", "last"),
    _Way("l2b", "block"),
    _Way("l2b", every=4),
    _Way("bilevel"),
)


def _rows(network: str) -> tuple[Row, ...]:
    """All rows of a network: steps alone, then loops."""
    steps, loops = ([way.row(network, part) for way in ways] for part, ways in ((_ALONE, _STEPS), (_IN_A_LOOP, _LOOPS)))
    return (*steps, *loops)


class MetaStep(Experiment):
    """Random inputs; CIFAR-10 Quick, PreActResNet-18, torchvision's resnet18 at 224 pixels, and a head on vectors.

    The part `alone` takes steps on one batch. `plain_steps` is the median, over interleaved rounds, of a method's step
    over a plain one in the same round, with its `lower` and `upper` quartile. Both take forward and backward pass,
    clipping and momentum SGD. `operations` is the ratio of their multiplications in layers and convolutions, which no
    other work on the machine disturbs; `memory` that of the most bytes they hold, parameters and momentum included.
    `create_graph` is L2B's Algorithm 1 written down as it stands: an update from zero weights, and autograd through it.
    The head is one hidden layer of 128 units on 1,280 numbers.

    The part `loop` takes steps as `fit` does: the learner draws, augments, weighs, steps, keeps the history of rows and
    concludes each epoch of 32 batches. `plain_steps` compares it with `uniform` there, and `of_minimal` compares
    `uniform` with the images a second of a minimal loop of PyTorch: data on the device, random batches, channels last,
    fused SGD with momentum, and nothing else.

    `scale` is the share of batches of 512 (cifar-quick, head), 128 (preact-resnet18; 512 in the loop) and 32 (resnet18,
    other backbones).

    Args:
        precision: what layers compute in; "auto" is bfloat16 for networks on pixels on a GPU that has it.
        network: of the table, or any backbone; several with commas between.
        parts: `alone`, `loop`.
        methods: with commas between.
        rounds: how often a step, or a loop, and what it is compared with take their turns.
    """

    rows = tuple(row for each in SUBJECTS for row in _rows(each.name))
    scale = 0.25
    choosing = frozenset({"network", "parts", "methods"})

    def __init__(
        self,
        *,
        precision: Literal["auto", "float32", "bfloat16"] = "auto",
        network: str = "",
        parts: str = "",
        methods: str = "",
        rounds: int = 7,
    ) -> None:
        self.precision, self.rounds = precision, max(2, rounds)
        names = [name.strip() for name in network.split(",") if name.strip()]
        rows = tuple(row for name in names for row in _rows(name)) if names else self.rows
        self._chosen = chosen(rows, {"parts": parts, "methods": methods})

    def chosen(self) -> tuple[Row, ...]:
        """Take the rows that options name."""
        return self._chosen

    def run(self, row: Row, work: Work) -> Metrics:
        """Time the steps of one method beside plain ones."""
        if row.setting["part"] == _ALONE:
            return SingleSteps(row, work, self.precision).measured(self.rounds)
        plain = _PLAIN.row(str(row.setting["network"]), _IN_A_LOOP)
        return measured(row, work, precision=self.precision, rounds=self.rounds, plain=plain)
