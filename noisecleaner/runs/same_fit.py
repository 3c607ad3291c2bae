"""Several processes were asked for the same fit, or none goes on: what the leader was asked for is what they do."""

from __future__ import annotations

from pathlib import Path

from noisecleaner.errors import NoisecleanerError
from noisecleaner.ranks.group import Ranks
from noisecleaner.runs.config import FitConfig
from noisecleaner.runs.differences import differences


def refuse_other_fit(config: FitConfig, out: Path, ranks: Ranks) -> None:
    """Refuse processes that were not all asked for the same.

    Args:
        config: what this one was asked.
        out: the run directory that it was given.
        ranks: all of them.

    Raises:
        NoisecleanerError: this one was asked for something else than the leader.
    """
    if ranks.alone:
        return
    own = {"out": str(out.absolute()), **config.to_json()}
    other = list(differences(ranks.shared(lambda: own), own, word=f"in process {ranks.rank}"))
    if other:
        raise NoisecleanerError(
            f"Processes that fit together must be started with the same options, but they differ: {', '.join(other)}.",
            "Start all of them with one torchrun command.",
        )
