"""JSON: one object, see `Verdict.to_json`; ASCII only, so that no terminal or locale can change it."""

from __future__ import annotations

from noisecleaner.gate.verdicts import Verdict
from noisecleaner.texts import json_text


def render(verdict: Verdict) -> str:
    """Write the verdict as JSON."""
    return json_text(verdict.to_json())
