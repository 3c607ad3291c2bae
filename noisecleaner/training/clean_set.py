"""A clean set in place of verified rows: those whose loss a mixture of two Gaussians calls clean (L2B, section 4.4)."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from noisecleaner.arrays import BoolArray, FloatArray, IntArray, RealArray

#: Rows of a class that the clean set holds at least, as far as the class has them.
LEAST = 10


class CleanSet(nn.Module):
    """Which rows stand in for trusted ones; chosen anew in each epoch, kept in between for a resumed run.

    Args:
        rows: how many rows the run has.
    """

    def __init__(self, rows: int) -> None:
        super().__init__()
        self.members: Tensor
        self.register_buffer("members", torch.zeros(rows, dtype=torch.bool))

    def rows(self) -> IntArray:
        """The rows of the set, ascending, shape [rows of the set]."""
        return self.members.nonzero().squeeze(1).cpu().numpy()

    def choose(self, source: IntArray, *, logits: Tensor, given: Tensor) -> int:
        """Choose among the source rows by their losses on the given labels, see `clean_rows`.

        Args:
            source: the rows, shape [n].
            logits: of these rows, shape [n, classes].
            given: their given labels, shape [n].

        Returns:
            How many rows were taken although the mixture does not call them clean.
        """
        losses = functional.cross_entropy(logits, given, reduction="none")
        clean, lent = clean_rows(losses=losses.double().numpy(), given=given.numpy())
        self.members.zero_()
        self.members[torch.from_numpy(source[clean]).to(self.members.device)] = True
        return lent


def lent_warning(lent: int, *, of: int) -> str:
    """Say that so many of the rows of a clean set are none that the mixture calls clean."""
    return (
        f"{lent:,} of {of:,} rows of the meta set have high losses, because some classes have too few rows of low "
        "loss; they may be wrong. Verified rows (`trusted=FILE`) steer better."
    )


def clean_rows(*, losses: RealArray, given: IntArray) -> tuple[BoolArray, int]:
    """Choose rows that are probably right, as many of each class as of any other.

    A row is a candidate where its loss more likely comes from the Gaussian with the lower mean (losses scaled to
    [0, 1] first, as in DivideMix, which L2B follows). Of each class the candidates with the lowest losses are
    taken, as many as the poorest class has, but not fewer than `LEAST`: a class with fewer candidates lends its rows
    of the next lowest losses. So no class is ever without a row.

    Args:
        losses: of each row on its given label, shape [n].
        given: class index of the given label, shape [n].

    Returns:
        Which rows were chosen, shape [n], and how many of them are no candidates.
    """
    likely = clean_probability(losses) > 0.5
    classes = np.unique(given)
    size = max(LEAST, min(int((likely & (given == label)).sum()) for label in classes))
    clean = np.zeros(len(given), dtype=bool)
    for label in classes:
        rows = np.flatnonzero(given == label)
        clean[rows[np.lexsort((losses[rows], ~likely[rows]))[:size]]] = True
    return clean, int((clean & ~likely).sum())


def clean_probability(losses: RealArray) -> FloatArray:
    """The probability that a row's label is right, by its loss: that it comes from the Gaussian with the lower mean.

    Args:
        losses: of each row on its given label, shape [n]; scaled to [0, 1] first.

    Returns:
        Posterior probabilities of the mixture (DivideMix, section 3.1), shape [n]; 1 where nothing tells rows apart.
    """
    from sklearn.mixture import GaussianMixture

    span = float(losses.max() - losses.min())
    if span < 1e-9:  # nothing tells the rows apart
        return np.ones(len(losses))
    scaled = ((losses - losses.min()) / span).reshape(-1, 1)
    # the floor of the variances is DivideMix's: it keeps a component from collapsing onto a few rows
    mixture = GaussianMixture(2, reg_covar=5e-4, random_state=0).fit(scaled)
    low = int(np.argmin(mixture.means_[:, 0]))
    return np.asarray(mixture.predict_proba(scaled)[:, low])
