"""The Python interface: one function for each command, and the types of its arguments. Nothing here prints.

`fit`, `score_new` and `bench` import torch when they are called; the rest never does.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from noisecleaner.corrupt import Corruption, Kind, corrupt
from noisecleaner.errors import Interrupted, NoisecleanerError
from noisecleaner.export import Exported, Format, OnFlag, export_clean
from noisecleaner.formats import render
from noisecleaner.gate import gate
from noisecleaner.ingest import Columns, Source
from noisecleaner.methods import Method, methods, regularisers
from noisecleaner.planning import Planned, plan
from noisecleaner.progress import Interrupts, Progress, Stage
from noisecleaner.reports import Summary
from noisecleaner.rules import Level, Limit, OnInconclusive, Rule, Rules, gather_rules
from noisecleaner.scoring import score, score_new
from noisecleaner.thresholds import Goal, TooFewVerifiedError
from noisecleaner.verdicts import Effect, Finding, Outcome, Verdict

if TYPE_CHECKING:
    from noisecleaner.bench import Benchmark, bench
    from noisecleaner.choices import Effort, Model, Regularisation
    from noisecleaner.fitting import Fitted, fit
    from noisecleaner.inputs import Decoding
    from noisecleaner.weightings import Meta

__all__ = [
    "Benchmark",
    "Columns",
    "Corruption",
    "Decoding",
    "Effect",
    "Effort",
    "Exported",
    "Finding",
    "Fitted",
    "Format",
    "Goal",
    "Interrupted",
    "Interrupts",
    "Kind",
    "Level",
    "Limit",
    "Meta",
    "Method",
    "Model",
    "NoisecleanerError",
    "OnFlag",
    "OnInconclusive",
    "Outcome",
    "Planned",
    "Progress",
    "Regularisation",
    "Rule",
    "Rules",
    "Source",
    "Stage",
    "Summary",
    "TooFewVerifiedError",
    "Verdict",
    "bench",
    "corrupt",
    "export_clean",
    "fit",
    "gate",
    "gather_rules",
    "methods",
    "plan",
    "regularisers",
    "render",
    "score",
    "score_new",
]

_NEEDS_TORCH = {
    "Benchmark": "bench",
    "Decoding": "inputs",
    "Effort": "choices",
    "Fitted": "fitting",
    "Meta": "weightings",
    "Model": "choices",
    "Regularisation": "choices",
    "bench": "bench",
    "fit": "fitting",
}


def __getattr__(name: str) -> Any:
    """Import what needs torch only when it is asked for."""
    from importlib import import_module

    if name in _NEEDS_TORCH:
        return getattr(import_module(f"noisecleaner.{_NEEDS_TORCH[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
