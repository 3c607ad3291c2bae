"""What a trained fold knows about each row, as plain arrays: the end of torch's part of the line."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from noisecleaner.arrays import IntArray
from noisecleaner.inputs.batches import Data
from noisecleaner.progress import Stage
from noisecleaner.quality.signals import Arrays, merge, summarise
from noisecleaner.training.evaluation import predict
from noisecleaner.training.folds import Fold
from noisecleaner.training.state import State

_BATCH = 512


def read_fold(state: State, data: Data, fold: Fold, rows: int, stage: Stage) -> Arrays:
    """Collect what one fold found out.

    Args:
        state: after training.
        data: the inputs.
        fold: which rows it recorded and which it predicts.
        rows: number of rows of the dataset; indices from there on are clean-only rows.
        stage: advanced by the rows that are predicted.

    Returns:
        `recorded` rows with `alpha`, `beta`, `alignment` (NaN without one) and `margin`; `predicted` rows with
        `predicted_margin`, `predicted_log_probability`, `candidates` and `candidate_log_probabilities`;
        `clean_only` rows with `clean_only_log_probabilities` [n, classes].
    """
    recorded = torch.from_numpy(fold.recorded).to(data.device)
    alpha, beta = state.weighting.alpha()[recorded], state.weighting.beta()
    alignment = state.weighting.alignment()[recorded]
    history = {
        "recorded": fold.recorded,
        "alpha": _numpy(alpha),
        "beta": _numpy(torch.full_like(alpha, torch.nan) if beta is None else beta[recorded]),
        "alignment": _numpy(alignment),
        "margin": _numpy(state.history.margin()[recorded]),
    }
    inside, outside = fold.predicted[fold.predicted < rows], fold.predicted[fold.predicted >= rows]
    network = state.outcome()
    predicted = merge(_summaries(predict(network, data, inside, _BATCH), data.given, stage))
    extra = [logits.log_softmax(dim=1).numpy() for _, logits in predict(network, data, outside, _BATCH)]
    return {
        **history,
        "predicted": inside,
        **predicted,
        "clean_only": outside - rows,
        "clean_only_log_probabilities": np.concatenate(extra) if extra else np.empty((0, 0), np.float32),
    }


def _summaries(stream: Iterable[tuple[IntArray, Tensor]], given: IntArray, stage: Stage) -> Iterator[Arrays]:
    for rows, logits in stream:
        yield summarise(logits.numpy(), given[rows])
        stage.advance(len(rows))


def _numpy(tensor: Tensor) -> npt.NDArray[Any]:
    return tensor.detach().float().cpu().numpy()
