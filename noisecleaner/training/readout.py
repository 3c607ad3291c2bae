"""What a trained fold knows about each row, as plain arrays: the end of torch's part of the line."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from noisecleaner.arrays import FloatArray, IntArray
from noisecleaner.inputs.batches import Data
from noisecleaner.networks.network import Network
from noisecleaner.progress import Stage
from noisecleaner.quality.signals import Dynamics, Predictions
from noisecleaner.runs.readout import FoldReadout
from noisecleaner.training.evaluation import predict
from noisecleaner.training.folds import Fold
from noisecleaner.training.state import State


def read_fold(state: State, data: Data, fold: Fold, *, rows: int, stage: Stage) -> FoldReadout:
    """Collect what one fold found out.

    Args:
        state: after training.
        data: the inputs.
        fold: which rows it recorded and which it predicts.
        rows: number of rows of the dataset; indices from there on are clean-only rows.
        stage: advanced by the rows that are predicted.
    """
    return read_one_of(state, state.outcome(), data, fold, rows=rows, stage=stage)


def read_one_of(
    state: State, network: Network, data: Data, fold: Fold, *, rows: int, stage: Stage, place: int = 0
) -> FoldReadout:
    """Collect what one of several folds found out that were trained together.

    Args:
        state: of all of them.
        network: of this one.
        data: the inputs.
        fold: which rows it recorded and which it predicts.
        rows: number of rows of the dataset.
        stage: advanced by the rows that are predicted.
        place: which of the folds it is.
    """
    return FoldReadout(
        recorded=fold.recorded,
        dynamics=_dynamics(state, torch.from_numpy(fold.recorded).to(data.device), place),
        **_predicted(network, data, fold, rows=rows, stage=stage),
    )


def read_again(readout: FoldReadout, network: Network, data: Data, fold: Fold, *, rows: int) -> FoldReadout:
    """Put what the network of a second round says into what a fold found out; other arguments are `read_fold`'s."""
    return replace(readout, **_predicted(network, data, fold, rows=rows, stage=Stage()))


def _predicted(network: Network, data: Data, fold: Fold, *, rows: int, stage: Stage) -> dict[str, Any]:
    """The fields of a readout that its network says."""
    inside, outside = fold.predicted[fold.predicted < rows], fold.predicted[fold.predicted >= rows]
    extra = [logits.log_softmax(dim=1).numpy() for _, logits in predict(network, data, outside)]
    return {
        "predicted": inside,
        "predictions": _predictions(network, data, inside, stage),
        "clean_only": outside - rows,
        "clean_only_log_probabilities": np.concatenate(extra) if extra else np.empty((0, 0), np.float32),
    }


def _dynamics(state: State, rows: Tensor, place: int) -> Dynamics:
    """What training recorded of rows [n]; beta is NaN where the weighting has none."""
    alpha, beta = state.weighting.alpha_of(place)[rows], state.weighting.beta()
    return Dynamics(
        alpha=_numpy(alpha),
        beta=_numpy(torch.full_like(alpha, torch.nan) if beta is None else beta[rows]),
        alignment=_numpy(state.weighting.alignment()[rows]),
        margin=_numpy(state.history.margin()[rows]),
        positive_share=_numpy(state.weighting.positive_share()[rows]),
    )


def _predictions(network: Network, data: Data, rows: IntArray, stage: Stage) -> Predictions:
    """What the network says of rows [n], batch by batch."""
    parts = []
    for batch, logits in predict(network, data, rows):
        parts.append(Predictions.from_logits(logits.numpy(), given=data.given[batch]))
        stage.advance(len(batch))
    return Predictions.concat(parts) if parts else Predictions.none()


def _numpy(tensor: Tensor) -> FloatArray:
    return tensor.detach().float().cpu().double().numpy()
