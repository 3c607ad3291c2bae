"""What a run is compared with, and whether that makes sense."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import pyarrow as pa
import pyarrow.compute as pc

from noisecleaner.gate.rules._words import listed, quoted
from noisecleaner.notices import Notice, Severity, doubts
from noisecleaner.runs.scored_run import ScoredRun

#: From this share of rows without a score on, what a baseline says is called into question.
_SKIPPED = 0.05


@dataclass(frozen=True, kw_only=True)
class Baseline:
    """The scored run that another one is compared with.

    Args:
        scored: the baseline.
        judged: the run that is judged against it.
    """

    scored: ScoredRun
    judged: ScoredRun

    @property
    def name(self) -> str:
        """What it is called in a sentence."""
        return f"the baseline {quoted(str(self.scored.path))}"

    @cached_property
    def only_here(self) -> tuple[str, ...]:
        """The classes that the baseline does not have."""
        there = frozenset(self.scored.metadata.classes)
        return tuple(name for name in self.judged.metadata.classes if name not in there)

    @cached_property
    def only_there(self) -> tuple[str, ...]:
        """The classes that only the baseline has."""
        here = frozenset(self.judged.metadata.classes)
        return tuple(name for name in self.scored.metadata.classes if name not in here)

    @property
    def comparable(self) -> bool:
        """Whether the noise of both can be compared: of other rows only with the same classes."""
        if len(self.only_here) == len(self.judged.metadata.classes):
            return False
        return not (self.only_here or self.only_there) or self.shares_rows or self._one_fit()

    @cached_property
    def shares_rows(self) -> bool:
        """Whether a sample id of one is one of the other.

        Raises:
            NoisecleanerError: a scores.parquet is damaged.
        """
        there = self.scored.scores(["sample_id"])["sample_id"].combine_chunks()
        return any(_overlap(batch["sample_id"], there) for batch in self.judged.batches(["sample_id"]))

    def differences(self) -> str:
        """Tell which classes are not those of the other: `'emu' only here, 'cat', 'dog' only there`."""
        sides = {"here": self.only_here, "there": self.only_there}
        return " and ".join(f"{listed(names, quoted)} only {where}" for where, names in sides.items() if names)

    def notices(self) -> Iterator[Notice]:
        """Say what makes the comparison doubtful, the doubts of the baseline itself among it."""
        if self.only_here or self.only_there:
            message = f"Classes of this run and of {self.name} differ: {self.differences()}. Compare runs of one task."
            yield Notice(code="baseline-of-other-classes", message=message)
        if not self.shares_rows:
            message = f"No row of this run is one of {self.name}: two datasets are compared."
            # scores of new rows are meant to be held against those of the fitted ones
            severity = Severity.NOTE if self._one_fit() else Severity.WARNING
            yield Notice(code="baseline-of-other-rows", message=message, severity=severity)
        counts = self.scored.counts
        if counts.rows - counts.scored > _SKIPPED * counts.rows:
            yield Notice(code="baseline-skipped-rows", message=f"Of {self.name}: {counts.coverage}.")
        for notice in doubts(self.scored.metadata.notices):
            if notice not in self.judged.metadata.notices:
                yield Notice(code=f"baseline-{notice.code}", message=f"Of {self.name}: {notice.message}")

    def _one_fit(self) -> bool:
        """Whether both were scored by one fit."""
        one, other = (os.path.realpath(run.metadata.run) for run in (self.scored, self.judged))
        return one == other


def _overlap(ids: pa.Array, others: pa.Array) -> bool:
    return bool(pc.any(pc.is_in(ids, value_set=others)).as_py())
