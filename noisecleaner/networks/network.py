"""What every method trains: a trunk and a classifier; and what it takes: batches."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor, nn

from noisecleaner.ranks.group import Ranks


@dataclass(frozen=True, kw_only=True, eq=False)
class Membership:
    """What several folds that see the same batch make of its rows.

    Args:
        counts: 1 where a row is one of a fold's, else 0, shape [folds, n].
        size: rows of each fold, at least 1, shape [folds, 1].
        recorder: the fold that keeps what is found out about a row, shape [1, n]; any one where none does.
        recorded: 1 where one does, else 0, shape [n].
    """

    counts: Tensor
    size: Tensor
    recorder: Tensor
    recorded: Tensor

    def picked(self, values: Tensor) -> Tensor:
        """Pick what the fold says that records a row: values [folds, n] or [folds, n, k] -> [n] or [n, k]."""
        places = self.recorder if values.dim() == 2 else self.recorder.unsqueeze(-1).expand(1, *values.shape[1:])
        return values.gather(0, places).squeeze(0)


@dataclass(frozen=True, kw_only=True, eq=False)
class Share:
    """What the rows of a batch, shape [n], are of one that several processes share.

    Args:
        size: rows of the whole batch.
        first: rows of it before these.
        ranks: the processes, each with its part.
    """

    size: int
    first: int
    ranks: Ranks


@dataclass(frozen=True, kw_only=True, eq=False)
class Batch:
    """Rows of a mini-batch. Several folds may see it at once: then what is said of a row has the shape [folds, n].

    Args:
        inputs: pixels [n, 3, size, size], vectors [n, width] or log probabilities [n, classes].
        labels: given labels of source rows, verified labels of trusted rows, shape [n], or of each fold [folds, n].
        rows: their numbers in the run, shape [n].
        folds: which fold counts which row; None where there is one, which counts them all.
        share: what they are of a larger batch; None where they are all of it. A loss of theirs is then their part of
            the batch's, so that the sum over all processes is the whole one, and so is that of its gradients.
    """

    inputs: Tensor
    labels: Tensor
    rows: Tensor
    folds: Membership | None = None
    share: Share | None = None

    @property
    def size(self) -> int | Tensor:
        """How many rows of the whole batch count; of each fold, in the shape [folds, 1]."""
        if self.share is not None:
            return self.share.size
        return len(self.rows) if self.folds is None else self.folds.size

    def portion(self, mean: Tensor) -> Tensor:
        """What a mean over these rows makes up of the mean over the whole batch; both of shape []."""
        return mean if self.share is None else mean * (len(self.rows) / self.share.size)

    def total(self, values: Tensor) -> Tensor:
        """Sum up what each process says of its rows, in the shape [...] of the values; of all rows it is itself."""
        return values if self.share is None else self.share.ranks.total(values)

    def only(self, values: Tensor) -> Tensor:
        """Put zero in place of what is said of rows that do not count; shape [n] or [folds, n]."""
        return values if self.folds is None else values * self.folds.counts

    def mean(self, values: Tensor) -> Tensor:
        """The mean of values [n] over the rows that count, a scalar; of [folds, n], the sum of the means of folds.

        Of a batch that is shared, it is the part of the mean that these rows make up.
        """
        if self.share is not None:
            return values.sum() / self.share.size
        return values.mean() if self.folds is None else (self.only(values) / self.folds.size).sum()


class Network(nn.Module):
    """A trunk and a classifier on top: the paper's theta and phi.

    Args:
        trunk: inputs -> features [n, width].
        head: features [n, width] -> logits [n, classes].
    """

    def __init__(self, *, trunk: nn.Module, head: nn.Module) -> None:
        super().__init__()
        self.trunk = trunk
        self.head = head

    @property
    def trains_features(self) -> bool:
        """Whether the trunk has parameters; where it has none, the head is all that is trained."""
        return any(True for _ in self.trunk.parameters())

    def forward(self, inputs: Tensor) -> Tensor:
        """Turn a batch of inputs [n, ...] into logits [n, classes]."""
        logits: Tensor = self.head(self.trunk(inputs))
        return logits
