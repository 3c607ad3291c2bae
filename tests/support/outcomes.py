"""What every refusal looks like."""

from __future__ import annotations

from support.datasets import Outcome


def refused(outcome: Outcome, *says: str) -> None:
    """Exit code 2, nothing on stdout, and one paragraph on stderr that holds these words."""
    assert outcome.code == 2
    assert outcome.out == ""
    assert all(text in outcome.err for text in says), outcome.err
    assert outcome.err.count("\n") == 1
