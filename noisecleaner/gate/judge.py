"""`gate`: a scored run and rules -> a verdict."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from noisecleaner.errors import NoisecleanerError
from noisecleaner.files import AnyPath, located, shared
from noisecleaner.gate.baseline import Baseline
from noisecleaner.gate.config import GateConfig
from noisecleaner.gate.flagged import FlaggedRows
from noisecleaner.gate.limits import Limit
from noisecleaner.gate.rules import Case, rules
from noisecleaner.gate.verdicts import Finding, Verdict
from noisecleaner.runs.near import before_scores, found
from noisecleaner.runs.scored_run import ScoredRun


def gate(scored: AnyPath, config: GateConfig) -> Verdict:
    """Judge a scored run by rules.

    Noise is judged by its 95 % interval: it passes when the upper end is at or below the limit, fails when the lower
    end is above it, and is inconclusive otherwise. Everything else is counted exactly. `max-skipped` is judged even if
    it is not among the limits, and then makes the gate inconclusive at most.

    Args:
        scored: a run directory after `score`, or the output of `score_new`.
        config: the limits, see `GateConfig`.

    Raises:
        NoisecleanerError: the run (or the baseline) has no usable scores, no row is scored, or both are the same.
    """
    scored = located(scored)
    with held(scored, config):
        return _judged(scored, config)


@contextmanager
def held(scored: Path, config: GateConfig) -> Iterator[None]:
    """Keep others from writing to what a gate reads while the block runs."""
    with ExitStack() as stack:
        for path in (scored, config.baseline):
            if path is not None:
                stack.enter_context(shared(Path(path), work="gate"))
        yield


def _judged(scored: Path, config: GateConfig) -> Verdict:
    """Judge a scored run that nobody writes to."""
    run, other = _open(scored), read_baseline(config, scored)
    baseline = Baseline(scored=other, judged=run) if other else None
    return Verdict(
        run=str(scored),
        findings=tuple(_findings(run, baseline, config)),
        on_inconclusive=config.on_inconclusive,
        counts=run.counts,
        flagged=FlaggedRows(run=run),
        notices=(*run.metadata.notices, *(baseline.notices() if baseline else ())),
    )


def _findings(run: ScoredRun, baseline: Baseline | None, config: GateConfig) -> Iterator[Finding]:
    """Judge the rules that were asked for; of those that are judged all the same, tell only what was found."""
    for name, rule in rules().items():
        limit = config.limits.get(name)
        if limit is not None:
            yield rule.judge(Case(rule=rule, limit=limit, run=run, baseline=baseline))
        elif rule.default is not None:
            finding = rule.judge(Case(rule=rule, limit=Limit(rule.default), run=run, baseline=baseline, asked=False))
            if finding.value:
                yield finding


def read_baseline(config: GateConfig, scored: Path) -> ScoredRun | None:
    """Open what the rules compare with, if they do.

    Raises:
        NoisecleanerError: it has no usable scores, or is the run that is judged.
    """
    if config.baseline is None:
        return None
    if os.path.realpath(config.baseline) == os.path.realpath(scored):  # unlike resolve(), also of a ring of links
        raise NoisecleanerError(
            f"The baseline must be another run, but {config.baseline} is the one that is judged.",
            "Name the run to compare with: `baseline=RUN`.",
        )
    return _open(located(config.baseline))


def _open(path: Path) -> ScoredRun:
    """Open a scored run.

    Raises:
        NoisecleanerError: it has no usable scores, no row is scored, or its noise.json is damaged or of other rows,
            even where no rule asks for it: a gate that passes says that the run is sound.
    """
    if not ScoredRun.has_scores(path):
        raise NoisecleanerError(f"A gate needs a run that has been scored, but {found(path)}.", before_scores(path))
    run = ScoredRun(path)
    _ = run.noise
    if not run.counts.scored:
        raise NoisecleanerError(
            f"A gate needs scored rows, but {path / 'scores.parquet'} has none: an empty table must not pass.",
            "See its skip_reason column for why rows were left out.",
        )
    return run
