"""The Python interface: one function for each command, and the types of its arguments. Nothing here prints.

`fit`, `score_new` and `bench` import torch when they are called; the rest never does.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from noisecleaner.errors import Interrupted, NoisecleanerError
from noisecleaner.export.cleaning import ExportResult, export_clean
from noisecleaner.export.corrupt import Corruption, Kind, corrupt
from noisecleaner.export.decisions import OnFlag, Policy
from noisecleaner.export.formats import Format
from noisecleaner.gate.formats import render
from noisecleaner.gate.judge import gate
from noisecleaner.gate.rules import Level, Limit, OnInconclusive, Rule, Rules, gather_rules
from noisecleaner.gate.verdicts import Effect, Finding, Outcome, Verdict
from noisecleaner.ingest import Columns, Source
from noisecleaner.inputs.decoding import Decoding
from noisecleaner.noise.thresholds import Goal, TooFewVerifiedError
from noisecleaner.planning import Planned, plan
from noisecleaner.progress import Interrupts, Progress, Stage
from noisecleaner.registry import PlugIn, methods, regularisers
from noisecleaner.runs.summary import Summary
from noisecleaner.scoring import score, score_new
from noisecleaner.settings import Effort, Meta, Model, Regularisation

if TYPE_CHECKING:
    from noisecleaner.bench import BenchConfig, Benchmark, bench
    from noisecleaner.fitting import Fitted, fit

__all__ = [
    "BenchConfig",
    "Benchmark",
    "Columns",
    "Corruption",
    "Decoding",
    "Effect",
    "Effort",
    "ExportResult",
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
    "Model",
    "NoisecleanerError",
    "OnFlag",
    "OnInconclusive",
    "Outcome",
    "Planned",
    "PlugIn",
    "Policy",
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
    "BenchConfig": "bench",
    "Benchmark": "bench",
    "Fitted": "fitting",
    "bench": "bench",
    "fit": "fitting",
}


def __getattr__(name: str) -> Any:
    """Import what needs torch only when it is asked for."""
    from importlib import import_module

    if name in _NEEDS_TORCH:
        return getattr(import_module(f"noisecleaner.{_NEEDS_TORCH[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
