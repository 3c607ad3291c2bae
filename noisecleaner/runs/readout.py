"""What a trained fold found out about rows: a file of a run that is not finished."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from noisecleaner.arrays import IntArray, SingleArray
from noisecleaner.files import damaged, read_arrays, write_arrays
from noisecleaner.quality.signals import Dynamics, Predictions


@dataclass(frozen=True, kw_only=True)
class FoldReadout:
    """What one fold found out.

    Args:
        recorded: rows whose training it recorded, shape [n].
        dynamics: of those rows.
        predicted: rows of the dataset that it predicted, shape [m].
        predictions: of those rows.
        clean_only: clean-only rows that it predicted, counted from 0, shape [k].
        clean_only_log_probabilities: of those rows, shape [k, classes].
        first: what the first round had predicted of the rows of the dataset; None where there was no second one. No
            file holds it: a resumed run takes the second round again.
        voted: what the second round predicts together with the rows' neighbours, likewise.
    """

    recorded: IntArray
    dynamics: Dynamics
    predicted: IntArray
    predictions: Predictions
    clean_only: IntArray
    clean_only_log_probabilities: SingleArray
    first: Predictions | None = None
    voted: Predictions | None = None

    def write(self, path: Path) -> None:
        """Write everything but the given labels, which the dataset has."""
        arrays = {
            "recorded": self.recorded,
            **dict(self.dynamics.stored()),
            "predicted": self.predicted,
            **dict(self.predictions.stored()),
            "clean_only": self.clean_only,
            "clean_only_log_probabilities": self.clean_only_log_probabilities,
        }
        write_arrays(path, arrays, {})

    @classmethod
    def read(cls, path: Path, *, given: IntArray) -> FoldReadout:
        """Read what `write` wrote.

        Args:
            path: the file.
            given: class index of the given label of every row, -1 where there is none, shape [rows].

        Raises:
            NoisecleanerError: the file is missing or damaged, or lacks one of the arrays.
        """
        arrays = read_arrays(path)[0]
        try:
            predicted = arrays["predicted"]
            return cls(
                recorded=arrays["recorded"],
                dynamics=Dynamics.loaded(arrays.__getitem__),
                predicted=predicted,
                predictions=Predictions.loaded(arrays.__getitem__, given=given[predicted]),
                clean_only=arrays["clean_only"],
                clean_only_log_probabilities=arrays["clean_only_log_probabilities"],
            )
        except KeyError as error:
            raise damaged(path, f"it holds no {error}") from error
