"""JSON: one object, see `Verdict.to_json`; ASCII only, so that no terminal or locale can change it."""

from __future__ import annotations

import json

from noisecleaner.gate.verdicts import Verdict


def render(verdict: Verdict) -> str:
    """Write the verdict as JSON; a lone surrogate (from a path that is no Unicode) becomes a question mark."""
    text = json.dumps(_clean(verdict.to_json()), indent=2, allow_nan=False)
    return f"{text}\n"


def _clean(value: object) -> object:
    if isinstance(value, dict):
        return {key: _clean(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_clean(inner) for inner in value]
    return value.encode(errors="replace").decode() if isinstance(value, str) else value
