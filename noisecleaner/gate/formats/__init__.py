"""Formats of a verdict: one file = one `--format`. Each has `render(verdict) -> str`; all of them expect hostile texts.

The console's own view is in `commands/console.py`.
"""

from __future__ import annotations

from noisecleaner.gate.verdicts import Verdict
from noisecleaner.registry import module_in


def render(format: str, verdict: Verdict) -> str:
    """Write a verdict in a format that a machine reads.

    Args:
        format: the name of a file of this folder.
        verdict: what to write.

    Raises:
        NoisecleanerError: there is no such format.
    """
    text: str = module_in("gate.formats", format, parameter="`format`").render(verdict)
    return text
