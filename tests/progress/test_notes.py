"""What is kept in one process is told in another."""

from __future__ import annotations

import pickle

from noisecleaner.progress.notes import Notes


def test_what_was_kept_is_told_in_its_order_elsewhere() -> None:
    here, there = Notes(), Notes()
    here.note("one")
    here.warn("careful")
    here.note("two")
    pickle.loads(pickle.dumps(here)).pass_on(there)  # noqa: S301  # what was just dumped
    assert there.notes == ["one", "two"]
    assert there.warnings == ["careful"]
