"""`plan`: which rows to verify first and next, and which verified ones to look at again."""

from noisecleaner.planning.drawing import PlanResult, plan
from noisecleaner.planning.filled import FilledForm, read_form
from noisecleaner.planning.following import to_fit, to_review, to_score, to_score_new
from noisecleaner.planning.of_data import DataPlanResult, plan_data
from noisecleaner.planning.origin import Origin
from noisecleaner.planning.rechecking import RecheckResult, recheck

__all__ = [
    "DataPlanResult",
    "FilledForm",
    "Origin",
    "PlanResult",
    "RecheckResult",
    "plan",
    "plan_data",
    "read_form",
    "recheck",
    "to_fit",
    "to_review",
    "to_score",
    "to_score_new",
]
