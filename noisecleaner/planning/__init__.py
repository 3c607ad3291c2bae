"""`plan`: which rows to verify next."""

from noisecleaner.planning.drawing import PlanResult, plan

__all__ = ["PlanResult", "plan"]
