"""The Python interface: one function for each command, and the types of its arguments. Nothing here prints.

Importing this module does not import torch: the modules behind it that do, see `_WITH_TORCH`, are imported when a name
of theirs is asked for (PEP 562), also by `from noisecleaner.api import fit`. The type checker reads their names below,
where it alone looks. `score_new` imports torch when it is called; the rest never does.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from noisecleaner.demo import Demo, demo
from noisecleaner.embedding.config import EmbedConfig
from noisecleaner.embedding.result import EmbedResult
from noisecleaner.errors import Interrupted, NoisecleanerError
from noisecleaner.export.cleaning import export_clean
from noisecleaner.export.corrupt import Corruption, Kind, corrupt
from noisecleaner.export.decisions import OnFlag, Policy
from noisecleaner.export.formats import Format
from noisecleaner.export.result import ExportResult
from noisecleaner.gate.config import GateConfig, gather_config
from noisecleaner.gate.formats import render
from noisecleaner.gate.judge import gate
from noisecleaner.gate.limits import Level, Limit, OnInconclusive, Unit
from noisecleaner.gate.rules import Rule, rules
from noisecleaner.gate.verdicts import Effect, Finding, Outcome, Verdict
from noisecleaner.ingest import Columns, Source
from noisecleaner.ingest.ids import ids
from noisecleaner.ingest.memory import keep
from noisecleaner.noise.goal import Goal
from noisecleaner.noise.thresholds import TooFewVerifiedError
from noisecleaner.planning import DataPlanResult, PlanResult, RecheckResult, plan, plan_data, recheck
from noisecleaner.progress import Interrupts, Progress, Stage
from noisecleaner.progress.bars import ProgressBars, Verbosity
from noisecleaner.registry import PlugIn, methods, regularisers
from noisecleaner.report.writing import ReportResult, report
from noisecleaner.review.writing import ReviewResult, review
from noisecleaner.runs.config import FitConfig
from noisecleaner.runs.cutoff import Cutoff
from noisecleaner.runs.record import FitResult
from noisecleaner.runs.scored_run import ScoredRun
from noisecleaner.runs.summary import Summary
from noisecleaner.scoring import score, score_new
from noisecleaner.settings import Decoding, Effort, Inference, Meta, Model, Regularisation
from noisecleaner.verifying.checking import verify
from noisecleaner.verifying.soundness import CheckedManifest, Soundness, VerifyResult

if TYPE_CHECKING:
    from noisecleaner.bench import BenchConfig, Benchmark, bench
    from noisecleaner.embedding.embedder import Embedder
    from noisecleaner.embedding.writing import embed
    from noisecleaner.fitting import fit

__all__ = [
    "BenchConfig",
    "Benchmark",
    "CheckedManifest",
    "Columns",
    "Corruption",
    "Cutoff",
    "DataPlanResult",
    "Decoding",
    "Demo",
    "Effect",
    "Effort",
    "EmbedConfig",
    "EmbedResult",
    "Embedder",
    "ExportResult",
    "Finding",
    "FitConfig",
    "FitResult",
    "Format",
    "GateConfig",
    "Goal",
    "Inference",
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
    "PlanResult",
    "PlugIn",
    "Policy",
    "Progress",
    "ProgressBars",
    "RecheckResult",
    "Regularisation",
    "ReportResult",
    "ReviewResult",
    "Rule",
    "ScoredRun",
    "Soundness",
    "Source",
    "Stage",
    "Summary",
    "TooFewVerifiedError",
    "Unit",
    "Verbosity",
    "Verdict",
    "VerifyResult",
    "bench",
    "corrupt",
    "demo",
    "embed",
    "export_clean",
    "fit",
    "gate",
    "gather_config",
    "ids",
    "keep",
    "methods",
    "plan",
    "plan_data",
    "recheck",
    "regularisers",
    "render",
    "report",
    "review",
    "rules",
    "score",
    "score_new",
    "verify",
]

#: Asked, in this order, for the names that are not found above.
_WITH_TORCH = ("fitting", "embedding.writing", "embedding.embedder", "bench")


def __getattr__(name: str) -> Any:
    if name in __all__:
        for module in _WITH_TORCH:
            names = vars(import_module(f"noisecleaner.{module}"))
            if name in names:
                return names[name]
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return __all__
