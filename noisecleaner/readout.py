"""What a trained fold knows about each row, as plain arrays: the end of torch's part of the line."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from noisecleaner.alignment import at
from noisecleaner.folds import Fold
from noisecleaner.ingest.manifest import IntArray
from noisecleaner.progress import Stage
from noisecleaner.training import Data, State, margins, predict
from noisecleaner.weightings import Network

Arrays = dict[str, npt.NDArray[Any]]
#: Labels other than the given one that are kept for a row, most probable first.
CANDIDATES = 5
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


def read_new(networks: list[Network], data: Data, rows: IntArray, stage: Stage) -> Arrays:
    """Predict rows that were not fitted with the mean logits of all folds' networks.

    Returns:
        `predicted_margin`, `predicted_log_probability`, `candidates`, `candidate_log_probabilities` of `rows`.
    """
    streams = [predict(network, data, rows, _BATCH) for network in networks]
    mean = ((parts[0][0], torch.stack([p[1] for p in parts]).mean(dim=0)) for parts in zip(*streams, strict=True))
    return merge(_summaries(mean, data.given, stage))


def summarise(logits: Tensor, given: Tensor) -> Arrays:
    """Reduce logits [n, classes] and given labels [n] to what the quality model uses.

    A row without a label (-1) has neither margin nor probability, and every class is a candidate.
    """
    log_probabilities = logits.log_softmax(dim=1)
    labelled, label = given >= 0, given.clamp(min=0)
    own = torch.full_like(log_probabilities[:, 0], torch.nan)
    without = log_probabilities.scatter(1, label.unsqueeze(1), -torch.inf)
    others = torch.where(labelled.unsqueeze(1), without, log_probabilities)
    values, candidates = others.topk(min(CANDIDATES, logits.shape[1] - 1), dim=1)
    return {
        "predicted_margin": _numpy(torch.where(labelled, margins(logits, label), own)),
        "predicted_log_probability": _numpy(torch.where(labelled, at(log_probabilities, label), own)),
        "candidates": candidates.to(torch.int32).numpy(),
        "candidate_log_probabilities": _numpy(values),
    }


def merge(parts: Iterable[Arrays]) -> Arrays:
    """Concatenate the arrays of several batches by name."""
    collected = list(parts)
    return {name: np.concatenate([part[name] for part in collected]) for name in (collected[0] if collected else {})}


def _summaries(stream: Iterable[tuple[IntArray, Tensor]], given: IntArray, stage: Stage) -> Iterator[Arrays]:
    for rows, logits in stream:
        yield summarise(logits, torch.from_numpy(given[rows]))
        stage.advance(len(rows))


def _numpy(tensor: Tensor) -> npt.NDArray[Any]:
    return tensor.detach().float().cpu().numpy()
