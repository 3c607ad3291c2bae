"""`plan`: which rows to verify next, and which verified ones to look at again."""

from noisecleaner.planning.drawing import PlanResult, plan
from noisecleaner.planning.rechecking import RecheckResult, recheck

__all__ = ["PlanResult", "RecheckResult", "plan", "recheck"]
